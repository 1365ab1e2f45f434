"""Named repairs that stations' messages needed: how often, when, and the last example of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from sqlalchemy.orm import Session

from app.domain.ground import redaction
from app.domain.ground.bulk import BulkInsert
from app.domain.network import presence
from app.domain.network.plugs import AnyStation
from app.models import Deviation


@dataclass(slots=True)
class Tally:
    """How often one repair was needed between two instants, and the last example."""

    count: int
    first_at: datetime
    last_at: datetime
    example: str


#: (station, code) -> its tally
Tallies = dict[tuple[int, str], Tally]

_TABLE = Deviation.__table__
_STORE = BulkInsert(
    _TABLE,
    ("station_id", "code", "count", "first_at", "last_at", "example"),
    on_conflict=" ON CONFLICT (station_id, code) DO UPDATE SET"
    " count = deviations.count + excluded.count,"
    " last_at = excluded.last_at, example = excluded.example",
)


def count(
    tallies: Tallies, station_id: int, found: Iterable[tuple[str, str]], *, now: datetime
) -> None:
    """Count what a message needed: pairs of code and example."""
    for code, example in found:
        tally = tallies.get((station_id, code))
        if tally is None:
            tallies[station_id, code] = Tally(1, now, now, example)
        else:
            tally.count += 1
            tally.last_at, tally.example = now, example


def store_free(db: Session, tallies: Tallies) -> Tallies:
    """Store tallies of stations that nobody holds; return the others, for another time."""
    free = set(presence.free(db, {station_id for station_id, _ in tallies}))
    store(db, {key: tally for key, tally in tallies.items() if key[0] in free})
    return {key: tally for key, tally in tallies.items() if key[0] not in free}


def store(db: Session, tallies: Tallies) -> None:
    """Add tallies to what is stored: however often a repair was needed, it is one row.

    Their stations are locked already, so that nobody else waits for these rows, or has them
    (docs/adr/stations-first.md).
    """
    rows = [
        (station_id, code, one.count, one.first_at, one.last_at, _kept(one.example))
        for (station_id, code), one in sorted(tallies.items(), key=itemgetter(0))
    ]
    _STORE(db, rows)


def note(
    db: Session, station: AnyStation, found: Iterable[tuple[str, str]], *, now: datetime
) -> None:
    """Store what one station needed."""
    tallies: Tallies = {}
    count(tallies, station.id, found, now=now)
    store(db, tallies)


def _kept(example: str) -> str:
    return redaction.redact_text(example)[:300]


def together(older: Tallies, newer: Tallies) -> Tallies:
    found = dict(older)
    for key, new in newer.items():
        old = found.get(key)
        first_at = old.first_at if old is not None else new.first_at
        before = old.count if old is not None else 0
        found[key] = Tally(before + new.count, first_at, new.last_at, new.example)
    return found
