"""Live pages: what streams hear, and what many of them take."""

from datetime import UTC, datetime, timedelta

import pytest

from app import reactions
from app.domain.ground import events
from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.office import sign_ins
from app.extensions import db as flask_db
from app.models import User
from app.uow import unit_of_work
from app.web import live
from tests.support import apps, seed
from tests.support.by_hand import Network
from tests.support.wait import eventually

PEOPLE = 15


@pytest.fixture
def app(migrated, tmp_path, redis_server):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    with apps.running(tmp_path, redis_url=redis_server.url) as app:
        yield app
        eventually(lambda: app.extensions["live"]._thread is None, what="the ear is gone")


@pytest.fixture
def network(app, now):
    network = Network(flask_db.session(), now)
    network.people = [
        network.add(
            User(tenant_id=network.tenant.id, email=f"{n}@b.c", email_key=f"{n}@b.c", name="Ada",
                 password_hash="x", role=Role.VIEWER, created_at=now - timedelta(days=1))
        )
        for n in range(PEOPLE)
    ]  # fmt: skip
    network.one, network.other = network.station("CP-1").id, network.station("CP-2").id
    network.db.commit()
    return network


def opened(app, person, topics=""):
    """The events of a stream that hears, as they come."""
    answer = seed.signed_in(app, person).get(f"/live?topics={topics}")
    lines = (line for text in answer.response for line in text.decode().split("\n"))
    until(lines, "event: live")
    return lines, answer


def until(lines, wanted):
    read = []
    for line in lines:
        read.append(line)
        if line == wanted:
            return read
    raise AssertionError(f"it ended before {wanted!r}: {read}")


def change(network, *numbers):
    reactions.react(events.StationChanged(network.tenant.id, number) for number in numbers)
    reactions.flush(60)


@pytest.mark.landing
def test_a_hundred_and_fifty_streams_take_no_connection_each(app, network, redis_server):
    streams = [opened(app, person) for person in network.people for _ in range(live.MOST_OF_ONE)]
    assert len(app.extensions["live"]._listeners) == 150
    assert len(app.extensions["redis"].client_list()) < 10
    change(network, network.one)
    for lines, answer in streams:
        until(lines, f'data: "station:{network.one}"')
        answer.close()


def test_a_stream_tells_the_topics_that_were_asked_for(app, network):
    lines, answer = opened(app, network.people[0], f"station:{network.one},stations")
    change(network, network.other, network.one, network.other)
    told = until(lines, 'data: "stations"')
    answer.close()
    assert [line for line in told if line.startswith('data: "')] == [
        f'data: "station:{network.one}"',
        'data: "stations"',
    ]


def test_a_stream_ends_with_its_sign_in_and_no_other_does(app, network):
    gone, stays = network.people[:2]
    lines, answer = opened(app, gone)
    opened_too = opened(app, stays)[1]
    with unit_of_work() as work:
        person = work.get_one(User, gone.id)
        sign_ins.sign_out_everywhere(work, SYSTEM, person, now=datetime.now(UTC))
    assert "event: degraded" in list(lines)
    left = app.extensions["live"]._listeners
    assert [listener.user_id for listener in left if not listener.over] == [stays.id]
    answer.close()
    opened_too.close()
