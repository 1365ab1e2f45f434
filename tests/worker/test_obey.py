"""Open connections obey: what staff decides ends them at once, whichever worker holds them."""

import contextlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from app.domain.commands import commands
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import OPEN_STATES, SYSTEM, CommandState, Order, Registration
from app.domain.network import stations
from app.domain.trust import certificates
from app.models import (
    ChargingSession,
    Command,
    Connection,
    HandshakeAttempt,
    Message,
    MeterReading,
    Site,
    Station,
    StationCertificate,
)
from tests.support.depot import TAG, furnish
from tests.support.pki import Authority, client_context
from tests.support.processes import Process, free_port, wait_for_port
from tests.support.raw_station import RawStation
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

NOW = datetime.now(UTC)
#: Generous: what is measured stands in `bench/`.
WITHIN_S = 60


def block(db, station):
    stations.set_registration(db, SYSTEM, station, Registration.BLOCKED, now=NOW)


def archive(db, station):
    stations.archive(db, SYSTEM, station, now=NOW)


def ask_for_more(db, station):
    stations.edit(db, SYSTEM, station, now=NOW, security_profile=2)


def change_the_password(db, station):
    stations.new_password(db, SYSTEM, station, now=NOW)


def rename(db, station):
    stations.edit(db, SYSTEM, station, now=NOW, identity=f"{station.identity}-B")


#: decision, what the close frame says, how the next handshake is answered
DECISIONS = [
    (block, "this station was blocked", 403, "blocked"),
    (archive, "this station is in the archive", 403, "archived"),
    (ask_for_more, "it now needs security profile 2", 403, "no_tls"),
    (change_the_password, "its password was changed", 401, "wrong_password"),
    (rename, "this station has another identity now", 404, "unknown_identity"),
]


@pytest.fixture(scope="module")
def nodes(make_shared_site):
    """One installation whose chargers two workers hold."""
    site = make_shared_site(processes=("worker",))
    furnish(site, 0)
    port = free_port()
    first = site.processes["worker"]
    environment = {**site.environment, "AMPDESK_OCPP_PORT": str(port)}
    other = Process("other", first.command, environment, site.data_dir / "other.log")
    site.processes["other"] = other
    other.start()
    wait_for_port(port, other)
    return site, {
        "worker": site,
        "other": SimpleNamespace(charger_url=f"ws://127.0.0.1:{port}/ocpp"),
    }


@pytest.fixture
def site(nodes):
    return nodes[0]


def register(site, identity):
    with site.work() as db:
        place = db.scalar(select(Site))
        _, password = stations.register(
            db, SYSTEM, place.tenant_id, place, identity, now=datetime.now(UTC)
        )
    return identity, password


@pytest.fixture
def login(site, request):
    return register(site, f"OB-{abs(hash(request.node.name)) % 10**9}")


def decide(site, identity, decision):
    with site.work() as db:
        decision(db, db.scalar(select(Station).where(Station.identity == identity)))


def end_of(client):
    """The code and the reason with which the worker hung up; what it said before is passed over."""
    try:
        while True:
            client.socket.recv(timeout=WITHIN_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def refusal(site, identity, password):
    with pytest.raises(InvalidStatus) as refused:
        RawStation(site, identity, password, "ocpp1.6")
    return refused.value.response.status_code


@pytest.mark.parametrize(("decision", "said", "status", "reason"), DECISIONS)
@pytest.mark.parametrize("node", ["worker", "other"])
def test_a_decision_ends_the_open_connection_and_refuses_the_next(
    nodes, login, node, decision, said, status, reason
):
    site, workers = nodes
    client = RawStation(workers[node], *login, "ocpp1.6")
    assert client.boot()["status"] == "Accepted"
    with site.read() as db:
        number = db.scalar(select(Station.id).where(Station.identity == login[0]))
    decide(site, login[0], decision)
    assert end_of(client) == (1008, said)
    assert refusal(workers[node], *login) == status

    def noted():
        with site.read() as db:
            kept = db.scalar(select(Connection).where(Connection.station_id == number))
            gone = db.get(Station, number).connection_id is None
            return gone and (kept.close_code, kept.close_reason) == (1008, said)

    def knocked():
        with site.read() as db:
            query = select(HandshakeAttempt).where(
                HandshakeAttempt.identity == login[0], HandshakeAttempt.reason == reason
            )
            return db.scalar(query)

    eventually(noted, WITHIN_S, "why it ended is kept")
    knock = eventually(knocked, WITHIN_S, "the refusal is under Setup")
    assert reason == "unknown_identity" or knock.station_id == number


def lower(db, station):
    stations.edit(
        *(db, SYSTEM, station),
        now=NOW,
        quirks={"allowed_networks": ["127.0.0.0/8"]},
        security_profile=0,
    )


def block_by_mistake(db, station):
    block(db, station)
    stations.set_registration(db, SYSTEM, station, Registration.ACCEPTED, now=NOW)


@pytest.mark.parametrize("decision", [lower, block_by_mistake])
def test_what_a_connection_proved_and_is_still_enough_lets_it_go_on(site, login, decision):
    client = RawStation(site, *login, "ocpp1.6")
    assert client.boot()["status"] == "Accepted"
    decide(site, login[0], decision)
    other = RawStation(site, *register(site, f"{login[0]}-X"), "ocpp1.6")
    decide(site, f"{login[0]}-X", block)
    assert end_of(other)[0] == 1008, "by now the worker has looked"
    assert client.call("Heartbeat", {})
    client.close()


def test_the_password_that_it_has_already_is_no_new_one(site, login):
    identity, _ = login

    def choose(db, station):
        stations.set_password(db, SYSTEM, station, "one that somebody chose", now=NOW)

    decide(site, identity, choose)
    client = RawStation(site, identity, "one that somebody chose", "ocpp1.6")
    assert client.boot()["status"] == "Accepted"
    decide(site, identity, choose)
    decide(site, identity, block_by_mistake)
    assert client.call("Heartbeat", {})
    client.close()


def test_who_is_let_in_while_it_is_being_blocked_is_out_again(site, login):
    with site.work() as db:
        block(db, db.scalar(select(Station).where(Station.identity == login[0])))
        client = RawStation(site, *login, "ocpp1.6")  # the gate cannot know of it yet
    assert end_of(client) == (1008, "this station was blocked")


@pytest.mark.landing
def test_without_redis_the_worker_looks_by_itself_and_takes_nothing_more(make_site, database):
    site = make_site(database, processes=("worker",))
    *several, other = furnish(site, 6).stations
    clients = [RawStation(site, *station, "ocpp1.6") for station in several]
    witness = RawStation(site, *other, "ocpp1.6")
    assert {client.boot()["status"] for client in [*clients, witness]} == {"Accepted"}
    site.kill9("redis")
    for client in clients:
        decide(site, client.identity, block)
        tell_of_a_session(client)
        assert end_of(client) == (1008, "this station was blocked")
        witness.boot()  # what was refused before is stored before
        if refused(site):
            break
    else:
        pytest.fail("five times the worker had looked before it read what came")
    with site.read() as db:
        assert db.scalar(select(func.count(MeterReading.id))) == 0
        assert db.scalar(select(func.count(ChargingSession.id))) == 0


def tell_of_a_session(client):
    """Say a reading and a start, as far as the worker still listens; no answer is waited for."""
    at = datetime.now(UTC).isoformat()
    sampled = [{"timestamp": at, "sampledValue": [{"value": "7"}]}]
    start = {"connectorId": 1, "idTag": TAG, "meterStart": 0, "timestamp": at}
    with contextlib.suppress(ConnectionClosed):
        for number, action, payload in (
            ("m", "MeterValues", {"connectorId": 1, "meterValue": sampled}),
            ("s", "StartTransaction", start),
        ):
            client.socket.send(json.dumps([2, number, action, payload]))


def refused(site):
    """Whether a reading that came over a connection that was over is in the log, with why."""
    with site.read() as db:
        row = db.scalar(select(Message).where(Message.action == "MeterValues"))
        if row is not None:
            assert (row.outcome, row.error_description) == ("refused", "this station was blocked")
        return row is not None


@pytest.mark.landing
def test_a_certificate_that_is_revoked_ends_the_connection_that_it_opened(make_site, tmp_path):
    authority = Authority(tmp_path)
    pair, port = authority.server(), free_port()
    site = make_site(
        processes=("worker",),
        ocpp_tls_port=port,
        ocpp_tls_cert=pair.cert_file,
        ocpp_tls_key=pair.key_file,
        ocpp_tls_client_ca=authority.root.cert_file,
    )
    furnish(site)
    own = authority.station("CP-1")
    with site.work() as db:
        station = db.scalar(select(Station))
        station.security_profile = 3
        now = datetime.now(UTC)
        row = StationCertificate(
            station_id=station.id,
            use="station",
            state="accepted",
            fingerprint=own.fingerprint,
            created_at=now,
            changed_at=now,
        )
        db.add(row)
    wss = {"ssl": client_context(authority, own), "subprotocols": ["ocpp1.6"], "proxy": None}
    wss["open_timeout"] = WITHIN_S
    with connect(f"wss://localhost:{port}/ocpp/CP-1", **wss) as socket:
        with site.work() as db:
            row = db.scalar(select(StationCertificate))
            certificates.revoke(db, SYSTEM, row, reason="its key was lost", now=NOW)
        assert end_of(SimpleNamespace(socket=socket)) == (1008, "its certificate was revoked")
    with pytest.raises(InvalidStatus) as refused:
        connect(f"wss://localhost:{port}/ocpp/CP-1", **wss)
    assert refused.value.response.status_code == 403


def order(site, identity, order, **arguments):
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == identity))
        now = datetime.now(UTC)
        return commands.queue(db, SYSTEM, row, order, arguments, now=now, ttl_s=30).id


def ended(site, number):
    def found():
        with site.read() as db:
            command = db.get(Command, number)
            return None if command.state in OPEN_STATES else command

    return eventually(found, what="the command ends")


@pytest.mark.parametrize("node", ["worker", "other"])
@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_disconnect_is_an_order_that_needs_no_message(nodes, login, version, node):
    site, workers = nodes
    client = RawStation(workers[node], *login, version)
    client.boot()
    number = order(site, login[0], Order.DISCONNECT)
    assert end_of(client) == (1001, "staff ended this connection")
    command = ended(site, number)
    assert (command.state, command.request) == (CommandState.ACCEPTED, None)
    assert command.sentence == "The connection was ended."
    again = RawStation(workers[node], *login, version)
    assert again.boot()["status"] == "Accepted"
    again.close()


def test_an_answer_that_comes_after_the_block_does_not_count(site, login):
    client = RawStation(site, *login, "ocpp1.6")
    client.boot()
    number = order(site, login[0], Order.READ_SETTINGS)
    heard, _ = client.hear("GetConfiguration")
    with site.work() as db:
        block(db, db.scalar(select(Station).where(Station.identity == login[0])))
        known = [{"key": "Planted", "readonly": False, "value": "1"}]
        client.answer(heard, {"configurationKey": known})  # it is stored after this commits
    command = ended(site, number)
    assert command.state is CommandState.FAILED
    assert command.answer is None


def test_a_blocked_station_gets_no_orders(site, login):
    client = RawStation(site, *login, "ocpp1.6")
    client.boot()
    with pytest.raises(Conflict, match="is blocked"), site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == login[0]))
        block(db, station)
        commands.queue(db, SYSTEM, station, Order.CLEAR_CACHE, {}, now=NOW, ttl_s=30)
    client.close()
