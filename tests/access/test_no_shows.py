"""No-shows: a reservation that ran out counts as one only where nothing else can be why."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.access import authorisation, drivers, reservations, tags
from app.domain.access.authorisation import Tap
from app.domain.access.no_shows import REASONS
from app.domain.charging import sessions, statuses
from app.domain.commands import commands
from app.domain.ground.vocabulary import (
    Activity,
    Actor,
    Availability,
    CommandState,
    ConnectorRef,
    Order,
    Outcome,
    StationMode,
    StatusReport,
    TagStatus,
    Token,
)
from app.domain.money import no_show_fees
from app.domain.network import presence, tenants
from app.extensions import db as flask_db
from app.models import Reservation
from tests.support import lone, sockets
from tests.support.fixtures import SQLITE_BY_DAY

pytestmark = pytest.mark.parametrize("database", SQLITE_BY_DAY)

ADA = Actor("Ada")
YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger keeps the connector.")
SILENT = Outcome(CommandState.TIMED_OUT, None, "No answer came.")
HALF, HOUR = timedelta(minutes=10), timedelta(hours=1)
WHY = {reason.doubt: reason.why for reason in REASONS}


@pytest.fixture
def db(any_app):
    """Both databases: what counts is read by selects of all kinds."""
    with any_app.app_context():
        yield flask_db.session()
        flask_db.session.rollback()


@pytest.fixture
def station(db, now):
    return sockets.online_station(db, now=now)


@pytest.fixture
def driver(db, station, now):
    return drivers.add(db, ADA, station.tenant_id, now=now, name="Grace Hopper")


@pytest.fixture
def tag(db, station, driver, now):
    found = tags.add(db, ADA, tenants.first(db, now=now).id, now=now, value="AB12")
    found.driver_id = driver.id
    tags.add(db, ADA, station.tenant_id, now=now, value="OTHER")
    db.flush()
    return found


@pytest.fixture
def reserve(db, station, tag, now):
    def made(answer=YES, **given):
        arguments = {"connector": 1, "token": "ab12", "minutes": 30, **given}
        command = commands.queue(db, ADA, station, Order.RESERVE, arguments, now=now, ttl_s=60)
        command.state, command.action = CommandState.SENT, "ReserveNow"
        commands.settle(db, command, answer, now=now)
        presence.beat(db, "worker-a", now=now + HALF)
        return db.get(Reservation, int(command.subject.partition(":")[2]))

    return made


def weighed(db, row, now):
    """The reservation, an hour after it was made."""
    reservations.expire_due(db, now=now + timedelta(minutes=30))
    no_show_fees.weigh_due(db, now=now + HOUR)
    return row.no_show, row.no_show_why


def charge(db, station, now, token, evse=1):
    start = sessions.Start(ConnectorRef(evse), Token(token), Decimal(0), now + HALF, "start")
    return lone.begin(db, station, start, now=now + HALF)


def test_nobody_came_to_a_plug_that_was_kept_all_the_time(db, reserve, driver, now):
    row = reserve()
    assert weighed(db, row, now) == (True, None)
    assert (row.driver_id, row.kept_from) == (driver.id, now)


def test_nothing_is_said_before_what_is_told_late_is_there(db, reserve, now):
    row = reserve()
    reservations.expire_due(db, now=now + timedelta(minutes=30))
    assert no_show_fees.weigh_due(db, now=now + timedelta(minutes=44)) == 0
    assert row.no_show is None


def test_it_is_weighed_once(db, reserve, now):
    row = reserve()
    weighed(db, row, now)
    assert no_show_fees.weigh_due(db, now=now + HOUR) == 0


def test_a_station_that_never_answered_kept_nothing_for_sure(db, reserve, now):
    assert weighed(db, reserve(SILENT), now) == (False, REASONS[0].why)


def test_a_plug_that_the_station_let_go_early_was_not_kept(db, station, reserve, now):
    row = reserve()
    reservations.ended(db, station, row.id, "expired", now=now + HALF)
    assert weighed(db, row, now) == (False, REASONS[1].why)


def test_a_wish_to_cancel_in_time_counts_though_nobody_answered_it(db, station, reserve, now):
    row = reserve()
    asked = {"reservation_id": row.id}
    at = now + HALF
    sent = commands.queue(db, ADA, station, Order.CANCEL_RESERVATION, asked, now=at, ttl_s=60)
    sent.state, sent.action = CommandState.SENT, "CancelReservation"
    commands.settle(db, sent, SILENT, now=at)
    assert weighed(db, row, now) == (False, REASONS[2].why)


@pytest.mark.parametrize(("away_s", "no_show"), [(50, True), (120, False)])
def test_a_station_that_was_offline_could_not_be_used(db, station, reserve, now, away_s, no_show):
    row = reserve()
    sockets.close_connection(db, station.connection_id, now=now + HALF)
    sockets.open_connection(db, station, now=now + HALF + timedelta(seconds=away_s))
    assert weighed(db, row, now) == (no_show, None if no_show else WHY["reserved_offline"])


def test_a_station_that_went_and_stayed_away_could_not_be_used(db, station, reserve, now):
    row = reserve()
    sockets.close_connection(db, station.connection_id, now=now + HALF)
    assert weighed(db, row, now) == (False, WHY["reserved_offline"])


def test_a_station_that_went_at_once_was_away_all_the_time(db, station, reserve, now):
    row = reserve()
    sockets.close_connection(db, station.connection_id, now=now + timedelta(seconds=40))
    assert weighed(db, row, now) == (False, "The station was offline all the time.")


def test_a_plug_that_was_out_before_and_all_the_time_could_not_be_used(db, station, reserve, now):
    row, before = reserve(), now - HALF
    told = StatusReport(ConnectorRef(1), Availability.FAULTED, Activity.NONE, "Faulted", before)
    statuses.status(db, station, told, now=before)
    row.state = "active"
    assert weighed(db, row, now) == (
        False,
        "The plug was faulted or out of service all the time.",
    )


@pytest.mark.parametrize("word", [Availability.FAULTED, Availability.UNAVAILABLE])
def test_a_fault_that_is_told_after_the_end_counts(db, station, reserve, now, word):
    row, at = reserve(), now + HALF
    reservations.expire_due(db, now=now + timedelta(minutes=30))
    told = StatusReport(ConnectorRef(1), word, Activity.NONE, "Faulted", at)
    statuses.status(db, station, told, now=now + timedelta(minutes=35))
    assert weighed(db, row, now) == (False, WHY["reserved_broken"])


def test_a_fault_of_another_plug_is_no_reason(db, station, reserve, now):
    row, at = reserve(), now + HALF
    told = StatusReport(ConnectorRef(2), Availability.FAULTED, Activity.NONE, "Faulted", at)
    statuses.status(db, station, told, now=at)
    assert weighed(db, row, now) == (True, None)


@pytest.mark.parametrize(
    "refuse",
    [
        lambda tag, station, now: setattr(tag, "status", TagStatus.BLOCKED),
        lambda tag, station, now: setattr(tag, "archived_at", now),
        lambda tag, station, now: setattr(tag, "expires_at", now + HALF),
        lambda tag, station, now: setattr(tag.driver, "archived_at", now),
        lambda tag, station, now: setattr(station, "mode", StationMode.CLOSED),
    ],
)
def test_who_would_have_been_refused_did_not_stay_away(db, station, reserve, tag, now, refuse):
    row = reserve()
    refuse(tag, station, now)
    assert weighed(db, row, now) == (False, WHY["reserved_refused"])


def test_a_minute_without_a_gap_is_not_offline(db, reserve, now):
    row = reserve(minutes=1)
    assert weighed(db, row, now) == (True, None)


def test_a_driver_who_charged_beside_it_did_come(db, station, reserve, now):
    row = reserve()
    charge(db, station, now, "AB12", evse=2)
    assert weighed(db, row, now) == (False, WHY["reserved_came"])


def test_a_driver_whose_tag_was_shown_did_come(db, station, reserve, now):
    row = reserve()
    authorisation.decide_all(db, [Tap(station, Token("ab12"), "authorize", now + HALF, evse=1)])
    assert weighed(db, row, now) == (False, WHY["reserved_came"])


def test_a_plug_that_was_given_to_somebody_else_was_not_kept(db, station, reserve, now):
    row = reserve()
    charge(db, station, now, "OTHER")
    assert weighed(db, row, now) == (False, WHY["reserved_taken"])


def test_a_start_that_is_told_later_still_takes_it_back(db, station, reserve, now):
    row = reserve()
    assert weighed(db, row, now) == (True, None)
    start = sessions.Start(
        ConnectorRef(1), Token("AB12"), Decimal(0), now + HALF, "s", reservation_id=row.id
    )
    lone.begin(db, station, start, now=now + HOUR)
    assert (row.no_show, row.no_show_why) == (None, None)
