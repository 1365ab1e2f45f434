"""What stations report beside their sessions: kept as it is, told of their plugs, or alarming.

2.x stations also tell the state of a plug by variables.  `AvailabilityState` of a Connector, an
EVSE or the ChargingStation is that state itself (2.0.1 G01.FR.03 to 07); `Problem`, `Tripped` and
`Fault` of those are a fault.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import statuses
from app.domain.commands.orders.spec import asked
from app.domain.device.variable_names import VariableName
from app.domain.ground import events, redaction, texts
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import (
    Activity,
    Availability,
    ConnectorRef,
    Json,
    Order,
    StatusReport,
    Token,
)
from app.models import BatterySwap, Connector, Station, StationReport, StatusEvent, Tag

#: What a charger's own texts are cut to in columns; the raw report is kept beside them.
_TEXT = 120
STATE = "availabilitystate"
TROUBLES = frozenset({"problem", "tripped", "fault"})
#: The components that stand for plugs; the greatest first, for a plug's own word counts last.
_PLACES = ("chargingstation", "evse", "connector")
#: What a whole EVSE may be called whichever of its plugs is in use, and a whole station.
_OF_ALL = frozenset({Availability.AVAILABLE, Availability.UNAVAILABLE, Availability.FAULTED})
#: A greater number is no plug's.
_MOST = 10_000
#: Events that the specification calls critical and that are no daily routine
#: (2.0.1 part 2 appendix 1, security whitepaper section 3): somebody should look.
ALARMING = frozenset(
    {
        "InvalidCentralSystemCertificate",
        "InvalidChargePointCertificate",
        "InvalidChargingStationCertificate",
        "InvalidCsmsCertificate",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidTLSCipherSuite",
        "InvalidTLSVersion",
        "MaintenanceLoginFailed",
        "MemoryExhaustion",
        "SecurityLogWasCleared",
        "TamperDetectionActivated",
        "AttemptedReplayAttacks",
    }
)
#: What we find out ourselves, and how it is said of a station.
FOUND = {
    "ForeignNameRequested": "asked for a certificate in a name that is not its own",
    "ForeignSerialNumber": "gave the serial number of another station",
}
#: All that somebody should look at.
GRAVE = ALARMING | FOUND.keys()
#: After which time what we found is said again, and how much is said of a station until then.
FOUND_AGAIN, FOUND_MOST = timedelta(hours=1), 10
#: The kind of their reports.
SECURITY = "security"


def add(
    db: Session,
    station: Station,
    kind: str,
    word: str,
    payload: Json,
    *,
    at: datetime,
    now: datetime,
) -> StationReport:
    """Keep something a station told: `kind` as in the model, `word` its headline."""
    row = StationReport(
        station_id=station.id,
        kind=kind,
        word=redaction.redact_text(word)[:_TEXT],
        payload=redaction.redact(payload),
        at=at,
        received_at=now,
    )
    db.add(row)
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    db.flush()
    return row


def take_swap(
    db: Session,
    station: Station,
    *,
    request_number: int,
    step: str,
    token: Token,
    batteries: Iterable[Json],
    now: datetime,
) -> BatterySwap:
    """Keep one step of a swap: whose it is, and which batteries went in or out.

    A step that is told again is the same row.
    """
    found, request_number = list(batteries), texts.fitting_number(request_number)
    same = db.scalars(
        select(BatterySwap).where(
            BatterySwap.station_id == station.id,
            BatterySwap.request_number == request_number,
            BatterySwap.step == step,
        )
    )
    for row in same:
        if row.batteries == found:
            return row
    tag = db.scalar(select(Tag).where(Tag.tenant_id == station.tenant_id, Tag.key == token.key))
    command = asked(db, station, [Order.REQUEST_BATTERY_SWAP], "number", request_number)
    row = BatterySwap(
        station_id=station.id,
        request_number=request_number,
        step=step,
        token=token.value[:255],
        token_kind=token.kind[:40],
        tag_id=tag.id if tag else None,
        driver_id=tag.driver_id if tag else None,
        command_id=command.id if command else None,
        batteries=found,
        received_at=now,
    )
    db.add(row)
    events.station_changed(db, station)
    return row


def is_trouble(name: VariableName) -> bool:
    """Whether the variable says that something is wrong."""
    return name.variable.casefold() in TROUBLES and name.attribute == "actual"


def is_yes(value: str | None) -> bool:
    """Whether a variable's text means true."""
    return (value or "").strip().casefold() in ("true", "1")


def follow_all(
    db: Session, station: Station, told: Iterable[tuple[VariableName, str | None]], *, now: datetime
) -> None:
    """Take in the states among the variables of a report."""
    mine = [one for one in told if one[0].component.casefold() in _PLACES]
    for name, value in sorted(mine, key=lambda one: _PLACES.index(one[0].component.casefold())):
        follow(db, station, name, value, at=now, now=now)


def follow(
    db: Session,
    station: Station,
    name: VariableName,
    value: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Let the plugs that a variable stands for show what it says; most variables say nothing."""
    variable = name.variable.casefold()
    if name.attribute != "actual" or name.component.casefold() not in _PLACES or value is None:
        return
    if variable == STATE:
        _state(db, station, name, value, at, now)
    elif variable in TROUBLES:
        for plug in _plugs(db, station, name):
            _trouble(db, station, plug, name.variable, is_yes(value), at, now)


def _state(
    db: Session, station: Station, name: VariableName, value: str, at: datetime, now: datetime
) -> None:
    word = value.strip().capitalize()
    known = {one.value: one for one in Availability if one is not Availability.UNKNOWN}
    availability = known.get(word.casefold())
    plugs = _plugs(db, station, name)
    whole = name.component.casefold() == "chargingstation" or len(plugs) > 1
    if availability is None or (whole and availability not in _OF_ALL):
        return
    for plug in plugs:
        told = StatusReport(plug, availability, None, word, at)
        statuses.status(db, station, told, now=now)


def _trouble(
    db: Session,
    station: Station,
    plug: ConnectorRef,
    variable: str,
    present: bool,
    at: datetime,
    now: datetime,
) -> None:
    """A trouble is a fault of the plug; over, the plug is again what it was before."""
    row = connector_of(db, station, plug)
    if present:
        told = StatusReport(
            plug, Availability.FAULTED, Activity.NONE, "Faulted", at, error_code=variable[:60]
        )
    elif row.availability is Availability.FAULTED and row.error_code == variable[:60]:
        before = _before(db, row)
        if before is None:
            told = StatusReport(plug, Availability.AVAILABLE, None, "Available", at)
        else:
            told = StatusReport(plug, before.availability, before.activity, before.status_word, at)
    else:
        return
    statuses.status(db, station, told, now=now)


def _before(db: Session, row: Connector) -> StatusEvent | None:
    """The last status of a plug that was no fault."""
    return newest(
        db,
        StatusEvent,
        StatusEvent.availability != Availability.FAULTED,
        station_id=row.station_id,
        evse=row.evse,
        connector=row.connector,
    )


def _plugs(db: Session, station: Station, name: VariableName) -> list[ConnectorRef]:
    """The plugs that a component stands for; none where it names one that cannot be."""
    kind, evse = name.component.casefold(), name.evse
    if kind == "chargingstation":
        return [ConnectorRef(0)]
    if evse is None or not 0 < evse <= _MOST:
        return []
    if kind == "connector":
        number = 1 if name.connector is None else name.connector
        return [ConnectorRef(evse, number)] if 0 < number <= _MOST else []
    known = db.scalars(
        select(Connector.connector).where(
            Connector.station_id == station.id, Connector.evse == evse
        )
    )
    return [ConnectorRef(evse, number) for number in known] or [ConnectorRef(evse)]


def connector_of(db: Session, station: Station, ref: ConnectorRef) -> Connector:
    """Find a station's connector, made when it is first heard of (FIELD S1)."""
    query = select(Connector).where(
        Connector.station_id == station.id,
        Connector.evse == ref.evse,
        Connector.connector == ref.connector,
    )
    row = db.scalar(query)
    if row is None:
        row = Connector(station_id=station.id, evse=ref.evse, connector=ref.connector)
        db.add(row)
        db.flush()
    return row


def find_out(db: Session, station: Station, word: str, sentence: str, *, now: datetime) -> None:
    """Keep what we found out about a station ourselves; `word` is one of `FOUND`.

    The same is said once an hour, and no more than a few things are: a station can repeat itself.
    """
    recent = db.scalars(
        select(StationReport.payload)
        .where(
            StationReport.station_id == station.id,
            StationReport.kind == SECURITY,
            StationReport.word == word,
            StationReport.received_at > now - FOUND_AGAIN,
        )
        .limit(FOUND_MOST)
    ).all()
    if len(recent) < FOUND_MOST and {"techInfo": sentence} not in recent:
        add(db, station, SECURITY, word, {"techInfo": sentence}, at=now, now=now)
