"""What stations know of customers: asked for, gathered, shown to admins only, erased (N09)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Ask, Prepared, subject_of
from app.domain.ground import events
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor, CommandState, Outcome
from app.domain.office import audit
from app.models import Command, CustomerReport, Station

#: Texts of one report; a station that never ends fills no disk.
_MOST_PARTS = 2000
_CERTIFICATE = ("hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number")


def prepare(ask: Ask) -> Prepared:
    """Make the row that the answer's parts are gathered in; one customer is named in one way."""
    certificate = [name for name in _CERTIFICATE if name in ask.given]
    if certificate and len(certificate) < len(_CERTIFICATE):
        raise Invalid("A certificate is named by its three hashes and its serial number.")
    ways = [name for name in ("token", "customer") if name in ask.given] + certificate[:1]
    if len(ways) != 1:
        raise Invalid("Name the customer by a tag, an identifier or a certificate: one of them.")
    given = {"report": True, "clear": False, **ask.given}
    if not (given["report"] or given["clear"]):
        raise Invalid("Say whether it shall tell what it knows, forget it, or both.")
    if ways == ["token"]:
        given.setdefault("token_kind", "iso14443")
    row = CustomerReport(
        station_id=ask.station.id,
        about={"token": "a tag", "customer": "a customer's identifier"}.get(
            ways[0], "a customer's certificate"
        ),
        asked_by=ask.actor.name,
        asked_at=ask.now,
        parts={},
    )
    ask.db.add(row)
    ask.db.flush()
    row.request_id = row.id
    return Prepared({**given, "request_id": row.id}, f"customer_report:{row.id}")


def after(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note the answer at the report; one that only had to forget is complete with its yes."""
    row = subject_of(db, command, "customer_report", CustomerReport)
    if row is None:
        return
    row.sentence = outcome.sentence[:300]
    if outcome.state is CommandState.ACCEPTED and not command.arguments.get("report", True):
        row.complete, row.received_at = True, row.received_at or now
    events.station_changed(db, command.station)


def part(
    db: Session,
    station: Station,
    text: str,
    *,
    number: int,
    last: bool,
    request_id: int | None,
    now: datetime,
) -> CustomerReport:
    """Take a part in; parts come in any order and more than once, and what nobody asked is kept."""
    row = db.scalar(
        select(CustomerReport).where(
            CustomerReport.station_id == station.id, CustomerReport.request_id == request_id
        )
    )
    if row is None:
        row = CustomerReport(
            station_id=station.id, request_id=request_id, about="what nobody asked for", parts={}
        )
        db.add(row)
    row.received_at = now
    if row.erased_at is None and 0 <= number < _MOST_PARTS:
        row.parts = {**row.parts, str(number): text}
        row.last_part = number if last else row.last_part
        numbers = sorted(int(name) for name in row.parts)
        row.text = "".join(row.parts[str(name)] for name in numbers)
        row.complete = row.last_part is not None and len(numbers) > row.last_part
    events.station_changed(db, station)
    return row


def erase(db: Session, actor: Actor, row: CustomerReport, *, now: datetime) -> None:
    """Remove what was told; that it was told stays."""
    if row.erased_at is None:
        row.text, row.parts, row.erased_at = "", {}, now
        station = db.get_one(Station, row.station_id)
        note = f"Erased what it told of {row.about} (request {row.request_id})."
        audit.remark(db, actor, "customer_information.erase", station, note, now=now)
        events.station_changed(db, station)


def forget(db: Session, *, before: datetime, now: datetime) -> int:
    """Erase reports that came before an instant; returns how many."""
    old = db.scalars(
        select(CustomerReport)
        .where(CustomerReport.received_at < before, CustomerReport.erased_at.is_(None))
        .limit(500)
    ).all()
    for row in old:
        row.text, row.parts, row.erased_at = "", {}, now
    db.flush()
    return len(old)
