"""Profiles that repeat go by the site's clock, in summer and in winter."""

from datetime import datetime, timedelta

import pytest

from app.domain.commands import commands
from app.domain.ground.vocabulary import Order, ProfileState
from app.domain.limits import profiles, summer_time
from app.domain.network import presence
from app.extensions import db as flask_db
from app.models import ChargingProfile, StationProfile
from app.process.clock import utc_now
from app.tasks import tidying
from tests.conftest import NOW
from tests.support.energy import Yard, yard_on

NIGHT = {
    "purpose": "default",
    "kind": "daily",
    "unit": "A",
    "periods": [{"limit": "32"}, {"start_s": 6 * 3600, "limit": "6"}],
}
#: Berlin's clocks were put forward at 01:00 UTC of Sunday, 29 March 2026, and back on 25 October.
BEFORE, AFTER = (datetime.fromisoformat(f"2026-03-29T0{hour}:30Z") for hour in (0, 1))


@pytest.fixture
def yard(any_app):
    return yard_on(flask_db.session(), NOW)


def late(yard: Yard, moment: datetime) -> list[StationProfile]:
    """Go on to a moment, the station still connected, and look for what is late."""
    yard.now = moment
    presence.beat(yard.db, "worker-a", now=moment)
    yard.db.flush()
    return [yard.db.get_one(StationProfile, row) for row in summer_time.late(yard.db, now=moment)]


def hold(yard: Yard, **given) -> StationProfile:
    command = yard.order(Order.SET_PROFILE, document={**NIGHT, **given})
    yard.answer(command, profile=command.arguments["profile"])
    return yard.db.get_one(StationProfile, int(command.subject.partition(":")[2]))


def test_a_daily_profile_is_set_again_from_the_new_midnight(yard):
    yard.db.add(kept := ChargingProfile(
        tenant_id=yard.station.tenant_id, name="Night", document=NIGHT, created_at=NOW
    ))  # fmt: skip
    row = hold(yard)
    row.profile = kept
    assert not late(yard, BEFORE)
    assert late(yard, AFTER) == [row]
    command = summer_time.set_again(yard.db, row.id, now=AFTER)
    sent = command.arguments["profile"]
    assert sent["starts_at"] == "2026-03-28T22:00:00+00:00"
    assert sent["periods"] == row.sent["periods"]
    assert command.arguments["number"] == row.wire_number
    assert command.requested_by == "system"
    yard.answer(command, profile=sent)
    assert row.state is ProfileState.CLEARED
    again = yard.db.query(StationProfile).filter_by(command_id=command.id).one()
    assert again.profile is kept
    assert not late(yard, AFTER)
    assert late(yard, datetime.fromisoformat("2026-10-25T01:30Z")) == [again]


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("2026-03-29T00:30Z", "2026-03-22T23:00:00+00:00"),
        ("2026-03-29T08:00Z", "2026-03-22T22:00:00+00:00"),
        ("2026-03-30T08:00Z", "2026-03-29T22:00:00+00:00"),
        ("2026-10-25T08:00Z", "2026-10-18T23:00:00+00:00"),
    ],
)
def test_a_week_begins_by_the_clock_of_now(asked, begins):
    moment = profiles.midnight("weekly", "Europe/Berlin", datetime.fromisoformat(asked))
    assert moment.isoformat() == begins


@pytest.mark.parametrize(
    "given",
    [
        {"starts_at": "2026-03-01T21:30:00+00:00"},
        {"kind": "absolute"},
        {"kind": "relative"},
    ],
)
def test_what_has_a_beginning_of_its_own_stays(yard, given):
    hold(yard, **given)
    assert not late(yard, AFTER)


def test_where_clocks_stay_nothing_is_late(yard):
    yard.station.site.timezone = "Asia/Kolkata"
    hold(yard, kind="weekly")
    assert not late(yard, AFTER)


def test_a_site_that_has_another_time_zone_has_another_midnight(yard):
    row = hold(yard)
    yard.station.site.timezone = "Europe/London"
    assert late(yard, BEFORE) == [row]


def test_one_that_is_refused_is_asked_again_a_day_later(yard):
    row = hold(yard)
    late(yard, AFTER)
    yard.answer(summer_time.set_again(yard.db, row.id, now=AFTER), "Rejected")
    assert late(yard, AFTER + timedelta(hours=1)) == [row]
    assert summer_time.set_again(yard.db, row.id, now=yard.now) is None
    assert late(yard, AFTER + timedelta(days=1)) == [row]
    assert summer_time.set_again(yard.db, row.id, now=yard.now) is not None


def test_one_that_was_not_sent_in_time_is_sent_within_the_hour(yard):
    row = hold(yard)
    late(yard, AFTER)
    summer_time.set_again(yard.db, row.id, now=AFTER)
    assert late(yard, AFTER + timedelta(hours=1)) == [row]
    commands.expire_overdue(yard.db, yard.now)
    assert summer_time.set_again(yard.db, row.id, now=yard.now) is not None


def test_what_an_operator_sets_meanwhile_is_not_written_over(yard):
    row = hold(yard)
    late(yard, AFTER)
    yard.order(Order.SET_PROFILE, document={**NIGHT, "periods": [{"limit": "10"}]})
    assert summer_time.set_again(yard.db, row.id, now=AFTER) is None


def test_what_is_being_cleared_stays_cleared(yard):
    row = hold(yard)
    late(yard, AFTER)
    yard.order(Order.CLEAR_PROFILE, station_profile_id=row.id)
    assert summer_time.set_again(yard.db, row.id, now=AFTER) is None


def test_a_station_that_is_away_gets_it_when_it_is_back(yard):
    row = hold(yard)
    assert not summer_time.late(yard.db, now=AFTER)
    assert summer_time.set_again(yard.db, row.id, now=AFTER) is None
    assert late(yard, AFTER) == [row]


def test_housekeeping_looks_for_them(yard):
    row = hold(yard)
    yard.station.site.timezone = "Asia/Kolkata"
    presence.beat(yard.db, "worker-a", now=utc_now())
    yard.db.commit()
    tidying.keep_profiles_in_time()
    command = yard.ordered(Order.SET_PROFILE)
    assert command.id > row.command_id
    assert command.arguments["profile"]["starts_at"].endswith("T18:30:00+00:00")
