"""Charging profiles against charge points written by others: 1.6 and 2.0.1, through the worker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import call_result as result_16
from ocpp.v16.enums import Action
from ocpp.v201 import call as call_201
from ocpp.v201 import call_result as result_201
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import (
    OPEN_STATES,
    SYSTEM,
    CommandState,
    Order,
    ProfileState,
    StationMode,
)
from app.domain.network import tenants
from app.models import Command, CompositeSchedule, EvNeeds, Station, StationProfile
from tests.support.charge_point import ChargePoint, Client, stamp
from tests.support.charge_point_2x import ChargePoint201, Client201
from tests.support.gated import PASSWORD
from tests.support.gated import station as register
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

LIMIT = {
    "purpose": "default",
    "kind": "absolute",
    "stack_level": 3,
    "unit": "A",
    "periods": [{"limit": "16.04", "phases": 3}],
}
PERIODS = [{"start_period": 0, "limit": 11_040.0}, {"start_period": 600, "limit": 6900.0}]


class Smart16(Client):
    """It takes watts at stack level 0 and nothing else (FIELD K1)."""

    @on(Action.set_charging_profile)
    def on_set(self, **payload: Any) -> Any:
        self.asked.append(("SetChargingProfile", payload))
        profile = payload["cs_charging_profiles"]
        unit = profile["charging_schedule"]["charging_rate_unit"]
        fits = unit == "W" and profile["stack_level"] == 0
        return result_16.SetChargingProfile(status="Accepted" if fits else "Rejected")

    @on(Action.get_composite_schedule)
    def on_composite(self, **payload: Any) -> Any:
        self.asked.append(("GetCompositeSchedule", payload))
        schedule = {"charging_rate_unit": "W", "charging_schedule_period": PERIODS}
        return result_16.GetCompositeSchedule(
            status="Accepted",
            connector_id=payload["connector_id"],
            schedule_start=stamp(datetime.now(UTC)),
            charging_schedule={"duration": 3600, **schedule},
        )


class Smart201(Client201):
    """It takes watts, whatever the level, and tells what it holds."""

    @on("SetChargingProfile")
    def on_set(self, **payload: Any) -> Any:
        self.asked.append(("SetChargingProfile", payload))
        unit = payload["charging_profile"]["charging_schedule"][0]["charging_rate_unit"]
        return result_201.SetChargingProfile(status="Accepted" if unit == "W" else "Rejected")

    @on("GetCompositeSchedule")
    def on_composite(self, **payload: Any) -> Any:
        self.asked.append(("GetCompositeSchedule", payload))
        return result_201.GetCompositeSchedule(
            status="Accepted",
            schedule={
                "evse_id": payload["evse_id"],
                "duration": 3600,
                "schedule_start": stamp(datetime.now(UTC)),
                "charging_rate_unit": "W",
                "charging_schedule_period": PERIODS,
            },
        )

    @on("ClearChargingProfile")
    def on_clear(self, **payload: Any) -> Any:
        self.asked.append(("ClearChargingProfile", payload))
        return result_201.ClearChargingProfile(status="Accepted")


class Point16(ChargePoint):
    """A charger of 1.6 with smart charging."""

    client = Smart16


class Point201(ChargePoint201):
    """A charger of 2.0.1 with smart charging."""

    client = Smart201


@pytest.fixture(scope="module")
def site(make_shared_site):
    return make_shared_site(processes=("worker",))


@pytest.fixture(params=[Point16, Point201], ids=["1.6", "2.0.1"])
def point(request, site):
    identity = f"SMART-{request.param.__name__}-{request.node.name[:20]}".replace("[", "-")[:40]
    return connected(request, site, request.param, identity)


def connected(request, site, kind, identity):
    with site.work() as db:
        tenants.first(db, now=datetime.now(UTC))
        register(db, identity, mode=StationMode.OPEN)
    made = kind(site.charger_url, identity, PASSWORD)
    request.addfinalizer(made.close)
    made.connect()
    made.boot()
    return made


def order(site, point, kind, **arguments):
    """Give an order and wait until it has settled; return its state, attempts and sentence."""
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == point.identity))
        now = datetime.now(UTC)
        row = commands.queue(db, SYSTEM, station, kind, arguments, now=now, ttl_s=60)
        number = row.id

    def over():
        with site.read() as db:
            found = db.get(Command, number)
            over = found.state not in OPEN_STATES
            return (found.state, found.attempts, found.sentence) if over else None

    return eventually(over, what=f"{kind} settles")


def test_a_refused_profile_is_tried_in_the_units_and_levels_that_the_station_knows(site, point):
    state, attempts, sentence = order(site, point, Order.SET_PROFILE, document=LIMIT, connector=1)
    assert state is CommandState.ACCEPTED, sentence
    assert attempts
    asked = [payload for action, payload in point.asked if action == "SetChargingProfile"]
    assert len(asked) >= 2
    with site.read() as db:
        station = db.scalar(select(Station).where(Station.identity == point.identity))
        row = db.scalar(select(StationProfile).where(StationProfile.station_id == station.id))
        assert row.state is ProfileState.ACCEPTED
        assert row.document["unit"] == "A"
        assert row.sent["unit"] == "W"
        assert row.sent["periods"][0]["limit"] == "11040.0"


def test_a_composite_schedule_is_kept(site, point):
    state, _, sentence = order(site, point, Order.READ_COMPOSITE_SCHEDULE, connector=1)
    assert state is CommandState.ACCEPTED, sentence
    with site.read() as db:
        station = db.scalar(select(Station).where(Station.identity == point.identity))
        row = db.scalar(select(CompositeSchedule).where(CompositeSchedule.station_id == station.id))
        assert (row.evse, row.unit, row.duration_s) == (1, "W", 3600)
        assert [period[0] for period in row.periods] == [0, 600]


def test_a_car_that_tells_its_needs_gets_a_profile_for_its_transaction(request, site):
    point = connected(request, site, Point201, "SMART-NEEDS")
    now = datetime.now(UTC)
    point.start("04A2", 0, now)
    needs = {
        "requested_energy_transfer": "AC_three_phase",
        "departure_time": stamp(now + timedelta(hours=2)),
        "ac_charging_parameters": {
            "energy_amount": 10_000,
            "ev_min_current": 6,
            "ev_max_current": 32,
            "ev_max_voltage": 230,
        },
    }
    answer = point.send(
        call_201.NotifyEVChargingNeeds(charging_needs=needs, evse_id=1, max_schedule_tuples=3)
    )
    assert answer.status == "Accepted"

    def asked():
        found = [given for action, given in point.asked if action == "SetChargingProfile"]
        return found[-1]["charging_profile"] if len(found) >= 2 else None

    profile = eventually(asked, what="the plan arrives, in watts at last")
    assert profile["charging_profile_purpose"] == "TxProfile"
    assert profile["transaction_id"] == point.transaction
    with site.read() as db:
        assert db.scalar(select(EvNeeds)).station_profile_id == profile["id"]
