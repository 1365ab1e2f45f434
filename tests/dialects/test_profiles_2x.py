"""What 2.0.1 and 2.1 stations tell of their charging profiles, limits and cars (block K)."""

from datetime import timedelta

import pytest

from app.domain.ground.vocabulary import Order, ProfileState
from app.domain.limits import ev_needs
from app.models import EvNeeds, StationProfile
from tests.support.energy import yard
from worker.dialects.records import Unfit
from worker.ocpp.versions import Version

__all__ = ["yard"]

LIMIT = {"purpose": "default", "kind": "absolute", "unit": "A", "periods": [{"limit": "16"}]}
SCHEDULE = {
    "id": 1,
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}],
}
OURS = {
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [SCHEDULE],
}
NEEDS = {
    "requestedEnergyTransfer": "AC_three_phase",
    "acChargingParameters": {
        "energyAmount": 20_000,
        "evMinCurrent": 6,
        "evMaxCurrent": 32,
        "evMaxVoltage": 400,
    },
}


@pytest.fixture(autouse=True, params=[Version.V201, Version.V21], ids=["2.0.1", "2.1"])
def version(request, yard):
    yard.version = request.param
    return request.param


@pytest.fixture
def held(db, yard):
    yard.answer(yard.order(Order.SET_PROFILE, document=LIMIT, connector=1))
    return db.query(StationProfile).one()


def report(yard, number, profiles, **more):
    about = {"requestId": number, "chargingLimitSource": "CSO", "evseId": 1}
    return yard.hear("ReportChargingProfiles", **about, chargingProfile=profiles, **more)


def test_a_profile_that_a_station_reports_as_it_was_sent_has_not_drifted(yard, held):
    number = yard.order(Order.READ_PROFILES).arguments["number"]
    profile = {**OURS, "id": held.id}
    assert report(yard, number, [profile]) == {}
    assert held.state is ProfileState.ACCEPTED
    assert held.reported["periods"] == [{"start_s": 0, "limit": "16.0", "phases": 3}]
    assert held.sentence is None


def test_a_profile_with_other_limits_has_drifted(yard, held):
    number = yard.order(Order.READ_PROFILES).arguments["number"]
    other = {**SCHEDULE, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}
    report(yard, number, [{**OURS, "id": held.id, "chargingSchedule": [other]}])
    assert held.sentence == "The station reports other limits than it was sent."


def test_what_the_last_part_of_a_report_lacks_is_lost(db, yard, held):
    command = yard.order(Order.READ_PROFILES)
    yard.answer(command)
    number = command.arguments["number"]
    report(yard, number, [{**OURS, "id": 900}], tbc=True)
    assert held.state is ProfileState.ACCEPTED
    report(yard, number, [{**OURS, "id": 901}])
    assert held.state is ProfileState.CLEARED
    strangers = db.query(StationProfile).filter(StationProfile.reported_id.is_not(None)).all()
    assert [(row.reported_id, row.source, row.state.value) for row in strangers] == [
        (900, "cso", "reported"),
        (901, "cso", "reported"),
    ]


def test_a_station_without_profiles_lost_ours(yard, held):
    yard.answer(yard.order(Order.READ_PROFILES), none=True)
    assert held.state is ProfileState.CLEARED


def test_a_limit_from_outside_is_kept_and_replaced_and_cleared(db, yard):
    limit = {"chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": True}, "evseId": 1}
    assert yard.hear("NotifyChargingLimit", **limit, chargingSchedule=[SCHEDULE]) == {}
    yard.hear("NotifyChargingLimit", **limit)
    first, second = db.query(StationProfile).order_by(StationProfile.id)
    assert (first.source, first.state) == ("ems", ProfileState.CLEARED)
    assert first.document["periods"][0]["limit"] == "16.0"
    assert first.sentence == "Replaced by a newer limit."
    assert (second.state, second.sentence) == (
        ProfileState.REPORTED,
        "It is critical for the grid.",
    )
    assert yard.hear("ClearedChargingLimit", chargingLimitSource="EMS") == {}
    assert second.state is ProfileState.CLEARED


def test_needs_are_accepted_and_the_plan_follows_as_an_order(db, yard, now):
    session = yard.session()
    departure = (now + timedelta(hours=4)).isoformat()
    needs = {**NEEDS, "departureTime": departure}
    answer = yard.hear("NotifyEVChargingNeeds", evseId=1, maxScheduleTuples=3, chargingNeeds=needs)
    assert answer == {"status": "Accepted"}
    command = yard.ordered(Order.SET_PROFILE)
    assert command.requested_by == "system"
    assert command.session_id == session.id
    sent = command.arguments["profile"]
    assert (sent["purpose"], sent["unit"], len(sent["periods"])) == ("session", "A", 1)
    row = db.query(EvNeeds).one()
    assert row.station_profile_id == command.arguments["number"]
    # 20 kWh in five sixths of four hours are 6 kW: 8.6 A on three phases.
    assert sent["periods"][0] == {"start_s": 0, "phases": 3, "limit": "8.6"}
    assert "20.0 kWh within 4.0 h: spread evenly" in row.why


def test_direct_current_is_planned_in_watts(db, yard):
    yard.session()
    yard.station.max_power_w = 50_000
    direct = {
        "evMaxCurrent": 250,
        "evMaxVoltage": 400,
        "stateOfCharge": 50,
        "evEnergyCapacity": 60_000,
        "fullSoC": 90,
    }
    needs = {"requestedEnergyTransfer": "DC", "dcChargingParameters": direct}
    answer = yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs)
    assert answer == {"status": "Accepted"}
    row = db.query(EvNeeds).one()
    assert row.needs["energy_wh"] == "24000"
    assert row.plan["unit"] == "W"
    # Half of what the station has: a car may come to the other EVSE.
    assert row.plan["periods"] == [{"start_s": 0, "limit": "25000.0"}]


def test_needs_before_their_session_wait_for_it(db, yard, now):
    answer = yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    assert answer == {"status": "Processing"}
    assert yard.ordered(Order.SET_PROFILE) is None
    assert ev_needs.session_began(db, yard.station, yard.session(), now=now)
    assert db.query(EvNeeds).one().answer == "accepted"
    assert yard.ordered(Order.SET_PROFILE) is not None
    assert not ev_needs.session_began(db, yard.station, yard.session(transaction_ref="9"), now=now)


def test_needs_that_nothing_can_be_planned_from_are_not_accepted(yard, version):
    yard.session()
    word = "Rejected" if version is Version.V201 else "NoChargingProfile"
    nothing = {"evMaxCurrent": 0, "evMaxVoltage": 0}
    needs = {"requestedEnergyTransfer": "DC", "dcChargingParameters": nothing}
    assert yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs) == {"status": word}


def test_needs_that_cannot_be_sent_an_answer_are_rejected(db, yard):
    yard.session()
    yard.setting("PeriodsPerSchedule", "0", "SmartChargingCtrlr")
    answer = yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    assert answer == {"status": "Rejected"}
    assert "could not be sent" in db.query(EvNeeds).one().why


def test_a_limit_from_outside_binds_the_plan(db, yard):
    yard.session()
    limit = {"chargingLimit": {"chargingLimitSource": "SO"}, "evseId": 1}
    yard.hear("NotifyChargingLimit", **limit, chargingSchedule=[SCHEDULE])
    yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    assert db.query(EvNeeds).one().plan["periods"][0]["limit"] == "16.0"


def test_a_limit_of_the_whole_station_is_shared_and_no_plan_stops_a_car(db, yard):
    """6 kW for two EVSEs are 3 kW for each: 4.3 A on three phases, or 13 A on one."""
    yard.session()
    yard.setting("ACPhaseSwitchingSupported", "true", "SmartChargingCtrlr")
    limit = {"chargingLimit": {"chargingLimitSource": "EMS"}}
    watts = {**SCHEDULE, "chargingRateUnit": "W"}
    watts["chargingSchedulePeriod"] = [{"startPeriod": 0, "limit": 6000}]
    yard.hear("NotifyChargingLimit", **limit, chargingSchedule=[watts])
    yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    period = yard.ordered(Order.SET_PROFILE).arguments["profile"]["periods"][0]
    assert period == {"start_s": 0, "phases": 1, "limit": "13.0"}


def test_needs_outside_what_was_allowed_are_rejected(db, yard, version):
    """Q01.FR.04; what was allowed last counts, and only once the station has agreed to it."""
    if version is Version.V201:
        pytest.skip("2.0.1 knows no ways of energy transfer to allow")
    session = yard.session()
    allow = yard.order(Order.ALLOW_ENERGY_TRANSFER, transfers="dc", session_id=session.id)
    told = {"evseId": 1, "chargingNeeds": NEEDS}
    assert yard.hear("NotifyEVChargingNeeds", **told) == {"status": "Accepted"}
    yard.answer(allow)
    plans = yard.ordered(Order.SET_PROFILE).id
    assert yard.hear("NotifyEVChargingNeeds", **told) == {"status": "Rejected"}
    row = ev_needs.latest(db, yard.station, 1)
    assert row.why == "It asks for ac three phase, and only dc was allowed."
    assert yard.ordered(Order.SET_PROFILE).id == plans
    both = yard.order(
        Order.ALLOW_ENERGY_TRANSFER, transfers="dc,ac_three_phase", session_id=session.id
    )
    yard.answer(both)
    assert yard.hear("NotifyEVChargingNeeds", **told) == {"status": "Accepted"}


def test_a_cars_schedule_within_the_plan_is_accepted(yard):
    yard.session()
    yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    told = {"timeBase": yard.now.isoformat(), "evseId": 1, "chargingSchedule": SCHEDULE}
    assert yard.hear("NotifyEVChargingSchedule", **told) == {"status": "Accepted"}


def test_a_cars_schedule_beyond_the_plan_is_refused_and_the_plan_sent_again_once(db, yard):
    yard.session()
    yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=NEEDS)
    before = yard.ordered(Order.SET_PROFILE).id
    much = {**SCHEDULE, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 63}]}
    told = {"timeBase": yard.now.isoformat(), "evseId": 1, "chargingSchedule": much}
    assert yard.hear("NotifyEVChargingSchedule", **told) == {"status": "Rejected"}
    again = yard.ordered(Order.SET_PROFILE).id
    assert again > before
    assert yard.hear("NotifyEVChargingSchedule", **told) == {"status": "Rejected"}
    assert yard.ordered(Order.SET_PROFILE).id == again
    assert db.query(EvNeeds).one().car_schedule["periods"][0]["limit"] == "63"


def test_the_orders_about_profiles_are_messages_of_the_version(yard, held):
    action, payload = yard.frame(yard.ordered(Order.SET_PROFILE))
    assert (action, payload["evseId"]) == ("SetChargingProfile", 1)
    assert payload["chargingProfile"]["chargingSchedule"][0]["chargingRateUnit"] == "A"
    clear = yard.order(Order.CLEAR_PROFILE, station_profile_id=held.id)
    assert yard.frame(clear) == ("ClearChargingProfile", {"chargingProfileId": held.id})
    several = yard.order(Order.CLEAR_PROFILE, connector=1, purpose="default")
    criteria = {"evseId": 1, "chargingProfilePurpose": "TxDefaultProfile"}
    assert yard.frame(several)[1] == {"chargingProfileCriteria": criteria}
    action, payload = yard.frame(yard.order(Order.READ_PROFILES, sources="ems"))
    assert (action, payload["chargingProfile"]) == (
        "GetChargingProfiles",
        {"chargingLimitSource": ["EMS"]},
    )
    action, payload = yard.frame(yard.order(Order.READ_COMPOSITE_SCHEDULE, unit="a"))
    assert action == "GetCompositeSchedule"
    assert payload == {"duration": 86_400, "chargingRateUnit": "A", "evseId": 0}


def test_clearing_everything_has_to_be_meant(yard):
    with pytest.raises(Unfit, match="Say which profiles"):
        yard.frame(yard.order(Order.CLEAR_PROFILE))
