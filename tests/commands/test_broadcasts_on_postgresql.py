"""Broadcasts and the settling of commands as PostgreSQL takes their statements and locks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.commands import broadcasts, commands
from app.domain.ground.vocabulary import SYSTEM, BroadcastState, CommandState, Order, Outcome
from app.extensions import db as flask_db
from app.models import Broadcast, Command
from app.tasks.sweeps import sweep
from app.uow import unit_of_work
from tests.support import lone, sockets
from tests.support.stations import register

pytestmark = pytest.mark.postgres

YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")


def begin(now):
    with unit_of_work() as db:
        fleet = [register(db, f"CP-{number}", now=now) for number in range(5)]
        for station in fleet:
            sockets.connect(db, station, node="w", orders=["clear_cache"], now=now)
        asked = ([station.id for station in fleet], Order.CLEAR_CACHE, {})
        tenant_id = fleet[0].tenant_id
        return broadcasts.start(db, SYSTEM, tenant_id, *asked, now=now, ttl_s=60, at_once=2).id


def settle_one(now):
    with unit_of_work() as db:
        waiting = select(Command).where(Command.state == CommandState.QUEUED)
        command = db.scalars(waiting.order_by(Command.id)).first()
        commands.settle(db, lone.claim(db, command.id, "w", now=now), YES, now=now)
    sweep()


@pytest.mark.landing
def test_a_broadcast_goes_its_way(postgres_app):
    now = datetime.now(UTC)
    number = begin(now)
    for _ in range(5):
        settle_one(now)
    db = flask_db.session()
    broadcast = db.get(Broadcast, number)
    assert broadcast.state is BroadcastState.DONE
    assert broadcasts.tally(db, broadcast) == {"accepted": 5}
