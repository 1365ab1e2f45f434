"""A station of the seeded network with everything that its Energy tab can show."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.ground.vocabulary import SYSTEM, Order, ProfileState, Token
from app.domain.limits import profiles
from app.domain.money import settlements
from app.models import (
    ChargingProfile,
    CompositeSchedule,
    DerControl,
    EvNeeds,
    Station,
    StationProfile,
    StationReport,
    StationTariff,
)

NIGHT: dict[str, Any] = {
    "purpose": "default",
    "kind": "daily",
    "stack_level": 1,
    "unit": "A",
    "periods": [
        {"start_s": 0, "limit": "32", "phases": 3},
        {"start_s": 25_200, "limit": "10", "phases": 3},
        {"start_s": 79_200, "limit": "32", "phases": 3},
    ],
}


def fill(db: Session, station: Station, now: datetime) -> ChargingProfile:
    """Give a station profiles, a composite schedule, needs, controls, payments and swaps."""
    station.supported_orders = [order.value for order in Order]
    night = profiles.add(
        *(db, SYSTEM, station.tenant_id),
        now=now,
        name="Night and day",
        document=NIGHT,
        note="Full power at night, little by day.",
    )
    held = {"station_id": station.id, "created_at": now}
    less = [{"start_s": 0, "limit": "8.0", "phases": 3}]
    db.add_all(
        [
            StationProfile(
                **held,
                profile_id=night.id,
                evse=1,
                document=night.document,
                sent=night.document,
                state=ProfileState.ACCEPTED,
            ),
            StationProfile(
                **held,
                document=night.document,
                sent=night.document,
                reported={**night.document, "periods": less},
                state=ProfileState.ACCEPTED,
                sentence="The station reports other limits than it was sent.",
            ),
            StationProfile(
                **held,
                source="ems",
                document={"purpose": "external", "kind": "absolute", "unit": "A", "periods": less},
                state=ProfileState.REPORTED,
                sentence="It is critical for the grid.",
            ),
            StationProfile(
                **held,
                document=night.document,
                state=ProfileState.REJECTED,
                sentence="The charger answered Rejected.",
            ),
        ]
    )
    _reports(db, station, now)
    return night


def _reports(db: Session, station: Station, now: datetime) -> None:
    here: dict[str, Any] = {"station_id": station.id}
    composite = CompositeSchedule(
        **here,
        evse=1,
        unit="W",
        starts_at=now,
        duration_s=86_400,
        periods=[[0, "22080.0", 3], [20_000, "6900.0", 3], [60_000, "22080.0", 3]],
        received_at=now,
    )
    needs = EvNeeds(
        **here,
        evse=1,
        transfer="ac_three_phase",
        needs={"energy_wh": "20000", "most_w": "22080", "departure_at": now.isoformat()},
        answer="accepted",
        why="The car takes up to 22.1 kW. It wants 20.0 kWh within 4.0 h: spread evenly.",
        plan={**NIGHT, "purpose": "session", "kind": "absolute"},
        received_at=now,
    )
    control = DerControl(
        **here,
        number="c-1",
        kind="volt_var",
        document={"priority": 1},
        state="accepted",
        running=True,
        changed_at=now,
    )
    alarm = StationReport(
        **here,
        kind="der_alarm",
        word="High voltage, must trip",
        payload={"fault": "OverVoltage", "info": "251 V"},
        at=now,
        received_at=now,
    )
    tariff = StationTariff(
        **here, number="ampdesk-1-1", document={}, state="accepted", changed_at=now
    )
    db.add_all([composite, needs, control, alarm, tariff])
    told = settlements.Reported("psp-77", "settled", Decimal("12.40"), now - timedelta(hours=1))
    settlements.take_in(db, station, told, now=now)
    battery: dict[str, Any] = {"serial": "B-1", "charge_percent": "12", "health_percent": "97"}
    reports.take_swap(
        *(db, station),
        request_number=5,
        step="in",
        token=Token("04:A2:19:B0"),
        batteries=[{"slot": 1, **battery}],
        now=now,
    )
    db.flush()
