"""Stations are waited for at the beginning of a commit alone, so that no two wait in a circle."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from app.domain.charging import clocks
from app.domain.device import deviations
from app.domain.ground import bulk
from app.domain.network import connections, plugs, presence
from app.extensions import db as flask_db
from app.models import Connection, Station
from app.uow import unit_of_work
from tests.support import sockets
from tests.support.beside import beside
from tests.support.stations import register
from worker.batch import Batch
from worker.dialects import DIALECTS
from worker.works import Together

pytestmark = pytest.mark.postgres


@pytest.fixture
def two(postgres_app, now):
    """Two stations that a dead worker holds, another one living."""
    with unit_of_work() as db:
        made = [register(db, f"CP-{number}", now=now - timedelta(minutes=2)) for number in range(2)]
        presence.beat(db, "dead", now=now - timedelta(minutes=2))
        for station in made:
            sockets.open_connection(db, station, node="dead", now=now - timedelta(minutes=2))
        sockets.witness(db, since=now - timedelta(minutes=2), now=now)
        return [station.id for station in made]


def sample(db, row, now, ahead=timedelta(hours=1)):
    with bulk.gathered(db):
        clocks.heard(db, row, now + ahead, now=now)


def plain_sample(db, number, now):
    sample(db, plugs.station_rows(db, [number])[number], now)


def sample_of_a_model(db, number, now):
    sample(db, db.get_one(Station, number), now)
    db.flush()


def clock_found_out(db, number, now):
    row = plugs.station_rows(db, [number])[number]
    row.clock_samples = [[(now - timedelta(minutes=1)).isoformat(), 3600.0]]
    row.connected_at = row.last_boot_at = now - timedelta(days=1)
    sample(db, row, now)


def dead_worker(db, number, now):
    presence.close_dead_nodes(db, now=now)


def ghosts(db, number, now):
    presence.settle(db, "dead", [], now=now)


def last_heard(db, number, now):
    presence.seen(db, [number], now=now)


def repairs(db, number, now):
    told = deviations.Tally(1, now, now, "a")
    assert deviations.store_free(db, {(number, "odd"): told}) == {(number, "odd"): told}


BEHIND = [
    *(plain_sample, sample_of_a_model, clock_found_out, dead_worker, ghosts, last_heard),
    repairs,
]


@pytest.mark.parametrize("write", BEHIND)
def test_what_comes_behind_other_stations_waits_for_none(postgres_app, two, now, write):
    first, second = two

    def behind_the_second():
        with unit_of_work() as db:
            connections.lock(db, [second])
            write(db, first, now)

    with unit_of_work() as db:
        connections.lock(db, [first])
        done = beside(postgres_app, behind_the_second)
        # Did it wait for the first now, PostgreSQL would have to end one of us.
        connections.lock(db, [second])
    done()
    held = flask_db.session().get_one(Station, first)
    assert (held.clock_samples or None, held.clock_offset_s) == (None, None)
    assert held.connection_id is not None and held.last_seen_at < now


def test_connections_that_were_passed_over_are_closed_the_next_time(postgres_app, two, now):
    def round_of_the_sweep():
        with unit_of_work() as db:
            return presence.close_dead_nodes(db, now=now)

    with unit_of_work() as db:
        connections.lock(db, [two[0]])
        done = beside(postgres_app, round_of_the_sweep)
    assert done() == 1
    assert round_of_the_sweep() == 1
    still = select(Connection.id).where(Connection.closed_at.is_(None))
    assert not flask_db.session().scalars(still).all()


@pytest.mark.parametrize("writes", [True, False])
def test_a_commit_locks_its_stations_before_all_else_where_it_writes_one(postgres_app, writes):
    said = []

    def store(db, items, rows):
        db.execute(select(Connection.id))
        return list(items)

    batch = Batch(postgres_app)
    with postgres_app.app_context():
        engine = flask_db.engine
    event.listen(engine, "before_cursor_execute", lambda *told: said.append(told[2:4]))
    batch.later(Together(store, "a", 9))
    batch.later(Together(store, "b", 3, writes=writes))
    batch.stop()
    locks = [(text, given) for text, given in said if "FOR NO KEY UPDATE" in text]
    assert bool(locks) is writes
    if writes:
        asked = [text for text, _ in said if "connections" in text or "stations" in text]
        assert asked[0] == locks[0][0] and "ORDER BY stations.id" in asked[0]
        assert {"9", "3"} == set(locks[0][1]["stations"].strip("{}").split(","))


def test_a_boot_writes_its_station_in_every_version():
    for dialect in DIALECTS.values():
        assert dialect.routes["BootNotification"].handler.writes
