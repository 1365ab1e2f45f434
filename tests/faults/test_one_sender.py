"""One charger sends as much as it may, and more: the others are served, and nothing is lost."""

import threading

import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import MessageOutcome
from app.models import Message, MeterReading
from bench import monster, wire
from tests.support.depot import furnish
from tests.support.fixtures import POSTGRESQL_BY_DAY, SQLITE_BY_DAY
from tests.support.trap import set_trap, trapped
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

#: So many readings are answered per heartbeat of another charger, at most: taken in one go a long
#: message let through one or two.  How long each waits is the bench's business.
PER_HEARTBEAT = 900


def stored(site):
    with site.read() as db:
        return db.scalar(select(func.count(MeterReading.id)))


def frame(count):
    return wire.packed([2, "long", "MeterValues", monster.readings(count)])


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
@pytest.mark.parametrize(
    "count", [18_000, pytest.param(monster.READINGS, marks=pytest.mark.nightly)]
)
def test_others_are_answered_while_thousands_of_readings_are_stored(make_site, database, count):
    site = make_site(database, processes=("worker",), ocpp_max_inflated_bytes=8 << 20)
    sender, other = furnish(site, 2).stations
    message = frame(count)
    assert len(message) < 300_000
    waits = monster.measure(site.settings.ocpp_port, sender, other, message)
    assert waits.answered == {}
    assert waits.heartbeats > count / PER_HEARTBEAT
    assert stored(site) == count


def test_a_message_beyond_the_limit_ends_its_connection_and_is_told(make_site):
    site = make_site(processes=("worker",))
    sender, other = furnish(site, 2).stations
    waits = monster.measure(site.settings.ocpp_port, sender, other, frame(monster.READINGS))
    assert waits.answered.endswith("compressed messages are limited to 2097152 bytes")

    def refusal():
        with site.read() as db:
            refused = Message.outcome == MessageOutcome.REFUSED
            return db.scalar(select(Message.error_description).where(refused))

    assert "compressed messages are limited to 2097152 bytes" in eventually(refusal)
    assert stored(site) == 0


@pytest.mark.landing
def test_too_many_items_are_refused_in_the_words_of_the_version(make_site):
    site = make_site(processes=("worker",), ocpp_max_inflated_bytes=8 << 20)
    sender, other = furnish(site, 2).stations
    one = monster.readings(1)["meterValue"][0]
    values = [{**one, "sampledValue": [{"value": 1}] * 1_000}] * 101
    said = [2, "long", "MeterValues", {"evseId": 1, "meterValue": values}]
    waits = monster.measure(site.settings.ocpp_port, sender, other, wire.packed(said))
    assert waits.answered == "OccurrenceConstraintViolation"
    assert stored(site) == 0


@pytest.mark.landing
@pytest.mark.parametrize("database", POSTGRESQL_BY_DAY)
def test_a_kill_between_two_pieces_loses_and_doubles_nothing(make_site, database):
    given = {"processes": ("worker",), "ocpp_max_inflated_bytes": 8 << 20}
    site = make_site(database, launch=trapped, **given)
    [sender] = furnish(site).stations
    message, count = frame(20_000), 20_000
    set_trap(site.data_dir, "worker", "committed", passes=2, word="MeterValues")
    port = site.settings.ocpp_port
    answers = []

    def send():
        sock = wire.connect(port, *sender, "ocpp2.0.1", monster.DEFLATE)
        try:
            wire.ask(sock, [2, "b", "BootNotification", monster.BOOT])
            sock.settimeout(120)
            sock.sendall(message)
            answers.append(wire.answer_to(sock, "long"))
        except OSError:
            answers.append("cut off")
        finally:
            sock.close()

    thread = threading.Thread(target=send)
    thread.start()
    eventually(lambda: not site.processes["worker"].running, what="it dies after some pieces")
    thread.join()
    assert answers == ["cut off"]
    assert 0 < stored(site) < count
    site.restart("worker")
    site.wait_ready()
    send()
    assert answers == ["cut off", {}]
    assert stored(site) == count
