"""Charging profiles over 1.6: what is sent, and how a composite schedule is read."""

import pytest

from app.domain.ground.vocabulary import CommandState, Order
from app.models import CompositeSchedule
from tests.support.energy import yard
from worker.dialects.records import Unfit
from worker.dialects.v16.profiles import ORDERS
from worker.ocpp.versions import Version

__all__ = ["yard"]

LIMIT = {
    "purpose": "default",
    "kind": "weekly",
    "stack_level": 2,
    "unit": "A",
    "periods": [{"limit": "16.04", "phases": 3}, {"start_s": 3600, "limit": 10}],
    "min_rate": 6,
    "valid_to": "2026-04-01T00:00:00Z",
}


@pytest.fixture(autouse=True)
def old(yard):
    yard.version = Version.V16


def test_profile_one_decimal(yard):
    """Limits have one decimal, and what is not known is left out (FIELD K2)."""
    command = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    action, payload = yard.frame(command)
    assert action == "SetChargingProfile"
    assert payload == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": command.arguments["number"],
            "stackLevel": 2,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Recurring",
            "recurrencyKind": "Weekly",
            "validTo": "2026-04-01T00:00:00Z",
            "chargingSchedule": {
                "startSchedule": "2026-03-01T23:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 16.0, "numberPhases": 3},
                    {"startPeriod": 3600, "limit": 10.0},
                ],
                "minChargingRate": 6.0,
            },
        },
    }


@pytest.mark.parametrize("ref", ["77", "77#1"], ids=["the newest", "one that stood aside"])
def test_a_profile_for_a_session_names_its_transaction(yard, ref):
    session = yard.session(transaction_ref=ref)
    document = {**LIMIT, "purpose": "session", "kind": "relative"}
    command = yard.order(Order.SET_PROFILE, document=document, session_id=session.id)
    profile = yard.frame(command)[1]["csChargingProfiles"]
    assert profile["transactionId"] == 77
    stop = yard.order(Order.STOP_CHARGING, transaction_ref=ref)
    assert yard.frame(stop)[1] == {"transactionId": 77}
    assert "startSchedule" not in profile["chargingSchedule"]


@pytest.mark.parametrize(
    "document",
    [
        {**LIMIT, "purpose": "priority"},
        {"purpose": "default", "kind": "dynamic", "unit": "A", "periods": [{"limit": 1}]},
        {**LIMIT, "periods": [{"limit": 1, "more": {"setpoint": 3}}]},
        {**LIMIT, "periods": [{"limit": 1, "phases": 1, "phase_to_use": 2}]},
    ],
)
def test_what_the_version_cannot_say_is_not_sent(yard, document):
    with pytest.raises(Unfit, match=r"OCPP 1\.6 knows"):
        yard.frame(yard.order(Order.SET_PROFILE, document=document))


def test_profiles_are_cleared_by_number_or_by_what_they_are(yard):
    command = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    yard.answer(command)
    number = command.arguments["number"]
    one = yard.order(Order.CLEAR_PROFILE, station_profile_id=number)
    assert yard.frame(one) == ("ClearChargingProfile", {"id": number})
    some = yard.order(Order.CLEAR_PROFILE, purpose="station_max", stack_level=0)
    assert yard.frame(some)[1] == {
        "chargingProfilePurpose": "ChargePointMaxProfile",
        "stackLevel": 0,
    }


@pytest.mark.parametrize("starts", ["scheduleStart", "startSchedule"])
def test_a_composite_schedule_is_read_wherever_its_start_stands(db, yard, starts):
    command = yard.order(Order.READ_COMPOSITE_SCHEDULE, connector=1)
    assert yard.frame(command) == ("GetCompositeSchedule", {"connectorId": 1, "duration": 86_400})
    schedule = {
        "duration": 600,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 1}],
    }
    at = {starts: "2026-03-02T09:00:00Z"}
    answer = {"status": "Accepted", "connectorId": 1, "chargingSchedule": schedule}
    answer |= at if starts == "scheduleStart" else {"chargingSchedule": {**schedule, **at}}
    outcome = ORDERS[Order.READ_COMPOSITE_SCHEDULE].outcome(answer, command.arguments)
    assert outcome.state is CommandState.ACCEPTED
    yard.answer(command, **outcome.facts)
    row = db.query(CompositeSchedule).one()
    assert (row.starts_at, row.duration_s, row.periods) == (yard.now, 600, [[0, "16.0", 1]])


def test_a_refused_composite_schedule_is_nothing(db, yard):
    command = yard.order(Order.READ_COMPOSITE_SCHEDULE)
    outcome = ORDERS[Order.READ_COMPOSITE_SCHEDULE].outcome({"status": "Rejected"}, {})
    yard.answer(command, "Rejected", **outcome.facts)
    assert db.query(CompositeSchedule).all() == []
