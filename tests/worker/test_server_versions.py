"""Which OCPP a connection speaks: the charger's preference, a pin, and what is refused."""

import json

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.gated import gated, last_knock, login, station
from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually
from worker.ocpp.versions import Version


@pytest.fixture
def port(app):
    with gated(app) as running:
        yield running


def knock(app, identity):
    return eventually(lambda: last_knock(app, identity), what="the knock")


@pytest.mark.parametrize(
    ("offered", "version"),
    [
        (["ocpp1.6", "ocpp2.0.1"], Version.V16),
        (["ocpp2.0.1", "ocpp1.6"], Version.V201),
        (["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], Version.V21),
        (["ocpp2.0", "ocpp2.1"], Version.V21),
        (["OCPP2.0.1"], Version.V201),
    ],
)
def test_the_chargers_first_version_that_is_spoken_is_chosen(offered, version):
    with OcppPort() as port, port.connect(subprotocols=offered) as charger:
        assert charger.subprotocol.casefold() == version.subprotocol
        eventually(lambda: port.desk.links)
        assert port.desk.links[0].version is version


def test_version_flip_between_connections(app, db, port):
    station(db, "FLIP")
    for name in ("ocpp1.6", "ocpp2.0.1", "ocpp1.6"):
        with port.connect("FLIP", subprotocols=[name], additional_headers=login("FLIP")) as charger:
            charger.send('[2,"1","Heartbeat",{}]')
            assert json.loads(charger.recv(timeout=20))[0] == 3
    assert [link.version for link in port.desk.links] == [Version.V16, Version.V201, Version.V16]


def test_a_pinned_station_gets_its_version_though_it_prefers_another(app, db, port):
    station(db, "PIN", quirks={"pin_version": "1.6"})
    offered = ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"]
    with port.connect("PIN", subprotocols=offered, additional_headers=login("PIN")) as charger:
        assert charger.subprotocol == "ocpp1.6"


def test_a_pinned_station_that_offers_only_others_is_sent_away_and_the_knock_says_why(
    app, db, port
):
    station(db, "PIN", quirks={"pin_version": "2.0.1"})
    with port.connect("PIN", additional_headers=login("PIN")) as charger:
        assert charger.subprotocol is None
        with pytest.raises(ConnectionClosed):
            charger.recv(timeout=20)
    assert not port.desk.links
    found = knock(app, "PIN")
    assert (found.accepted, found.reason) == (False, "other_version")
    assert found.sentence == (
        "The station is pinned to another version of OCPP."
        " It offered ocpp1.6; only OCPP 2.0.1 is accepted."
    )


def test_a_pinned_station_that_names_no_version_speaks_the_pinned_one(app, db, port):
    station(db, "PIN", quirks={"pin_version": "2.0.1"})
    with port.connect("PIN", subprotocols=None, additional_headers=login("PIN")) as charger:
        assert charger.subprotocol is None
        eventually(lambda: port.desk.links)
    assert port.desk.links[0].version is Version.V201
    assert knock(app, "PIN").sentence == "It named no OCPP version; 2.0.1 was assumed."


def test_no_subprotocol_strict_and_lenient(app, db, port):
    station(db, "LENIENT")
    station(db, "STRICT", validation="strict")
    with port.connect("LENIENT", subprotocols=None, additional_headers=login("LENIENT")):
        eventually(lambda: port.desk.links)
    with port.connect("STRICT", subprotocols=None, additional_headers=login("STRICT")) as charger:
        with pytest.raises(ConnectionClosed):
            charger.recv(timeout=20)
    assert [link.version for link in port.desk.links] == [Version.V16]
    assert knock(app, "STRICT").reason == "no_subprotocol"


def test_nothing_in_common_completes_the_handshake_without_the_header_and_closes(app, db, port):
    station(db, "ODD")
    offered = ["ocpp1.5", "ocpp2.0"]
    with port.connect("ODD", subprotocols=offered, additional_headers=login("ODD")) as charger:
        assert charger.subprotocol is None
        with pytest.raises(ConnectionClosed) as closed:
            charger.recv(timeout=20)
    assert closed.value.rcvd.code == 1002
    assert "ocpp1.5, ocpp2.0" in knock(app, "ODD").sentence
