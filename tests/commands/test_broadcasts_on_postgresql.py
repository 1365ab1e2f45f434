"""Broadcasts and the settling of commands as PostgreSQL takes their statements and locks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.commands import broadcasts, commands
from app.domain.ground.vocabulary import SYSTEM, BroadcastState, CommandState, Order, Outcome
from app.domain.network import presence, sites, stations, tenants
from app.extensions import db as flask_db
from app.models import Broadcast, Command
from app.tasks.sweeps import sweep
from app.uow import unit_of_work
from tests.support import apps, lone, sockets

pytestmark = pytest.mark.postgres

YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")


@pytest.fixture
def postgres_app(postgres_url, tmp_path):
    with apps.running(tmp_path, database_url=postgres_url) as app:
        yield app


def begin(now):
    with unit_of_work() as db:
        tenant = tenants.first(db, now=now)
        depot = sites.add(
            *(db, SYSTEM, tenant.id), name="D", timezone="UTC", currency="EUR", now=now
        )
        presence.beat(db, "w", now=now)
        fleet = []
        for number in range(5):
            station, _ = stations.register(db, SYSTEM, tenant.id, depot, f"CP-{number}", now=now)
            sockets.open_connection(
                *(db, station),
                node="w",
                address="192.0.2.9",
                protocol="ocpp1.6",
                orders=["clear_cache"],
                now=now,
            )
            fleet.append(station.id)
        return broadcasts.start(
            *(db, SYSTEM, tenant.id, fleet, Order.CLEAR_CACHE, {}), now=now, ttl_s=60, at_once=2
        ).id


def settle_one(now):
    with unit_of_work() as db:
        waiting = select(Command).where(Command.state == CommandState.QUEUED)
        command = db.scalars(waiting.order_by(Command.id)).first()
        commands.settle(db, lone.claim(db, command.id, "w", now=now), YES, now=now)
    sweep()


def test_a_broadcast_goes_its_way(postgres_app):
    now = datetime.now(UTC)
    number = begin(now)
    for _ in range(5):
        settle_one(now)
    db = flask_db.session()
    broadcast = db.get(Broadcast, number)
    assert broadcast.state is BroadcastState.DONE
    assert broadcasts.tally(db, broadcast) == {"accepted": 5}
