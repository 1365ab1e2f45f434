"""A new password over OCPP, with stations that hang up, stay silent, or keep the old one."""

import itertools
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.domain.commands import commands
from app.domain.device import password_rotation
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.domain.network import stations
from app.models import Command, Site, Station
from tests.support.depot import furnish
from tests.support.raw_station import RawStation
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

NUMBERS = itertools.count(1)
NEW = "It came back with the new password."
OLD = "It came back with the old password, which goes on."


@pytest.fixture(scope="module")
def site(make_shared_site):
    site = make_shared_site(processes=("worker",))
    furnish(site, 0)
    return site


@pytest.fixture
def login(site):
    with site.work() as db:
        place = db.scalar(select(Site))
        row, password = stations.register(
            *(db, SYSTEM, place.tenant_id, place, f"PW-{next(NUMBERS)}"), now=datetime.now(UTC)
        )
        return row.identity, password


@pytest.fixture
def station(site, login):
    client = RawStation(site, *login, "ocpp1.6")
    assert client.boot()["status"] == "Accepted"
    return client


def rotate(site, identity):
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == identity))
        now = datetime.now(UTC)
        return commands.queue(db, SYSTEM, row, Order.CHANGE_PASSWORD, {}, now=now, ttl_s=30).id


def new_password(station):
    """The id of the call that brings the new password, and that password."""
    number, payload = station.hear("ChangeConfiguration")
    return number, payload["value"]


def ends(site, number, state, sentence):
    def so():
        with site.read() as db:
            command = db.get(Command, number)
            return (command.state, command.sentence) == (state, sentence)

    eventually(so, 30, sentence)


def passes(site, identity, password):
    try:
        RawStation(site, identity, password, "ocpp1.6").close()
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 401
        return False
    return True


def refused_in_the_end(site, identity, password):
    eventually(lambda: not passes(site, identity, password), what="it is refused")


def test_who_hangs_up_without_an_answer_and_comes_with_the_new_one_has_obeyed(site, login, station):
    number = rotate(site, login[0])
    _, new = new_password(station)
    station.close()
    assert passes(site, login[0], new)
    ends(site, number, CommandState.ACCEPTED, NEW)
    refused_in_the_end(site, *login)
    assert passes(site, login[0], new)


def test_who_is_back_before_it_is_written_with_which_one_is_not_locked_out(site, login, station):
    number = rotate(site, login[0])
    new_password(station)
    with site.work() as db:
        command, now = db.get(Command, number), datetime.now(UTC)
        password_rotation.line_lost(db, command)
        new = command.station.next_password_hash
        assert new is not None
        password_rotation.came_with(db, command.station, new, now=now)
        assert command.station.password_hash == new
    ends(site, number, CommandState.ACCEPTED, NEW)


def test_the_order_waits_for_the_return(site, login, station):
    number = rotate(site, login[0])
    new_password(station)
    station.close()
    waiting = "The connection ended before the answer: its next password will tell."
    ends(site, number, CommandState.SENT, waiting)


def test_who_comes_back_with_the_old_one_has_not_obeyed(site, login, station):
    number = rotate(site, login[0])
    _, new = new_password(station)
    station.close()
    assert passes(site, *login)
    ends(site, number, CommandState.FAILED, OLD)
    refused_in_the_end(site, login[0], new)
    again = RawStation(site, *login, "ocpp1.6")
    again.boot()
    rotate(site, login[0])
    assert new_password(again)[1] != new
    again.close()


def test_a_new_connection_with_the_old_one_before_the_first_has_ended(site, login, station):
    number = rotate(site, login[0])
    new_password(station)
    second = RawStation(site, *login, "ocpp1.6")
    ends(site, number, CommandState.FAILED, OLD)
    second.close()


def test_who_never_answers_and_comes_with_the_new_one_has_obeyed_late(site, login):
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == login[0]))
        row.quirks = {"call_timeout_s": 2}
    station = RawStation(site, *login, "ocpp1.6")
    station.boot()
    number = rotate(site, login[0])
    _, new = new_password(station)
    late = "The charger did not answer within 2 s; it may still act on it."
    ends(site, number, CommandState.TIMED_OUT, late)
    station.close()
    assert passes(site, login[0], new)
    ends(site, number, CommandState.ACCEPTED, NEW)
    refused_in_the_end(site, *login)


def test_who_comes_with_the_new_one_before_its_answer_has_obeyed(site, login, station):
    number = rotate(site, login[0])
    message_id, new = new_password(station)
    second = RawStation(site, login[0], new, "ocpp1.6")
    ends(site, number, CommandState.ACCEPTED, NEW)
    with pytest.raises(ConnectionClosed):
        station.answer(message_id, {"status": "Rejected"})
        station.socket.recv(timeout=30)
    assert second.boot()["status"] == "Accepted"
    second.close()
    refused_in_the_end(site, *login)


def test_a_second_new_password_waits_for_the_first(site, login, station):
    number = rotate(site, login[0])
    message_id, new = new_password(station)
    with pytest.raises(Conflict, match="has not come back with it"):
        rotate(site, login[0])
    station.answer(message_id, {"status": "RebootRequired"})
    accepted = "The charger took the new password and uses it after a restart."
    ends(site, number, CommandState.ACCEPTED, accepted)
    with pytest.raises(Conflict, match="has not come back with it"):
        rotate(site, login[0])
    assert passes(site, *login)
    assert passes(site, login[0], new)
    refused_in_the_end(site, *login)


def test_one_rotation_after_the_other(site, login, station):
    identity, client = login[0], station
    for _ in range(2):
        rotate(site, identity)
        message_id, new = new_password(client)
        client.answer(message_id, {"status": "Accepted"})
        client.close()
        client = RawStation(site, identity, new, "ocpp1.6")
        assert client.boot()["status"] == "Accepted"
    client.close()
    refused_in_the_end(site, *login)


def test_a_password_of_staff_ends_one_that_is_on_its_way(site, login, station):
    number = rotate(site, login[0])
    _, new = new_password(station)
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == login[0]))
        typed = stations.new_password(db, SYSTEM, row, now=datetime.now(UTC))
    ends(site, number, CommandState.FAILED, "Staff gave the station another password meanwhile.")
    with pytest.raises(ConnectionClosed) as closed:
        station.socket.recv(timeout=30)
    assert closed.value.rcvd.reason == "its password was changed"
    assert not passes(site, login[0], new)
    assert not passes(site, *login)
    assert passes(site, login[0], typed)


def test_the_worker_may_be_killed_while_it_waits(site, login, station):
    number = rotate(site, login[0])
    _, new = new_password(station)
    site.kill9("worker")
    site.restart("worker")
    site.wait_ready()
    assert passes(site, login[0], new)
    ends(site, number, CommandState.ACCEPTED, NEW)
