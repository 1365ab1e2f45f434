"""What a support bundle holds of a station, or of one session and the time around it.

Each table is a file of the bundle: named columns and no others, the newest rows first, no more of
them than `most`.  What names a person is not among the columns, or is replaced when it is packed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.domain.access import reach
from app.domain.ground.vocabulary import Area, Json, Right
from app.domain.office.rights import Rights, may
from app.models import (
    Authorisation,
    Bill,
    BillLine,
    ChargingSession,
    Command,
    Connection,
    Connector,
    Deviation,
    Driver,
    FileJob,
    Message,
    MeterReading,
    Reservation,
    Station,
    StationReport,
    StationVariable,
    StatusEvent,
    StrayStop,
    Tag,
    TransactionEvent,
)
from app.queries.charging import session_timeline
from app.queries.ground.paging import in_pieces
from app.queries.network import station_page, station_timeline

#: Rows of a table at most; messages are more.
MOST, MOST_MESSAGES = 5_000, 20_000
#: People and cards that are known by name, so that they are found in sentences, too.
MOST_NAMES = 2_000


@dataclass(frozen=True, slots=True)
class Extent:
    """What a bundle is about: a station from one time to another, and maybe one session of it."""

    station: Station
    since: datetime
    until: datetime
    session: ChargingSession | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file of the bundle: `at` narrows it to the time, None: all there is."""

    name: str
    title: str
    model: Any
    columns: str
    at: str | None = None
    most: int = MOST
    #: Whoever may not read it gets a bundle without the table.
    area: Area = Area.NETWORK


_MESSAGE = (
    "at outbound action message_id outcome error_code error_description latency_ms session_id"
    " request response"
)
_SESSION = (
    "id evse connector transaction_ref state billing token token_kind unauthorised timezone"
    " currency tariff_why started_at start_received_at claimed_started_at ended_at"
    " stop_received_at meter_start_wh meter_stop_wh stop_reason stop_word stop_token provisional"
    " energy_wh first_register_wh last_register_wh last_reading_at idle_since flags last_seq_no"
)
_VARIABLE = (
    "component component_instance evse connector variable instance attribute value wanted"
    " wanted_at writable data_type unit low high choices reboot_required reported_at"
)
_PLUG = (
    "evse connector name plug_type max_power_w measured_power_w availability activity"
    " status_word error_code vendor_error info status_at since stale"
)
#: What belongs to a station; of a session only that of its time.
TABLES = (
    Table("messages", "OCPP messages", Message, _MESSAGE, "at", MOST_MESSAGES, Area.OFFICE),
    Table(
        "sessions", "Charging sessions", ChargingSession, _SESSION, "started_at", area=Area.CHARGING
    ),
    Table(
        "statuses",
        "Statuses",
        StatusEvent,
        "at received_at evse connector status_word availability activity error_code vendor_error"
        " info",
        "at",
    ),
    Table(
        "taps",
        "Taps of tags",
        Authorisation,
        "at occasion evse token session_id verdict reason sentence",
        "at",
        area=Area.ACCESS,
    ),
    Table(
        "commands",
        "Commands",
        Command,
        "id order arguments state sentence action request answer message_id latency_ms"
        " requested_at expires_at sent_at settled_at session_id attempts",
        "requested_at",
        area=Area.COMMANDS,
    ),
    Table(
        "connections",
        "Connections",
        Connection,
        "opened_at closed_at close_code close_reason protocol security_profile address node",
        "opened_at",
    ),
    Table(
        "reports",
        "What it reported: boots, firmware, security",
        StationReport,
        "at received_at kind word payload",
        "at",
    ),
    Table(
        "transaction-events",
        "Transaction events (2.x)",
        TransactionEvent,
        "at received_at transaction_ref session_id kind seq_no trigger offline evse connector"
        " token activity payload answer",
        "at",
        area=Area.CHARGING,
    ),
    Table(
        "stray-stops",
        "Stops that matched no session",
        StrayStop,
        "transaction_ref token meter_stop_wh ended_at received_at reason count outcome sentence",
        "received_at",
        area=Area.CHARGING,
    ),
    Table("connectors", "Connectors", Connector, _PLUG),
    Table("settings", "Settings and device model", StationVariable, _VARIABLE, area=Area.DEVICE),
    Table(
        "files",
        "Firmware and logs",
        FileJob,
        "id kind state word sentence steps arguments file_name size_bytes created_at settled_at",
        area=Area.DEVICE,
    ),
    Table("deviations", "Deviations", Deviation, "code count first_at last_at example"),
)
_READINGS = Table(
    "readings",
    "Meter values",
    MeterReading,
    "taken_at received_at register_wh power_w current_a voltage_v soc_percent assumed_time samples",
    most=MOST_MESSAGES,
    area=Area.CHARGING,
)
_BILLS = Table(
    "bills",
    "Bills",
    Bill,
    "id number sequence kind currency energy_wh net_minor tax_minor gross_minor reason facts"
    " issued_at digest",
    area=Area.MONEY,
)
_LINES = Table(
    "bill-lines",
    "Lines of bills, with their evidence",
    BillLine,
    "bill_id position kind label parameters quantity unit unit_price tax_percent net_minor"
    " tax_minor gross_minor evidence",
    area=Area.MONEY,
)
_ATTEMPT = (
    *("first_at", "last_at", "count", "identity", "path", "address", "subprotocols"),
    *("accepted", "status", "reason", "sentence"),
)


def tables(db: Session, of: Extent, rights: Rights | None) -> Iterator[tuple[str, str, Any]]:
    """The files of a bundle that these rights let read (None: all): name, title and rows."""
    found = [(table, _where(table, of)) for table in TABLES]
    if of.session is not None:
        number = of.session.id
        bill = select(Bill.id).where(Bill.session_id == number)
        found += [
            (_READINGS, MeterReading.session_id == number),
            (_BILLS, Bill.session_id == number),
            (_LINES, BillLine.bill_id.in_(bill)),
        ]
    for table, where in found:
        if rights is None or may(rights, table.area, Right.READ):
            yield table.name, table.title, _rows(db, table, where)
    attempts = station_page.attempts(db, of.station, MOST)
    told = ({name: getattr(row, name) for name in _ATTEMPT} for row in attempts)
    yield "attempts", "Attempts to connect", _of_time(told, of)


def _of_time(rows: Iterator[Json], of: Extent) -> Iterator[Json]:
    return (row for row in rows if row["last_at"] >= of.since and row["first_at"] <= of.until)


def _rows(db: Session, table: Table, where: ColumnElement[bool]) -> Iterator[Json]:
    names = table.columns.split()
    query = select(*(getattr(table.model, name) for name in names)).where(where)
    found = in_pieces(db, query, (table.model.id,))
    return (dict(zip(names, row, strict=False)) for row in islice(found, table.most))


def _where(table: Table, of: Extent) -> ColumnElement[bool]:
    model: Any = table.model
    here: ColumnElement[bool] = model.station_id == of.station.id
    if table.at is None:
        return here
    at = getattr(model, table.at)
    then: ColumnElement[bool] = and_(at >= of.since, at <= of.until)
    if of.session is not None:
        own = model.id if model is ChargingSession else getattr(model, "session_id", None)
        # An offline charger tells of a session later: what names it belongs to it.
        then = then if own is None else or_(own == of.session.id, then)
    return and_(here, then)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the story on the bundle's first page."""

    at: datetime
    text: str


def story(db: Session, of: Extent, now: datetime) -> list[Line]:
    """What happened: the session's own timeline, or the station's last day, the oldest first."""
    if of.session is not None:
        told = session_timeline.of(db, of.session, now)
        return [Line(entry.at, entry.text) for entry in told]
    day = station_timeline.last_day(db, of.station, now)
    return [Line(item.at, item.text) for item in reversed(day)]


@reach.whole
def people(db: Session, of: Extent) -> tuple[set[str], set[str]]:
    """The cards that were shown at the station in this time, and the people that they belong to.

    Also those whom the asker does not see: messages name them, whoever may see their sessions.
    """
    station, cards = of.station.id, set[str]()
    for model, columns, at in (
        (Authorisation, (Authorisation.token,), Authorisation.at),
        (ChargingSession, _TOKENS, ChargingSession.started_at),
        (Reservation, (Reservation.token,), Reservation.expires_at),
    ):
        for column in columns:
            query = select(column).where(model.station_id == station, at >= of.since).distinct()
            cards |= {token for token in db.scalars(query.limit(MOST_NAMES)) if token}
    shown = select(Authorisation.tag_id).where(
        Authorisation.station_id == station, Authorisation.at >= of.since
    )
    charged = select(ChargingSession.driver_id).where(
        ChargingSession.station_id == station, ChargingSession.started_at >= of.since
    )
    who = or_(Driver.id.in_(charged), Driver.tags.any(Tag.id.in_(shown)))
    if of.session is not None:
        cards |= {card for card in (of.session.token, of.session.stop_token) if card}
        who = or_(who, Driver.id == of.session.driver_id)
    return cards, set(db.scalars(select(Driver.name).where(who).limit(MOST_NAMES)))


_TOKENS = (ChargingSession.token, ChargingSession.stop_token)
