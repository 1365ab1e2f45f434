"""Energy at a station, from the order to what is shown of it, on both databases."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.domain.ground.vocabulary import Order, ProfileState
from app.domain.limits import station_profiles
from app.extensions import db as flask_db
from app.models import EvNeeds
from app.queries.charging import station_energy
from tests.conftest import NOW
from tests.dialects.energy_samples import CONTROLS
from tests.support.energy import yard_on

#: What the desk is asked for.
DESK = SimpleNamespace(receipts_base="https://desk.example")
LIMIT = {"purpose": "default", "kind": "absolute", "unit": "A", "periods": [{"limit": "16"}]}


@pytest.fixture
def yard(any_app):
    return yard_on(flask_db.session(), NOW)


def test_everything_about_energy_is_kept_and_found(yard):
    session = yard.session()
    yard.answer(yard.order(Order.SET_PROFILE, document=LIMIT, connector=1))
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000}],
    }
    limit = {"chargingLimitSource": "EMS", "isGridCritical": False}
    yard.hear("NotifyChargingLimit", chargingLimit=limit, evseId=1, chargingSchedule=[schedule])
    current = {"energyAmount": 9000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 230}
    needs = {"requestedEnergyTransfer": "AC_single_phase", "acChargingParameters": current}
    leaves = (NOW + timedelta(hours=9)).isoformat()
    needs["departureTime"] = leaves
    yard.hear("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs)
    composite = {"evse": 1, "unit": "W", "starts_at": NOW.isoformat(), "duration_s": 60}
    command = yard.order(Order.READ_COMPOSITE_SCHEDULE, connector=1)
    yard.answer(command, schedule={**composite, "periods": [[0, "5000.0", 1]]})
    control = yard.order(
        Order.SET_DER_CONTROL, kind="fixed_var", document=CONTROLS["fixed_var"], default="yes"
    )
    yard.answer(control)
    paid = {"pspRef": "p", "transactionId": "41", "settlementAmount": 1.25}
    yard.hear("NotifySettlement", DESK, **paid, status="Settled", settlementTime=NOW.isoformat())
    token = {"idToken": "04A2", "type": "ISO14443"}
    battery = {"evseId": 1, "serialNumber": "B", "soC": 5, "soH": 90}
    swap = {"requestId": 1, "eventType": "BatteryIn", "idToken": token}
    yard.hear("BatterySwap", **swap, batteryData=[battery])
    energy = station_energy.of_station(yard.db, yard.station)
    assert [row.state for row in energy.ours] == [ProfileState.ACCEPTED]
    assert [row.source for row in energy.outside] == ["ems"]
    assert [row.session_id for row in energy.needs] == [session.id]
    assert [row.kind for row in energy.controls] == ["fixed_var"]
    assert [row.session_id for row in energy.settlements] == [session.id]
    assert [row.token for row in energy.swaps] == ["04A2"]
    assert station_energy.drawn(energy.composites[0], "UTC")["series"][0]["values"] == [5, 5]
    # 9 kWh in five sixths of nine hours would be 1.2 kW; below 6 A no car charges.
    assert yard.db.query(EvNeeds).one().plan["periods"][0]["limit"] == "6.0"


def test_a_sessions_profile_goes_with_its_session(yard):
    session = yard.session()
    document = {**LIMIT, "purpose": "session"}
    yard.answer(yard.order(Order.SET_PROFILE, document=document, session_id=session.id))
    assert station_profiles.current(yard.db, yard.station)
    session.ended_at = NOW
    yard.db.flush()
    assert not station_profiles.current(yard.db, yard.station)
