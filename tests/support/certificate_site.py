"""A site that stations attack with certificates, and two of them: the attacker and the victim."""

import base64
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import stations
from app.models import Site, Station
from tests.support.depot import furnish
from tests.support.pki import client_context
from tests.support.processes import free_port

HEADER = "X-SSL-Client-Cert"


@pytest.fixture(scope="module")
def server(authority):
    return authority.server()


@pytest.fixture(scope="module")
def site(make_shared_site, authority, server):
    site = make_shared_site(
        processes=("worker", "celery"),
        ocpp_tls_port=free_port(),
        ocpp_tls_cert=server.cert_file,
        ocpp_tls_key=server.key_file,
        ocpp_tls_client_ca=authority.root.cert_file,
        ocpp_client_cert_header=HEADER,
        trusted_proxies="127.0.0.1",
    )
    furnish(site)
    return site


@pytest.fixture
def pair_of_stations(site, request):
    """The attacker and the victim: their identities and passwords; the victim has booted."""
    made = []
    with site.work() as db:
        place, now = db.scalar(select(Site)), datetime.now(UTC)
        for role in ("EVE", "BOB"):
            identity = f"{role}-{abs(hash(request.node.name)) % 10**8}"
            row, word = stations.register(db, SYSTEM, place.tenant_id, place, identity, now=now)
            made.append((row.identity, word))
    return made


def profile(site, identity, number):
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == identity))
        stations.edit(db, SYSTEM, row, now=datetime.now(UTC), security_profile=number)


def basic(login):
    return {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()}


def status(authority, port, identity, pair=None, **headers):
    """The status of a handshake over TLS, with or without a certificate: 101 lets in."""
    try:
        with connect(
            f"wss://localhost:{port}/ocpp/{identity}",
            ssl=client_context(authority, pair),
            subprotocols=["ocpp2.0.1"],
            additional_headers=headers,
            proxy=None,
            open_timeout=60,
        ):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def rows(site, identity, model):
    with site.read() as db:
        return list(db.scalars(select(model).where(model.station.has(identity=identity))))
