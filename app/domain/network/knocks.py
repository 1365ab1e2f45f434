"""Who knocked at the chargers' port, let in or not, as the desk shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, among
from app.domain.ground.vocabulary import Json
from app.models import HandshakeAttempt

#: Equal refusals within this time share one row.
SAME_KNOCK = timedelta(minutes=1)

_ATTEMPT = HandshakeAttempt.__table__
_COLUMNS = tuple(column.name for column in _ATTEMPT.c if column.name != "id")
_ADD = BulkInsert(_ATTEMPT, _COLUMNS)
#: What a refusal that comes again changes in its row, and how the row is found.
_OURS = ("id", "count", "last_at", "sentence")
_AGAIN = (
    update(_ATTEMPT)
    .where(_ATTEMPT.c.id == bindparam("its_id"))
    .values({name: bindparam(f"its_{name}") for name in _OURS[1:]})
)
_RECENT = (
    select(*(_ATTEMPT.c[name] for name in (*_OURS, "identity", "address", "reason")))
    .where(
        among(_ATTEMPT.c.identity, "identities"),
        _ATTEMPT.c.last_at > bindparam("since"),
        ~_ATTEMPT.c.accepted,
    )
    .order_by(_ATTEMPT.c.id)
)


@dataclass(frozen=True, slots=True)
class Knock:
    """An attempt to connect, as the worker saw it; `path` has its secrets taken out."""

    identity: str
    path: str
    address: str
    subprotocols: str
    had_credentials: bool
    accepted: bool
    status: int
    reason: str
    sentence: str
    station_id: int | None
    tenant_id: int | None


@dataclass(slots=True)
class Tally:
    """Equal attempts: the newest of `count` of them, between two instants."""

    knock: Knock
    first_at: datetime
    last_at: datetime
    count: int = 1


def note(db: Session, tallies: Iterable[Tally]) -> None:
    """Keep attempts; the same refusal again within a minute only raises the count of its row."""
    tallies = list(tallies)
    rows = _recent_refusals(db, [tally for tally in tallies if not tally.knock.accepted])
    new: list[Json] = []
    again: dict[int, Json] = {}
    for tally in tallies:
        attempt = _attempt(tally)
        key = (attempt["identity"], attempt["address"], attempt["reason"])
        row = None if attempt["accepted"] else rows.get(key)
        if row is None or row["last_at"] <= tally.first_at - SAME_KNOCK:
            new.append(attempt)
            rows[key] = attempt
            continue
        row["count"] += tally.count
        row |= {"last_at": tally.last_at, "sentence": attempt["sentence"]}
        if "id" in row:
            again[row["id"]] = row
    if again:
        db.execute(_AGAIN, [{f"its_{name}": row[name] for name in _OURS} for row in again.values()])
    _ADD(db, [tuple(attempt[name] for name in _COLUMNS) for attempt in new])
    about = {(tally.knock.tenant_id, tally.knock.station_id) for tally in tallies}
    for tenant_id, station_id in sorted(about, key=str):
        if tenant_id is not None:
            events.record(db, events.HandshakeSeen(tenant_id, station_id))


def _recent_refusals(db: Session, tallies: list[Tally]) -> dict[tuple[str, str, str], Json]:
    """The newest rows that equal refusals may share, by identity, address and reason."""
    if not tallies:
        return {}
    found = db.execute(
        _RECENT,
        {
            "identities": list({tally.knock.identity[:128] for tally in tallies}),
            "since": min(tally.first_at for tally in tallies) - SAME_KNOCK,
        },
    )
    return {(row["identity"], row["address"], row["reason"]): dict(row) for row in found.mappings()}


def _attempt(tally: Tally) -> Json:
    """The row of an attempt, by column; texts that are too long are cut."""
    knock = tally.knock
    return {
        "tenant_id": knock.tenant_id,
        "station_id": knock.station_id,
        "identity": knock.identity[:128],
        "path": knock.path[:300],
        "address": knock.address[:64],
        "subprotocols": knock.subprotocols[:200],
        "had_credentials": knock.had_credentials,
        "accepted": knock.accepted,
        "status": knock.status,
        "reason": knock.reason,
        "sentence": knock.sentence[:300],
        "count": tally.count,
        "first_at": tally.first_at,
        "last_at": tally.last_at,
    }
