"""The charging of the seeded network: sessions in every state, readings, bills and receipts."""

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import (
    Activity,
    Availability,
    BillingState,
    ReceiptState,
    SessionState,
    StopReason,
)
from app.domain.money import receipts
from app.domain.office import outbox
from app.models import Bill, ChargingSession, MeterReading, StatusEvent, StrayStop
from tests.support import lone

ZONE = "Europe/Berlin"
WHY = "“Kerb day/night” version 7 applies because it is the price of the site Depot Nord."


def fill(db: Session, made: Any, history: int) -> None:
    """Add the sessions of today, then plain ones of the days before."""
    _finished(db, made)
    _running(db, made)
    _held(db, made)
    _odd(db, made)
    _history(db, made, history)


def at_home(made: Any, hour: int, minute: int, second: int = 0) -> datetime:
    """A time on the clock of the depot: today, or yesterday when today has not come that far."""
    here = made.now.astimezone(ZoneInfo(ZONE))
    today = here.replace(hour=hour, minute=minute, second=second, microsecond=0)
    day_over = here.replace(hour=9, minute=45, second=0)
    return today if here >= day_over else today - timedelta(days=1)


def session(
    db: Session,
    made: Any,
    name: str,
    station: str,
    who: str | None,
    started: datetime,
    **given: Any,
) -> ChargingSession:
    """Add a charging session; what is not given is that of a plain running one."""
    place = made.stations[station]
    tag = made.tags[who] if who else None
    values: dict[str, Any] = {
        "tenant_id": place.tenant_id,
        "site_id": place.site_id,
        "station_id": place.id,
        "evse": 1,
        "start_key": name,
        "token": tag.value if tag else "FF:00:12:34",
        "tag_id": tag.id if tag else None,
        "driver_id": tag.driver_id if tag else None,
        "timezone": ZONE,
        "currency": "EUR",
        "tariff_version_id": made.version.id,
        "tariff_why": WHY,
        "started_at": started,
        "start_received_at": started + timedelta(seconds=1),
        "meter_start_wh": Decimal(1_000_000),
    }
    row = ChargingSession(**{**values, **given})
    db.add(row)
    db.flush()
    row.transaction_ref = str(row.id)
    made.sessions[name] = row
    return row


def reading(
    db: Session, row: ChargingSession, at: datetime, wh: float, power_w: float, soc: float | None
) -> None:
    """Add what the meter said at one instant; `wh` counts from the session's start."""
    register = Decimal(str(row.meter_start_wh)) + Decimal(str(round(wh)))
    current = round(power_w / 690, 1)
    samples = [
        ["Energy.Active.Import.Register", str(register), "Wh", None, None, None, False],
        ["Power.Active.Import", str(round(power_w)), "W", None, None, None, False],
        ["Current.Import", str(current), "A", "L1", None, None, False],
        ["Voltage", "230.4", "V", "L1-N", None, None, False],
    ]
    db.add(
        MeterReading(
            station_id=row.station_id,
            session_id=row.id,
            evse=row.evse,
            taken_at=at,
            received_at=at + timedelta(milliseconds=400),
            register_wh=register,
            power_w=power_w,
            current_a=current,
            voltage_v=230.4 - power_w / 10_000,
            soc_percent=soc,
            samples=samples,
            digest=hashlib.blake2b(f"{row.id}|{at}".encode(), digest_size=16).hexdigest(),
        )
    )


def curve(minute: float, full_at: float) -> float:
    """The power in W of a car that ramps up, holds 22 kW and tapers off before it is full."""
    if minute < 10:
        return 22_000 * (1 - (1 - minute / 10) ** 2)
    if minute < full_at - 16:
        return 22_000 + 130 * ((minute * 7) % 5 - 2)
    return max(0.0, 22_000 * (full_at - minute) / 16)


def readings(db: Session, row: ChargingSession, until: datetime, full_at: float) -> float:
    """Add a reading every two minutes; return the energy in Wh."""
    wh, last, minute = 0.0, 0.0, 0.0
    while (at := row.started_at + timedelta(minutes=minute)) <= until:
        reading(db, row, at, wh, curve(minute, full_at), 31 + wh / 480)
        last = wh
        wh += (curve(minute, full_at) + curve(minute + 2, full_at)) / 2 / 30
        minute += 2
    return last


def _status(db: Session, row: ChargingSession, at: datetime, word: str, activity: Activity) -> None:
    free = word == "Available"
    db.add(
        StatusEvent(
            station_id=row.station_id,
            evse=row.evse,
            availability=Availability.AVAILABLE if free else Availability.OCCUPIED,
            activity=activity,
            status_word=word,
            at=at,
            received_at=at + timedelta(milliseconds=300),
        )
    )


def _finished(db: Session, made: Any) -> None:
    """A car that was full after 72 minutes and stayed for 26 more; billed, and the receipt sent."""
    start, end = at_home(made, 7, 2, 11), at_home(made, 8, 40, 40)
    full = at_home(made, 8, 14, 11)
    row = session(db, made, "finished", "CP-03", "Ada", start, meter_start_wh=Decimal(1_204_118))
    energy = Decimal(round(readings(db, row, end, 72)))
    row.state = SessionState.ENDED
    row.ended_at, row.stop_received_at = end, end + timedelta(seconds=1)
    row.energy_wh = energy
    row.meter_stop_wh = row.last_register_wh = row.meter_start_wh + energy
    row.stop_reason, row.stop_word = StopReason.EV_DISCONNECTED, "EVDisconnected"
    row.last_power_w, row.last_soc_percent, row.last_reading_at = 0.0, 81.0, end
    row.idle_since = full
    for at, word, activity in (
        (start - timedelta(seconds=40), "Preparing", Activity.PREPARING),
        (start + timedelta(seconds=3), "Charging", Activity.CHARGING),
        (full, "SuspendedEV", Activity.SUSPENDED_EV),
        (end + timedelta(seconds=1), "Finishing", Activity.FINISHING),
        (end + timedelta(seconds=20), "Available", Activity.NONE),
    ):
        _status(db, row, at, word, activity)
    bill(db, row)


def bill(db: Session, row: ChargingSession) -> None:
    """Have the session billed as it is in life, and its receipt sent."""
    at = (row.ended_at or row.started_at) + timedelta(seconds=2)
    issued = lone.issue(db, row.id, now=at)
    if not isinstance(issued, Bill) or issued.receipt.state is not ReceiptState.QUEUED:
        return
    claimed = receipts.claim(db, issued.receipt.id, domain="example.org", now=at)
    if claimed is not None:
        sent = at + timedelta(seconds=2)
        outbox.settle(
            db,
            receipts.KIND,
            claimed,
            ReceiptState.SENT,
            "accepted by mx.example.org: 250 2.0.0 Ok",
            now=sent,
        )


def _running(db: Session, made: Any) -> None:
    """Two cars that charge now; one of them is full already."""
    start = made.now - timedelta(minutes=63, seconds=20)
    row = session(db, made, "running", "CP-04", "Ben", start, meter_start_wh=Decimal(882_400))
    wh = Decimal(round(readings(db, row, made.now, 200)))
    row.energy_wh, row.last_register_wh = wh, row.meter_start_wh + wh
    row.last_power_w, row.last_soc_percent = 21_800.0, 76.0
    row.last_reading_at = made.now - timedelta(seconds=40)
    _status(db, row, start + timedelta(seconds=2), "Charging", Activity.CHARGING)

    start = made.now - timedelta(minutes=95)
    row = session(db, made, "idle", "CP-05", "Çağla", start, meter_start_wh=Decimal(55_010))
    wh = Decimal(round(readings(db, row, made.now, 60)))
    row.energy_wh, row.last_register_wh = wh, row.meter_start_wh + wh
    row.last_power_w, row.last_soc_percent = 0.0, 100.0
    row.last_reading_at = made.now - timedelta(seconds=50)
    row.idle_since = start + timedelta(minutes=60)
    _status(db, row, row.idle_since, "SuspendedEV", Activity.SUSPENDED_EV)


def _ended(row: ChargingSession, minutes: float, wh: int, **given: Any) -> None:
    row.state, row.ended_at = SessionState.ENDED, row.started_at + timedelta(minutes=minutes)
    row.stop_received_at = row.ended_at + timedelta(seconds=1)
    row.energy_wh = Decimal(wh)
    row.last_reading_at, row.last_power_w = row.ended_at, 0.0
    row.last_register_wh = row.meter_stop_wh = row.meter_start_wh + row.energy_wh
    row.stop_reason, row.stop_word = StopReason.LOCAL, "Local"
    for name, value in given.items():
        setattr(row, name, value)


def _held(db: Session, made: Any) -> None:
    """A session whose registers claim more than the plug can give: it waits for a person."""
    start = made.now - timedelta(hours=5)
    row = session(db, made, "held", "CP-02", "Ben", start, meter_start_wh=Decimal(1_003_910))
    readings(db, row, row.started_at + timedelta(minutes=30), 200)
    _ended(row, 31, 910_000)
    bill(db, row)


def _odd(db: Session, made: Any) -> None:
    """A session without a stop, one by a refused card, a waived one, and a stop of no session."""
    row = session(db, made, "provisional", "CP-01", "Ada", made.now - timedelta(hours=9))
    wh = readings(db, row, row.started_at + timedelta(minutes=44), 400)
    _ended(row, 44, round(wh), provisional=True, meter_stop_wh=None, stop_word=None)
    row.stop_reason, row.flags = StopReason.NEVER_REPORTED, ["stop_missing", "estimated_end"]
    row.stop_received_at = row.ended_at + timedelta(hours=2)

    row = session(
        db, made, "unauthorised", "CP-02", None, made.now - timedelta(hours=7), unauthorised=True
    )
    _ended(row, 12, 3_910, stop_reason=StopReason.DEAUTHORIZED, stop_word="DeAuthorized")
    bill(db, row)

    row = session(db, made, "waived", "CP-01", "Ben", made.now - timedelta(hours=30), evse=2)
    _ended(row, 3, 0, billing=BillingState.WAIVED, flags=["no_energy_reported"])

    station = made.stations["CP-05"]
    db.add(
        StrayStop(
            station_id=station.id,
            transaction_ref="0",
            ended_at=made.now - timedelta(days=1),
            received_at=made.now - timedelta(hours=20),
            reason="PowerLoss",
            payload={"transactionId": 0, "meterStop": 55_010},
            digest="0" * 32,
            sentence="It names no session that this station began here.",
        )
    )


def _history(db: Session, made: Any, count: int) -> None:
    people = list(made.tags)
    past = [(_past_start(made, number), number) for number in range(count)]
    registers: dict[int, Decimal] = {}
    for station in range(5):  # a plug's register runs on from session to session
        register = Decimal(1_000_000)
        for _, number in sorted(each for each in past if each[1] % 5 == station):
            registers[number] = register
            register += _past_wh(number)
    for start, number in past:
        station, who = f"CP-{number % 5 + 1:02d}", people[number % 3]
        register = registers[number]
        row = session(
            db, made, f"past{number}", station, who, start, evse=2, meter_start_wh=register
        )
        _ended(row, _past_minutes(number), _past_wh(number))
    for _, number in sorted(past, key=lambda each: each[1]):
        bill(db, made.sessions[f"past{number}"])


def _past_start(made: Any, number: int) -> datetime:
    back = timedelta(days=1 + number // 3, hours=(number * 5) % 11, minutes=number)
    start: datetime = made.now - back
    return start


def _past_minutes(number: int) -> int:
    return 25 + (number * 13) % 80


def _past_wh(number: int) -> int:
    return _past_minutes(number) * (150 + (number * 37) % 180)
