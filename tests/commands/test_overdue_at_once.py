"""Commands that are overdue end while a worker writes down how the same ones ended."""

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.extensions import db as flask_db
from app.models import Command
from app.uow import unit_of_work
from tests.support import sockets
from tests.support.beside import beside

pytestmark = pytest.mark.postgres


@pytest.fixture
def two(postgres_app, now):
    """Two commands whose time is over, the older one in a newer place of its table."""
    with unit_of_work() as db:
        station = sockets.online_station(db, now=now)
        wish = (SYSTEM, station, Order.CLEAR_CACHE, {})
        rows = [commands.queue(db, *wish, now=now, ttl_s=0) for _ in range(2)]
        numbers = sorted(row.id for row in rows)
    with unit_of_work() as db:
        db.get_one(Command, numbers[0]).sentence = "It is looked at."
    return numbers


def hold(db, number):
    db.execute(select(Command.id).where(Command.id == number).with_for_update())


def test_they_are_ended_lowest_first(postgres_app, two, now):
    def sweep():
        with unit_of_work() as db:
            return commands.expire_overdue(db, now)

    with unit_of_work() as db:
        hold(db, two[0])
        done = beside(postgres_app, sweep)
        # Had it begun with the second, PostgreSQL would have to end one of us.
        hold(db, two[1])
    assert done() == 2
    states = flask_db.session().scalars(select(Command.state)).all()
    assert set(states) == {CommandState.EXPIRED}
