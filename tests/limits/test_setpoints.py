"""Setpoints: one row per EVSE, what may be wanted, and what becomes of it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import CommandState, Order, Outcome, SessionState
from app.domain.limits import profile_reports, setpoints
from app.domain.limits.profile_reports import Reported
from app.models import Setpoint, Station, StationProfile
from tests.support.energy import ADA, yard

__all__ = ["yard"]

TAKEN = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "Taken.")


@pytest.fixture
def want(yard):
    def want(limit, unit="A", phases=3, evse=1):
        return setpoints.want(
            *(yard.db, ADA, yard.station, evse),
            limit=Decimal(limit),
            unit=unit,
            phases=phases,
            now=yard.now,
            ttl_s=60,
        )

    return want


def claim(yard):
    [(row_id, _)] = setpoints.due(yard.db, now=yard.now)
    row = yard.db.get_one(Setpoint, row_id)
    here = yard.db.get_one(Station, row.station_id).connection_id
    return setpoints.claim(yard.db, row_id, here, now=yard.now)


def test_a_newer_wish_takes_the_place_of_the_last(db, yard, want):
    yard.session()
    want(16)
    want(10)
    claimed = claim(yard)
    assert db.query(Setpoint).count() == 1
    assert claimed.arguments["profile"]["periods"] == [{"start_s": 0, "limit": "10.0", "phases": 3}]
    assert setpoints.due(db, now=yard.now) == [], "it is under way"
    want(8)
    setpoints.settle(db, claimed, TAKEN, now=yard.now)
    row = db.query(Setpoint).one()
    assert (row.state, row.accepted) == ("waiting", None), "an older answer ends no newer wish"
    setpoints.settle(db, claim(yard), TAKEN, now=yard.now)
    assert (row.state, row.accepted["periods"][0]["limit"]) == ("accepted", "8.0")


@pytest.mark.parametrize(
    ("limit", "unit", "phases"), [("5.9", "A", 3), ("-1", "A", 1), ("3000", "W", 3)]
)
def test_no_car_is_given_less_than_it_charges_with(yard, want, limit, unit, phases):
    yard.session()
    with pytest.raises(Invalid, match="No car charges with"):
        want(limit, unit, phases)


@pytest.mark.parametrize(
    ("limit", "unit", "phases"), [(0, "A", 3), (1500, "W", 1), (900, "W", None)]
)
def test_nothing_and_enough_may_be_given(yard, want, limit, unit, phases):
    yard.session()
    assert want(limit, unit, phases).state == "waiting"


def test_where_nobody_charges_there_is_nothing_to_steer(want):
    with pytest.raises(Conflict, match="Nobody charges at connector 1"):
        want(16)


def test_what_is_not_sent_in_time_never_is(db, yard, want):
    yard.session()
    want(16)
    yard.now += timedelta(seconds=61)
    assert claim(yard) is None
    assert db.query(Setpoint).one().state == "expired"


def test_what_no_worker_holds_expires_with_the_sweep(db, yard, want):
    yard.session()
    want(16)
    assert setpoints.expire(db, now=yard.now) == 0
    assert setpoints.expire(db, now=yard.now + timedelta(minutes=2)) == 1
    assert db.query(Setpoint).one().state == "expired"


def test_a_setpoint_ends_with_its_session(db, yard, want):
    session = yard.session()
    want(16)
    session.state = SessionState.ENDED
    db.flush()
    assert claim(yard) is None
    assert db.query(Setpoint).one().state == "over"


def test_a_claim_whose_commit_was_kept_unheard_is_ours_when_it_is_tried_again(db, yard, want):
    yard.session()
    row = want(16)
    here = yard.db.get_one(Station, row.station_id).connection_id
    claims = [setpoints.claim(db, row.id, here, now=yard.now) for _ in range(2)]
    assert claims[0] is not None
    assert claims[0] == claims[1]
    later = yard.now + timedelta(microseconds=1)
    assert setpoints.claim(db, row.id, here, now=later) is None


def test_what_was_claimed_and_not_sent_waits_again(db, yard, want):
    yard.session()
    row = want(16)
    claim(yard)
    setpoints.give_back(db, {(row.id, yard.now - timedelta(seconds=1))})
    assert setpoints.due(db, now=yard.now) == [], "it is another one's"
    setpoints.give_back(db, {(row.id, yard.now)})
    assert claim(yard) is not None


def test_one_that_was_lost_with_its_worker_is_sent_again(db, yard, want):
    yard.session()
    want(16)
    first = claim(yard)
    yard.now += timedelta(seconds=30)
    assert setpoints.due(db, now=yard.now) == []
    row = db.query(Setpoint).one()
    row.expires_at = yard.now + timedelta(hours=1)
    yard.now += setpoints.LOST_AFTER
    assert claim(yard).arguments["number"] == first.arguments["number"]


def test_a_profile_of_the_same_level_replaces_it_in_place(yard, want):
    session = yard.session()
    want(16)
    number = claim(yard).arguments["number"]
    document = {
        "purpose": "session",
        "kind": "absolute",
        "stack_level": 1,
        "unit": "A",
        "periods": [{"limit": "8"}],
    }
    command = yard.order(Order.SET_PROFILE, document=document, session_id=session.id)
    assert command.arguments["number"] == number


def test_where_levels_are_few_it_replaces_the_plan_in_place(yard, want):
    session = yard.session()
    yard.setting("ProfileStackLevel", "0", "SmartChargingCtrlr")
    document = {
        "purpose": "session",
        "kind": "absolute",
        "stack_level": 0,
        "unit": "A",
        "periods": [{"limit": "8"}],
    }
    plan = yard.order(Order.SET_PROFILE, document=document, session_id=session.id)
    yard.answer(plan)
    want(16)
    claimed = claim(yard)
    assert claimed.arguments["number"] == plan.arguments["number"]
    assert claimed.arguments["profile"]["stack_level"] == 0


def test_a_report_of_a_setpoint_is_no_profile_from_elsewhere(db, yard, want):
    yard.session()
    want(16)
    number = claim(yard).arguments["number"]
    told = [Reported(number, {"purpose": "session", "unit": "A", "periods": []}, "41")]
    profile_reports.report(
        *(db, yard.station), number=1, source="csms", evse=1, found=told, more=True, now=yard.now
    )
    assert db.query(StationProfile).count() == 0
