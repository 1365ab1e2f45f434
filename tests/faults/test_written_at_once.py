"""What somebody writes while it is ended elsewhere is not overwritten, on PostgreSQL."""

from datetime import timedelta

import pytest

from app.domain.charging import remote_starts
from app.domain.ground.vocabulary import CommandState, Order, Outcome
from app.domain.limits import setpoints
from app.models import Command, Setpoint
from app.uow import unit_of_work
from tests.support.beside import beside
from tests.support.charging import STARTED, network

pytestmark = pytest.mark.postgres

OVER = STARTED + timedelta(minutes=30)
NOW = STARTED + timedelta(hours=1)


@pytest.fixture
def kept(postgres_app):
    """Adds rows at a station where a session runs; tells their numbers."""
    with unit_of_work() as db:
        net = network(db)
        session, place = net.session().id, {"station_id": net.station.id}
        place["tenant_id"] = net.site.tenant_id

    def add(kind, /, **given):
        with unit_of_work() as db:
            values = place if hasattr(kind, "tenant_id") else {"station_id": place["station_id"]}
            db.add(row := kind(**values, **given))
            db.flush()
            return row.id, session

    return add


def after(app, end, kind, number, act):
    """The row, after it was ended while somebody did this to it and had not committed yet."""

    def run():
        with unit_of_work() as db:
            return end(db, now=NOW)

    with unit_of_work() as db:
        act(db, db.get_one(kind, number))
        db.flush()
        done = beside(app, run)
    done()
    with unit_of_work() as db:
        row = db.get_one(kind, number)
        db.expunge(row)
        return row


def want_more(db, row):
    row.wanted, row.state, row.expires_at = 2, "waiting", NOW + timedelta(minutes=1)


def test_an_answer_to_the_last_wish_ends_no_newer_one(postgres_app, kept):
    number, _ = kept(
        Setpoint, evse=1, session_id=1, document={}, wanted=1, wanted_at=STARTED,
        wanted_by="Ada", expires_at=OVER, state="sent", sent_at=STARTED,
    )  # fmt: skip

    def settle(db, *, now):
        claimed = setpoints.Claimed(number, 1, {})
        setpoints.settle(db, claimed, Outcome(CommandState.ACCEPTED, {}, "Taken."), now=now)

    row = after(postgres_app, settle, Setpoint, number, want_more)
    assert (row.state, row.wanted) == ("waiting", 2)


def test_a_remote_start_that_a_session_follows_is_followed(postgres_app, kept):
    number, session = kept(
        Command, order=Order.START_CHARGING, state=CommandState.ACCEPTED, sentence="Taken.",
        requested_by="Ada", requested_at=STARTED, expires_at=OVER, settled_at=STARTED,
    )  # fmt: skip

    def follow(db, row):
        row.session_id = session

    row = after(postgres_app, remote_starts.mark_unfollowed, Command, number, follow)
    assert (row.session_id, row.sentence) == (session, "Taken.")
