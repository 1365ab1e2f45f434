"""Checking bills against their digests: the chain, lines, numbers, and what they rest on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.money.billing.chain import FORM, Evidence, before, digest_of, gather
from app.models import Bill, BillCounter

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
    _note_number(bill, walk)
    if bill.place is None:
        return ["It stands outside the chain: it was not issued by this program."]
    found = []
    if bill.place != walk.place + 1:
        found.append(f"It stands at place {bill.place} of the chain, not at {walk.place + 1}.")
    elif bill.previous_digest != walk.digest:
        found.append("It does not follow the bill before it: that one is not what it was.")
    walk.place, walk.digest = bill.place, bill.digest
    return found


def _note_number(bill: Bill, walk: Walk) -> None:
    year, _, last = bill.number.partition("-")
    if year.isdecimal() and last.isdecimal():
        walk.numbers.setdefault(int(year), set()).add(int(last))


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
            found.append(Fault(f"{year}-{number:06d}", said))
    return found
