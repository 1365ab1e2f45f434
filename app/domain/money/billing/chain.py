"""The chain of a tenant's bills: each carries a digest of itself and of all it rests on.

A digest is SHA-256 (hex) over the canonical form of some values, which is the
same on every database and must never change: bills are verified by it for as
long as they are kept.  Another form would be another `FORM`, beside this one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import (
    Bill,
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

_BILL: Any = Bill.__table__
_SESSION: Any = ChargingSession.__table__
_REVISION: Any = session_revisions
_READING: Any = MeterReading.__table__
_EVENT: Any = TransactionEvent.__table__
_VERSION: Any = TariffVersion.__table__
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

    def now(self, session_id: int, version_id: int | None) -> dict[str, Any]:
        """What a bill of a session rests on that is written now."""
        return self._proof(
            session_id,
            version_id,
            self.newest[session_id],
            _last(self.readings.get(session_id, ())),
            _last(self.events.get(session_id, ())),
        )

    def again(
        self, session_id: int, version_id: int | None, proof: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The same, for a bill with this proof: what came later is left out."""
        return self._proof(session_id, version_id, *(int(proof.get(name) or 0) for name in CUTS))

    def _proof(
        self, session_id: int, version_id: int | None, revision: int, reading: int, event: int
    ) -> dict[str, Any]:
        registers = self.registers.get((session_id, revision))
        return {
            "form": FORM,
            "revision": revision,
            "registers": None if registers is None else digest(registers),
            "last_reading": reading,
            "readings": digest(_until(self.readings.get(session_id, ()), reading)),
            "last_event": event,
            "events": digest(_until(self.events.get(session_id, ()), event)),
            "tariff": self.tariffs.get(version_id or 0),
        }


#: How far what a bill rests on goes: the session's revision, the last reading and event (ids).
CUTS = ("revision", "last_reading", "last_event")


def rested_on(db: Session, session_id: int) -> tuple[int, int]:
    """The last reading and the last event (ids) that bills of a session rest on; 0 for none.

    What has a greater id came later, and may still turn out to be another session's.
    """
    query = select(_BILL.c.proof).where(_BILL.c.session_id == session_id)
    proofs = [proof or {} for proof in db.scalars(query)]
    found = [max((proof.get(name, 0) for proof in proofs), default=0) for name in CUTS[1:]]
    return found[0], found[1]


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
    """The digests of some tariff versions."""
    if not versions:
        return {}
    query = select(_VERSION.c.id, _VERSION.c.tariff_id, _VERSION.c.number, _VERSION.c.definition)
    return {row[0]: digest(row) for row in db.execute(query.where(_VERSION.c.id.in_(versions)))}


def _last(rows: Sequence[Any]) -> int:
    return int(rows[-1][0]) if rows else 0


def _until(rows: Iterable[Any], last: int) -> Iterable[Any]:
    return (row for row in rows if row[0] <= last)
