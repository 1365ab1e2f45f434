"""The proxy's file as it is shipped, in a real nginx before a real desk and a real worker."""

import base64
import http.client
import json
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from websockets.sync.client import connect

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.office import api_tokens, staff
from app.models import Connection, Tenant
from deploy.processes import ROOT
from tests.support.depot import furnish
from tests.support.nginx import started
from tests.support.pki import client_context
from tests.support.processes import free_port

pytestmark = pytest.mark.processes

TEMPLATE = ROOT / "deploy" / "proxy" / "ampdesk.conf.template"
AROUND = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/ampdesk.conf;
}}
"""
BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Fortress"}


@pytest.fixture(scope="module")
def site(make_shared_site):
    site = make_shared_site(
        processes=("web", "worker"), trusted_proxies="127.0.0.1/32", secure_cookies=1
    )
    site.stations = furnish(site).stations
    return site


@pytest.fixture(scope="module")
def port(site, authority, tmp_path_factory):
    """The port of the proxy, with TLS."""
    folder, port, pair = tmp_path_factory.mktemp("nginx"), free_port(), authority.server()
    (folder / "tls.crt").write_bytes(pair.cert_file.read_bytes())
    (folder / "tls.key").write_bytes(pair.key_file.read_bytes())
    text = TEMPLATE.read_text()
    for name, value in {
        "DESK": f"127.0.0.1:{site.settings.web_port}",
        "WORKER": f"127.0.0.1:{site.settings.ocpp_port}",
        "NAME": "localhost",
        "PORT": f"127.0.0.1:{port}",
        "CERTIFICATES": str(folder),
    }.items():
        text = text.replace(f"${{{name}}}", value)
    assert "${" not in text
    (folder / "ampdesk.conf").write_text(text)
    with started(folder, AROUND.format(folder=folder), port):
        yield port


@pytest.fixture
def trust(authority):
    return client_context(authority)


@contextmanager
def get(port, trust, path, **headers):
    """Ask the desk through the proxy; its answer."""
    asking = http.client.HTTPSConnection("localhost", port, timeout=20, context=trust)
    with closing(asking):
        asking.request("GET", path, headers=headers)
        with asking.getresponse() as answer:
            yield answer


def test_a_charger_speaks_through_the_proxy_and_its_own_address_is_known(site, port, trust):
    ((identity, password),) = site.stations
    secret = base64.b64encode(f"{identity}:{password}".encode()).decode()
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    with connect(
        f"wss://localhost:{port}/ocpp/{identity}",
        ssl=trust,
        subprotocols=["ocpp1.6"],
        additional_headers={"Authorization": f"Basic {secret}", **forged},
        open_timeout=60,
    ) as socket:
        assert socket.subprotocol == "ocpp1.6"
        socket.send(json.dumps([2, "1", "BootNotification", BOOT]))
        assert json.loads(socket.recv(timeout=20))[2]["status"] == "Accepted"
        with site.read() as db:
            (address,) = db.scalars(select(Connection.address))
        assert address == "127.0.0.1"


def test_the_desk_is_reached_and_what_probes_ask_is_not(port, trust):
    for path, status in {"/sign-in": 200, "/metrics": 404, "/readyz": 404}.items():
        with get(port, trust, path) as answer:
            assert answer.status == status


def test_events_come_as_they_happen(site, port, trust):
    with site.work() as db:
        listener = staff.create(
            *(db, SYSTEM),
            tenant_id=db.scalars(select(Tenant.id)).one(),
            email="listener@example.org",
            name="Listener",
            role=Role.VIEWER,
            password="correct-horse-battery",
            now=datetime.now(UTC),
        )
        _, secret = api_tokens.issue(db, SYSTEM, listener, name="ear", now=datetime.now(UTC))
    # The stream goes on for minutes: what is read here was not kept back until its end.
    with get(port, trust, "/api/v1/events", Authorization=f"Bearer {secret}") as answer:
        assert answer.status == 200
        assert answer.readline().startswith(b"retry")
