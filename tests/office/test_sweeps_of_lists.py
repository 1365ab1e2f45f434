"""The sweep ends reservations whose time is over and keeps local lists up, on both databases."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from app.domain.access import tags
from app.domain.commands import commands
from app.domain.ground.vocabulary import Actor, CommandState, Order, Outcome, ReservationState
from app.extensions import db as flask_db
from app.models import Command, LocalList, Reservation, Station, Tag, WorkerNode
from app.tasks.sweeps import sweep
from app.uow import unit_of_work
from tests.support import seed

ADA = Actor("Ada")


def connected(db, now):
    """A station of the seed that takes every order, and one of its tags."""
    made = seed.fill(db, now, history=0)
    for node in db.scalars(select(WorkerNode)):
        node.beat_at = now + timedelta(minutes=5)
    station = made.stations["CP-03"]
    station.supported_orders = [order.value for order in Order]
    return station, made.tags["Ada"].value


def answer(command, now):
    command.state = CommandState.SENT
    yes = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "Yes.")
    commands.settle(flask_db.session(), command, yes, now=now)


def fresh(model):
    db = flask_db.session()
    db.rollback()
    return db.scalars(select(model).order_by(model.id)).all()


def test_what_was_kept_in_vain_expires(any_app):
    now = datetime.now(UTC)
    with unit_of_work() as db:
        station, tag = connected(db, now)
        wish = {"connector": 1, "token": tag, "minutes": 5}
        then = now - timedelta(minutes=6)
        for node in db.scalars(select(WorkerNode)):
            node.beat_at = now
        command = commands.queue(db, ADA, station, Order.RESERVE, wish, now=then, ttl_s=60)
        answer(command, then)
        assert db.scalars(select(Reservation)).one().state is ReservationState.ACTIVE
    sweep()
    (row,) = fresh(Reservation)
    assert row.state is ReservationState.EXPIRED
    assert row.sentence == "Its time was over before anybody came."


def test_a_list_is_sent_by_itself_where_the_onboarding_says_so_and_after_each_change(any_app):
    now = datetime.now(UTC)
    with unit_of_work() as db:
        connected(db, now)
    sweep()
    assert [row for row in fresh(Command) if row.order is Order.SEND_LOCAL_LIST] == []
    with unit_of_work() as db:
        station = db.scalar(select(Station).where(Station.identity == "CP-03"))
        station.onboarding = {"local_list": True}
    sweep()
    sweep()
    (first,) = [row for row in fresh(Command) if row.order is Order.SEND_LOCAL_LIST]
    assert (first.requested_by, first.arguments["update"]) == ("system", "full")
    with unit_of_work() as db:
        answer(db.get(Command, first.id), datetime.now(UTC))
    sweep()
    assert len([row for row in fresh(Command) if row.order is Order.SEND_LOCAL_LIST]) == 1
    (held,) = fresh(LocalList)
    count = len(held.entries)
    with unit_of_work() as db:
        tags.archive(db, ADA, db.scalars(select(Tag)).first(), now=datetime.now(UTC))
    sweep()
    again = [row for row in fresh(Command) if row.order is Order.SEND_LOCAL_LIST][-1]
    assert again.arguments["update"] == "differential"
    assert len(again.arguments["removed"]) == 1
    assert count > 1
