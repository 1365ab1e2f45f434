"""What many stations say at once gives the same rows as if each had said it alone."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.charging import statuses
from app.domain.charging.statuses import ActivityTold, StatusTold
from app.domain.device import boots, deviations
from app.domain.device.boots import Booted
from app.domain.ground import events
from app.domain.ground.vocabulary import (
    Activity,
    Availability,
    BootReport,
    ConnectorRef,
    Registration,
    ReservationState,
    SessionState,
    StatusReport,
)
from app.extensions import db as flask_db
from app.models import (
    ChargingSession,
    Connector,
    Deviation,
    Reservation,
    Station,
    StationReport,
    StatusEvent,
)
from tests.support.chance import tries
from tests.support.charging import STARTED, network

HOW_MANY = 4
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.usefixtures("any_app")

numbers = st.integers(0, HOW_MANY - 1)
minutes = st.integers(-20, 20)
places = st.builds(ConnectorRef, st.integers(0, 2), st.integers(1, 2))
words = st.sampled_from([None, "a word", "another"])
told_statuses = st.builds(
    lambda place, availability, activity, minute, error, info: StatusReport(
        place,
        availability,
        activity,
        availability.value,
        STARTED + minute * MINUTE,
        error,
        None,
        info,
    ),
    places,
    st.sampled_from([one for one in Availability if one is not Availability.UNKNOWN]),
    st.none() | st.sampled_from(Activity),
    minutes,
    words,
    words,
)
activities = st.tuples(places, st.sampled_from(Activity), minutes)
reports_of_boots = st.builds(
    lambda model, firmware: (model, firmware),
    st.sampled_from(["One", "Two"]),
    st.sampled_from([None, "1.0", "2.0"]),
)


def rounds(of):
    """What is said, time after time: each time by some stations, each of them once."""
    return st.lists(st.dictionaries(numbers, of, min_size=1), min_size=1, max_size=5)


many = settings(
    max_examples=tries(20),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


@pytest.fixture
def stations(any_app):
    """Stations that charge, keep plugs, have been heard of, or have not."""
    net = network(flask_db.session())
    made = [net.station]
    for number in range(1, HOW_MANY):
        name = f"Next-{number}"
        made.append(
            Station(
                tenant_id=net.site.tenant_id,
                site_id=net.site.id,
                identity=name,
                identity_key=name.casefold(),
                connected_at=STARTED - 5 * MINUTE if number % 2 else None,
                registration=Registration.BLOCKED if number == 3 else Registration.ACCEPTED,
                created_at=STARTED,
            )
        )
    net.db.add_all(made)
    net.db.flush()
    for evse in (1, 1, 2):
        net.session(state=SessionState.CHARGING, ended_at=None, evse=evse, station_id=made[1].id)
    net.db.add(
        Connector(station_id=made[1].id, evse=1, stale=True, availability=Availability.OCCUPIED)
    )
    net.db.add(
        Reservation(
            tenant_id=net.site.tenant_id,
            station_id=made[2].id,
            evse=1,
            token="A",
            token_kind="id_tag",
            state=ReservationState.ACTIVE,
            expires_at=STARTED + 60 * MINUTE,
            created_by="me",
            created_at=STARTED,
        )
    )
    net.db.flush()
    return made


def rows(db):
    """All rows that statuses and boots may touch, but for their ids; and what is told of them."""
    found = []
    kinds = (Connector, StatusEvent, ChargingSession, Reservation, Station, StationReport)
    for kind in (*kinds, Deviation):
        columns = [one for one in kind.__table__.c if one.name != "id"]
        found.append(sorted(map(repr, db.execute(select(*columns)))))
    return found, set(events.take(db))


def both_ways(stations, said, together, alone):
    """The rows after all was said at once, and after each was heard alone."""
    db = flask_db.session()
    found = []
    for way in (together, alone):
        with db.begin_nested() as savepoint:
            for turn, told in enumerate(said):
                now = STARTED + turn * MINUTE
                way(db, [(stations[number], what) for number, what in told.items()], now)
            found.append(rows(db))
            savepoint.rollback()
        db.expire_all()
    return found


@many
@given(rounds(told_statuses))
def test_statuses_of_many_stations_give_what_they_give_one_by_one(stations, said):
    def together(db, told, now):
        statuses.status_all(db, [StatusTold(station, report, now) for station, report in told])

    def alone(db, told, now):
        for station, report in told:
            statuses.status(db, station, report, now=now)

    at_once, one_by_one = both_ways(stations, said, together, alone)
    assert at_once == one_by_one


@many
@given(rounds(activities))
def test_activities_of_many_transactions_give_what_they_give_one_by_one(stations, said):
    def together(db, told, now):
        statuses.activity_all(
            db,
            [
                ActivityTold(station, place, activity, STARTED + minute * MINUTE, now)
                for station, (place, activity, minute) in told
            ],
        )

    def alone(db, told, now):
        for station, (place, activity, minute) in told:
            at = STARTED + minute * MINUTE
            told = statuses.ActivityTold(station, place, activity, at, now)
            statuses.activity_all(db, [told])

    at_once, one_by_one = both_ways(stations, said, together, alone)
    assert at_once == one_by_one


@many
@given(rounds(reports_of_boots), st.lists(st.sampled_from("xyz"), min_size=HOW_MANY))
def test_boots_of_many_stations_give_what_they_give_one_by_one(stations, said, serials):
    """Also where some of them tell the same serial number."""
    serial_of = {one.id: serial for one, serial in zip(stations, serials, strict=False)}

    def boot(station, told):
        model, firmware = told
        raw = {"model": model, "firmware": firmware}
        return BootReport("Acme", model, serial_of[station.id], firmware, raw=raw)

    def together(db, told, now):
        boots.boot_all(db, [Booted(station, boot(station, what), now) for station, what in told])

    def alone(db, told, now):
        for station, what in told:
            boots.boot(db, station, boot(station, what), now=now)

    at_once, one_by_one = both_ways(stations, said, together, alone)
    assert at_once == one_by_one


def test_a_repair_that_was_counted_twice_is_one_row_with_both(stations):
    db = flask_db.session()
    tallies = {}
    later = STARTED + MINUTE
    deviations.count(tallies, stations[0].id, [("odd", "a"), ("odd", "b")], now=STARTED)
    deviations.store(db, tallies)
    deviations.note(db, stations[0], [("odd", "c"), ("strange", "d")], now=later)
    found = {row.code: row for row in db.scalars(select(Deviation))}
    odd = found["odd"]
    assert (odd.count, odd.first_at, odd.last_at, odd.example) == (3, STARTED, later, "c")
    assert found["strange"].count == 1


def test_counts_that_could_not_be_written_go_together_with_newer_ones():
    older, newer = {}, {}
    deviations.count(older, 1, [("odd", "a")], now=STARTED)
    deviations.count(newer, 1, [("odd", "b"), ("strange", "c")], now=STARTED + MINUTE)
    found = deviations.together(older, newer)
    odd = found[1, "odd"]
    assert (odd.count, odd.first_at, odd.last_at) == (2, STARTED, STARTED + MINUTE)
    assert (odd.example, found[1, "strange"].count) == ("b", 1)
