"""The running worker serves TLS beside its plain port, as its settings say."""

import base64
import json

import pytest
from sqlalchemy import select
from websockets.sync.client import connect

from app.models import Connection, Station
from tests.dialects.replay import Stage
from tests.support.pki import Authority, client_context
from tests.support.processes import free_port

pytestmark = pytest.mark.processes

BOOT = {"reason": "PowerUp", "chargingStation": {"model": "One", "vendorName": "Acme"}}


def test_stations_of_profiles_2_and_3_are_served_over_tls(make_site, tmp_path):
    authority = Authority(tmp_path)
    one, other = authority.server(), authority.server(with_rsa=True)
    port = free_port()
    site = make_site(
        processes=("worker",),
        ocpp_tls_port=port,
        ocpp_tls_cert=one.cert_file,
        ocpp_tls_key=one.key_file,
        ocpp_tls_cert2=other.cert_file,
        ocpp_tls_key2=other.key_file,
        ocpp_tls_client_ca=authority.root.cert_file,
        ocpp_cpo_name="Volt",
    )
    for profile in (2, 3):
        stage = Stage(site, "2.0.1")
        stage.set_up(security_profile=profile)
        headers, pair = {}, None
        if profile == 3:
            pair = authority.station(stage.identity)
        else:
            secret = base64.b64encode(f"{stage.identity}:{stage.password}".encode()).decode()
            headers = {"Authorization": f"Basic {secret}"}
        with connect(
            f"wss://localhost:{port}/ocpp/{stage.identity}",
            ssl=client_context(authority, pair),
            subprotocols=["ocpp2.0.1"],
            additional_headers=headers,
            open_timeout=60,
            proxy=None,
        ) as charger:
            charger.send(json.dumps([2, "1", "BootNotification", BOOT]))
            assert json.loads(charger.recv(timeout=30))[2]["status"] == "Accepted"
        with site.read() as db:
            used = db.scalar(
                select(Connection.security_profile)
                .join(Station, Connection.station_id == Station.id)
                .where(Station.identity == stage.identity)
            )
        assert used == profile
