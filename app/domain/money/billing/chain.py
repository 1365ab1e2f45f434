"""The chain of a tenant's bills: each carries a digest of itself and of all it rests on.

A digest is SHA-256 (hex) over the canonical form of some values, which is the
same on every database and must never change: bills are verified by it for as
long as they are kept.  Another form would be another `FORM`, beside this one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.ground.vocabulary import Json
from app.models import (
    Bill,
    BillCounter,
    ChargingSession,
    MeterReading,
    TariffVersion,
    TransactionEvent,
    session_revisions,
)
from app.models.sessions import KEPT

FORM = 1

#: What a digest of a bill covers of its head and of each line, in this order.
HEAD = (
    *("tenant_id", "place", "previous_digest", "session_id", "sequence", "number", "kind"),
    *("corrects_id", "tariff_version_id", "currency", "energy_wh"),
    *("net_minor", "tax_minor", "gross_minor", "reason", "facts", "issued_at", "issued_by"),
    "proof",
)
LINE = (
    *("position", "kind", "label", "parameters", "quantity", "unit", "unit_price"),
    *("tax_percent", "net_minor", "tax_minor", "gross_minor", "evidence"),
)

_BILL = Bill.__table__
_SESSION = ChargingSession.__table__
_REVISION: Any = session_revisions
_READING = MeterReading.__table__
_EVENT = TransactionEvent.__table__
_VERSION = TariffVersion.__table__
OF_READING = ("evse", "taken_at", "received_at", "register_wh", "samples", "digest")
OF_EVENT = (
    *("kind", "seq_no", "trigger", "at", "received_at", "offline", "evse", "connector"),
    *("token", "token_kind", "activity", "facts", "digest"),
)


def before(db: Session, tenant_id: int, place: int) -> str | None:
    """The digest of the bill before a place in a tenant's chain, of whatever site it is."""
    # By the table: staff who see some sites only must not break the chain.
    query = select(_BILL.c.digest).where(_BILL.c.tenant_id == tenant_id)
    return db.scalar(query.where(_BILL.c.place == place - 1))


def digest_of(bill: Any, lines: Iterable[Any]) -> str:
    """The digest of a bill (a `Bill`, or a row with the columns of `HEAD`) and its lines."""
    head = [getattr(bill, name) for name in HEAD]
    ordered = sorted(lines, key=lambda line: line.position)
    return digest([FORM, head, *([getattr(line, name) for name in LINE] for line in ordered)])


def digest(values: Iterable[object]) -> str:
    """The digest of some values, one after another."""
    found = hashlib.sha256()
    for value in values:
        found.update(_canonical(value).encode() + b"\n")
    return found.hexdigest()


def _plain(value: object) -> object:
    """What JSON has no word for, in the form of every database: in UTC, decimals as text."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case Decimal():
            return _exact(value)
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain).encode


def _exact(value: Decimal) -> str:
    """A decimal without an exponent and without zeros at its end."""
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain == "-0" else plain


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the bills of some sessions rest on, as it stands in the database.

    `registers` are the sessions' rows by id and revision, the older ones too;
    `newest` says which revision stands now.  `tariffs` are digests.
    """

    registers: Mapping[tuple[int, int], Sequence[object]]
    newest: Mapping[int, int]
    readings: Mapping[int, Sequence[Any]]
    events: Mapping[int, Sequence[Any]]
    tariffs: Mapping[int, str]

    def now(self, session_id: int, version_id: int | None) -> Json:
        """What a bill of a session rests on that is written now."""
        told = (self.readings.get(session_id), self.events.get(session_id))
        last = [int(rows[-1][0]) if rows else 0 for rows in told]
        return self._proof(session_id, version_id, self.newest[session_id], *last)

    def again(self, session_id: int, version_id: int | None, proof: Mapping[str, Any]) -> Json:
        """The same, for a bill with this proof: what came later is left out."""
        return self._proof(session_id, version_id, *(int(proof.get(name) or 0) for name in CUTS))

    def _proof(
        self, session_id: int, version_id: int | None, revision: int, reading: int, event: int
    ) -> Json:
        registers = self.registers.get((session_id, revision))
        readings, told = (
            digest(row for row in rows.get(session_id, ()) if row[0] <= last)
            for rows, last in ((self.readings, reading), (self.events, event))
        )
        return {
            "form": FORM,
            "revision": revision,
            "registers": None if registers is None else digest(registers),
            "last_reading": reading,
            "readings": readings,
            "last_event": event,
            "events": told,
            "tariff": self.tariffs.get(version_id or 0),
        }


#: How far what a bill rests on goes: the session's revision, the last reading and event (ids).
CUTS = ("revision", "last_reading", "last_event")


def gather(db: Session, session_ids: Iterable[int], version_ids: Iterable[int | None]) -> Evidence:
    """Read what the bills of some sessions rest on, with one select for each kind."""
    sessions = sorted(set(session_ids))
    newest, registers = _registers(db, sessions)
    return Evidence(
        registers=registers,
        newest=newest,
        readings=_rows(db, _READING, OF_READING, sessions),
        events=_rows(db, _EVENT, OF_EVENT, sessions),
        tariffs=tariff_digests(db, {number for number in version_ids if number is not None}),
    )


def _registers(
    db: Session, sessions: list[int]
) -> tuple[dict[int, int], dict[tuple[int, int], Sequence[object]]]:
    newest: dict[int, int] = {}
    found: dict[tuple[int, int], Sequence[object]] = {}
    for table, key in ((_REVISION, _REVISION.c.session_id), (_SESSION, _SESSION.c.id)):
        query = select(key, table.c.revision, *(table.c[name] for name in KEPT))
        for number, revision, *values in db.execute(query.where(key.in_(sessions))):
            found[number, revision] = values
            newest[number] = revision
    return newest, found


def _rows(
    db: Session, table: Any, names: Iterable[str], sessions: list[int]
) -> dict[int, list[Any]]:
    """Rows of each session in the order of their ids: (id, values)."""
    found: dict[int, list[Any]] = {}
    query = select(table.c.session_id, table.c.id, *(table.c[name] for name in names))
    query = query.where(table.c.session_id.in_(sessions)).order_by(table.c.id)
    for session_id, *row in db.execute(query):
        found.setdefault(session_id, []).append(row)
    return found


def tariff_digests(db: Session, versions: Iterable[int]) -> dict[int, str]:
    if not versions:
        return {}
    query = select(_VERSION.c.id, _VERSION.c.tariff_id, _VERSION.c.number, _VERSION.c.definition)
    return {row[0]: digest(row) for row in db.execute(query.where(_VERSION.c.id.in_(versions)))}


# Checking bills against their digests: the chain, lines, numbers, and what they rest on.

#: Bills read at once, with all their readings.
_AT_ONCE = 50

#: What each part of a bill's proof is about, in words.
_PARTS = {
    "registers": "The times, registers, holder or price of session {session}",
    "readings": "The meter readings of session {session}",
    "events": "The transaction events of session {session}",
    "tariff": "The tariff version of session {session}",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a bill (`number`), in one sentence; an empty number: with the chain."""

    number: str
    sentence: str

    def __str__(self) -> str:
        return f"Bill {self.number}: {self.sentence}" if self.number else self.sentence


@dataclass(slots=True)
class Walk:
    """How far a tenant's bills have been looked through, and what was wrong with them."""

    count: int
    place: int
    digest: str | None
    numbers: dict[int, set[int]]
    faults: list[Fault]


def verify(db: Session, tenant_id: int) -> Walk:
    """Look through all bills of a tenant, in the order in which they were issued."""
    walk = Walk(0, 0, None, {}, [])
    for bills in _in_order(db, tenant_id):
        evidence = gather(
            db, [bill.session_id for bill in bills], [bill.tariff_version_id for bill in bills]
        )
        for bill in bills:
            walk.count += 1
            walk.faults += [Fault(bill.number, said) for said in _links(bill, walk)]
            walk.faults += [Fault(bill.number, said) for said in _own_faults(bill, evidence)]
    walk.faults += _missing(db, tenant_id, walk)
    return walk


def faults_of(db: Session, bill: Bill) -> list[str]:
    """What is wrong with one bill, in sentences: its digest, its lines, what it rests on."""
    evidence = gather(db, [bill.session_id], [bill.tariff_version_id])
    place = bill.place or 0
    walk = Walk(0, place - 1, before(db, bill.tenant_id, place), {}, [])
    return _links(bill, walk) + _own_faults(bill, evidence)


def _in_order(db: Session, tenant_id: int) -> Iterator[Sequence[Bill]]:
    """A tenant's bills, some at a time: first those without a place, then along the chain."""
    query = select(Bill).where(Bill.tenant_id == tenant_id).options(selectinload(Bill.lines))
    if loose := db.scalars(query.where(Bill.place.is_(None)).order_by(Bill.id)).all():
        yield loose
    last = 0
    query = query.where(Bill.place.is_not(None)).order_by(Bill.place).limit(_AT_ONCE)
    while found := db.scalars(query.where(Bill.place > last)).all():
        last = found[-1].place or 0
        yield found


def _links(bill: Bill, walk: Walk) -> list[str]:
    """What is wrong with a bill's place in the chain; moves on to it."""
    year, _, last = bill.number.partition("-")
    if year.isdecimal() and last.isdecimal():
        walk.numbers.setdefault(int(year), set()).add(int(last))
    if bill.place is None:
        return ["It stands outside the chain: it was not issued by this program."]
    found = []
    if bill.place != walk.place + 1:
        found.append(f"It stands at place {bill.place} of the chain, not at {walk.place + 1}.")
    elif bill.previous_digest != walk.digest:
        found.append("It does not follow the bill before it: that one is not what it was.")
    walk.place, walk.digest = bill.place, bill.digest
    return found


def _own_faults(bill: Bill, evidence: Evidence) -> list[str]:
    found = []
    for name, word in (("net_minor", "net"), ("tax_minor", "tax"), ("gross_minor", "gross")):
        head, lines = getattr(bill, name), sum(getattr(line, name) for line in bill.lines)
        if head != lines:
            found.append(f"Its lines come to {lines} {word}, its sum says {head} (minor units).")
    if bill.place is None:
        return found
    if bill.digest != digest_of(bill, bill.lines):
        found.append("It or one of its lines is not what was issued: its digest differs.")
    return found + _evidence_faults(bill, evidence)


def _evidence_faults(bill: Bill, evidence: Evidence) -> list[str]:
    """What of that which a bill rests on is no longer what it was."""
    proof: Mapping[str, Any] = bill.proof or {}
    if proof.get("form") != FORM:
        return ["What it rests on cannot be checked: its proof has an unknown form."]
    now = evidence.again(bill.session_id, bill.tariff_version_id, proof)
    return [
        f"{words.format(session=bill.session_id)} {'is' if part == 'tariff' else 'are'} "
        "not what it was billed on."
        for part, words in _PARTS.items()
        if now[part] != proof.get(part)
    ]


def _missing(db: Session, tenant_id: int, walk: Walk) -> list[Fault]:
    """Numbers that were given and that no bill has, the other way about, and a cut-off chain."""
    counters = select(BillCounter.year, BillCounter.last).where(BillCounter.tenant_id == tenant_id)
    given = {row.year: row.last for row in db.execute(counters)}
    found = []
    if given.get(0, 0) != walk.place:
        found.append(Fault("", f"The chain ends at {walk.place}, not at {given.get(0, 0)}."))
    for year in sorted({*given, *walk.numbers} - {0}):
        told, seen = set(range(1, given.get(year, 0) + 1)), walk.numbers.get(year, set())
        for number in sorted(told ^ seen):
            said = "Its number was never given." if number in seen else "It is missing."
            found.append(Fault(Bill.number_of(year, number), said))
    return found
