"""All that is kept of a driver, kind by kind: counted on a page, and read row by row for a file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Json
from app.models import (
    AuditEntry,
    Authorisation,
    Bill,
    BillLine,
    ChargingSession,
    Command,
    Driver,
    DriverQuestion,
    Message,
    MeterReading,
    OutgoingMail,
    Receipt,
    Reservation,
    Tag,
    Tenant,
    TransactionEvent,
)
from app.queries.ground.paging import MOST_COUNTED, count_up_to, in_pieces

#: Rows of a kind that a file holds.
MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rows: which are a driver's, and which of their columns are told."""

    name: str
    title: str
    rows: Callable[[Driver], Select[Any]]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows of a kind there are; `more`: there are more than that."""

    kind: Kind
    count: int
    more: bool


def _sessions(driver: Driver) -> Select[Any]:
    return select(ChargingSession.id).where(ChargingSession.driver_id == driver.id)


def _tags(driver: Driver) -> Select[Any]:
    return select(Tag.id).where(Tag.driver_id == driver.id)


def _bills(driver: Driver) -> Select[Any]:
    return select(Bill.id).where(Bill.driver_id == driver.id)


def _audit(driver: Driver) -> Select[Any]:
    about = {"Driver": select(Driver.id).where(Driver.id == driver.id), "Tag": _tags(driver)}
    return select(AuditEntry).where(
        or_(
            *(
                and_(AuditEntry.subject_kind == kind, AuditEntry.subject_id.in_(ids))
                for kind, ids in about.items()
            )
        )
    )


def _mails(driver: Driver) -> Select[Any]:
    # They do not say whose they are: with several organisations they may be another's.
    alone = select(func.count(Tenant.id)).scalar_subquery() < 2
    theirs = func.lower(OutgoingMail.recipient) == (driver.email_key or "")
    return select(OutgoingMail).where(theirs, alone)


def _in_sessions(model: Any) -> Callable[[Driver], Select[Any]]:
    return lambda driver: select(model).where(model.session_id.in_(_sessions(driver)))


def _of_bills(model: Any) -> Callable[[Driver], Select[Any]]:
    return lambda driver: select(model).where(model.bill_id.in_(_bills(driver)))


def _kind(name: str, title: str, rows: Callable[[Driver], Select[Any]], columns: str) -> Kind:
    return Kind(name, title, rows, tuple(columns.split()))


KINDS = (
    _kind(
        *("driver", N_("Name, address and language")),
        lambda driver: select(Driver).where(Driver.id == driver.id),
        "id name email language note tariff_id archived_at forgotten_at created_at",
    ),
    _kind(
        *("tags", N_("Tags")),
        lambda driver: select(Tag).where(Tag.driver_id == driver.id),
        "id value kind label status expires_at concurrent_limit archived_at created_at",
    ),
    _kind(
        *("taps", N_("Taps at chargers")),
        lambda driver: select(Authorisation).where(Authorisation.tag_id.in_(_tags(driver))),
        "id at token occasion verdict reason sentence session_id",
    ),
    _kind(
        *("sessions", N_("Charging sessions")),
        lambda driver: select(ChargingSession).where(ChargingSession.driver_id == driver.id),
        "id token state billing started_at ended_at energy_wh meter_start_wh meter_stop_wh "
        "stop_reason currency timezone",
    ),
    _kind(
        *("readings", N_("Meter readings of these sessions")),
        _in_sessions(MeterReading),
        "id session_id taken_at register_wh power_w current_a voltage_v soc_percent",
    ),
    _kind(
        *("events", N_("What stations told of these sessions")),
        _in_sessions(TransactionEvent),
        "id session_id kind at token payload",
    ),
    _kind(
        *("bills", N_("Bills, credits and corrections")),
        lambda driver: select(Bill).where(Bill.driver_id == driver.id),
        "id session_id number kind currency energy_wh net_minor tax_minor gross_minor reason "
        "issued_at digest",
    ),
    _kind(
        *("bill_lines", N_("Lines of the bills")),
        _of_bills(BillLine),
        "id bill_id position kind quantity unit unit_price tax_percent net_minor tax_minor "
        "gross_minor",
    ),
    _kind(
        *("receipts", N_("Receipts by mail")),
        _of_bills(Receipt),
        "id bill_id state recipient language sent_at created_at",
    ),
    _kind(
        *("questions", N_("Questions about receipts")),
        _of_bills(DriverQuestion),
        "id bill_id text recipient asked_at answer answered_at closed_at",
    ),
    _kind(*("mails", N_("Other mails")), _mails, "id recipient subject state sent_at created_at"),
    _kind(
        *("reservations", N_("Reservations")),
        lambda driver: select(Reservation).where(Reservation.tag_id.in_(_tags(driver))),
        "id token evse state expires_at created_at sentence",
    ),
    _kind(
        *("orders", N_("Orders to stations about these sessions")),
        _in_sessions(Command),
        "id order arguments state requested_at",
    ),
    _kind(
        *("messages", N_("Messages of stations about these sessions")),
        _in_sessions(Message),
        "id session_id at action request response",
    ),
    _kind(*("audit", N_("What staff changed")), _audit, "id at action subject before after"),
)


def counts(db: Session, driver: Driver) -> list[Count]:
    """Count the rows of each kind, up to a bound."""
    found = []
    for kind in KINDS:
        count = count_up_to(db, kind.rows(driver), MOST_COUNTED)
        found.append(Count(kind, min(count, MOST_COUNTED), count > MOST_COUNTED))
    return found


def rows(db: Session, driver: Driver, kind: Kind) -> Iterator[Json]:
    """Yield the rows of a kind, the newest first, a piece at a time; no connection is held."""
    query = kind.rows(driver)
    entity = query.column_descriptions[0]["entity"]
    columns = (getattr(entity, name) for name in kind.columns)
    query = query.with_only_columns(*columns, maintain_column_froms=True)
    found = islice(in_pieces(db, query, (entity.id,)), MOST_ROWS)
    return (dict(zip(kind.columns, row, strict=False)) for row in found)
