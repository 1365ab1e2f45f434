"""Tags from a CSV file: checked row by row first, written only when somebody says so.

A row updates the tag that has its key, or adds one.  A column that the file
does not have leaves its facts alone; an empty cell clears them.  Importing the
same file twice changes nothing the second time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import reach, tags, texts
from app.domain.errors import DomainError, Invalid
from app.domain.tags import TagFacts
from app.domain.vocabulary import Actor, TagStatus, Token
from app.models import Driver, Site, Station, Tag, TagGroup

#: The columns of an import and of an export, in their order.
COLUMNS = ("tag", "label", "driver", "group", "status", "expires", "limit", "sites", "stations")
#: Other headings that mean the tag itself.
TAG_COLUMNS = ("tag", "value", "idtag", "id_tag", "id tag", "uid", "token", "card")
#: Rows of one file: it is written in one unit of work, and chargers wait meanwhile.
MOST_ROWS = 5000
#: Parts several sites or stations within a cell.
PARTING = "|"


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row cannot be imported; `number` counts the file's rows, its heading being 1."""

    number: int
    value: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row that can be imported: `what` is add, update or same."""

    number: int
    value: str
    facts: TagFacts
    status: TagStatus | None
    tag: Tag | None
    what: str


@dataclass(slots=True)
class ImportPlan:
    """What an import would do."""

    rows: list[PlannedRow] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)

    def count(self, what: str) -> int:
        """How many rows would `add`, `update` or leave the `same`."""
        return sum(row.what == what for row in self.rows)


class _Books:
    """Everything that cells may name, read once."""

    def __init__(self, db: Session, tenant_id: int, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        living = select(Driver).where(Driver.tenant_id == tenant_id, Driver.archived_at.is_(None))
        groups = select(TagGroup).where(TagGroup.tenant_id == tenant_id)
        sites = select(Site).where(Site.tenant_id == tenant_id)
        stations = select(Station).where(Station.tenant_id == tenant_id)
        self.drivers = _unambiguous(db.scalars(living).all())
        self.groups = {row.name.casefold(): row.id for row in db.scalars(groups)}
        self.sites = {row.name_key: row.id for row in db.scalars(sites)}
        self.stations = {row.identity_key: row.id for row in db.scalars(stations)}


def _unambiguous(drivers: Sequence[Driver]) -> dict[str, int]:
    """Drivers by e-mail address, and by name where only one has it."""
    counts = Counter(driver.name.casefold() for driver in drivers)
    found = {row.name.casefold(): row.id for row in drivers if counts[row.name.casefold()] == 1}
    return found | {driver.email_key: driver.id for driver in drivers if driver.email_key}


def plan(
    db: Session, rows: Sequence[Mapping[str, str]], *, tenant_id: int, zone: str = "UTC"
) -> ImportPlan:
    """Check the rows of a file and say what an import would do; writes nothing.

    `rows` map lower-case headings to cells; times without an offset are of `zone`.
    Raises `Invalid` when the file as a whole cannot be used.
    """
    if not rows:
        raise Invalid("The file holds no rows under its heading.", field="file")
    if len(rows) > MOST_ROWS:
        raise Invalid(f"A file may hold {MOST_ROWS} rows; this one has {len(rows)}.", field="file")
    heading = next((name for name in TAG_COLUMNS if name in rows[0]), None)
    if heading is None:
        raise Invalid("The heading has no column named tag.", field="file")
    books = _Books(db, tenant_id, zone)
    listed = {tag.key: tag for tag in reach.everything(db, Tag, tenant_id)}
    made = ImportPlan()
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        value = row.get(heading, "")
        if not any(row.values()):
            continue
        try:
            key = Token(texts.line(value, "The tag", 255, field="tag", required=True)).key
            if key in first:
                raise Invalid(f"The same tag stands in row {first[key]}.")
            first[key] = number
            made.rows.append(_planned(db, number, value, row, listed.get(key), books))
        except DomainError as error:
            made.errors.append(RowError(number, value, error.sentence))
    return made


def carry_out(
    db: Session, actor: Actor, planned: ImportPlan, *, tenant_id: int, now: datetime
) -> None:
    """Write the valid rows of a plan made in this same unit of work."""
    for row in planned.rows:
        tag = row.tag
        if tag is None:
            tag = tags.add(db, actor, row.value, row.facts, tenant_id=tenant_id, now=now)
        elif row.what == "update":
            tags.edit(db, actor, tag, row.facts, now=now)
        if row.status is TagStatus.BLOCKED:
            tags.block(db, actor, tag, now=now)
        elif row.status is TagStatus.ACTIVE:
            tags.unblock(db, actor, tag, now=now)


def _planned(
    db: Session,
    number: int,
    value: str,
    row: Mapping[str, str],
    tag: Tag | None,
    books: _Books,
) -> PlannedRow:
    if tag is not None and tag.archived_at is not None:
        raise Invalid(f"{tag.value} is archived; restore it first.")
    held = tags.facts_of(db, tag) if tag is not None else TagFacts()
    facts = _read(row, held, books)
    status = _status(row["status"]) if row.get("status") else None
    if tag is None:
        what = "add"
    elif facts == held and status in {None, tag.status}:
        what = "same"
    else:
        reach.guard(db, tag)
        what = "update"
    tags.guard_holders(db, facts, held.driver_id, held.group_id)
    return PlannedRow(number, value, facts, status, tag, what)


def _read(row: Mapping[str, str], held: TagFacts, books: _Books) -> TagFacts:
    """The facts after a row: cells that the file has replace what is held."""
    facts = held
    if "label" in row:
        label = texts.line(row["label"], "The label", 120, field="label") or None
        facts = replace(facts, label=label)
    if "driver" in row:
        facts = replace(facts, driver_id=_one(row["driver"], books.drivers, "driver"))
    if "group" in row:
        facts = replace(facts, group_id=_one(row["group"], books.groups, "group"))
    if "expires" in row:
        facts = replace(facts, expires_at=instant(row["expires"], books.zone))
    if "limit" in row:
        facts = replace(facts, concurrent_limit=_limit(row["limit"]))
    if "sites" in row:
        facts = replace(facts, site_ids=_several(row["sites"], books.sites, "site"))
    if "stations" in row:
        facts = replace(facts, station_ids=_several(row["stations"], books.stations, "station"))
    return facts


def _one(cell: str, known: Mapping[str, int], noun: str) -> int | None:
    if not cell.strip():
        return None
    found = known.get(cell.strip().casefold())
    if found is None:
        raise Invalid(f"There is no {noun} “{cell.strip()}”.")
    return found


def _several(cell: str, known: Mapping[str, int], noun: str) -> frozenset[int]:
    parts = [part for part in cell.split(PARTING) if part.strip()]
    return frozenset(one for part in parts if (one := _one(part, known, noun)) is not None)


def _status(cell: str) -> TagStatus:
    try:
        return TagStatus(cell.strip().lower())
    except ValueError:
        raise Invalid(f"“{cell}” is neither active nor blocked.") from None


def _limit(cell: str) -> int | None:
    if not cell.strip():
        return None
    text = cell.strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= tags.MOST_CONCURRENT):
        raise Invalid(f"“{text}” is not a limit from 1 to {tags.MOST_CONCURRENT}.")
    return int(text)


def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Read an expiry: a date (valid to its end) or a time, in `zone` without an offset of its own.

    None for an empty text; raises `Invalid`.
    """
    wanted = text.strip()
    if not wanted:
        return None
    try:
        moment = datetime.fromisoformat(wanted)
        if len(wanted) <= len("2026-12-31"):
            moment = datetime.combine(moment.date() + timedelta(days=1), time.min)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"“{wanted}” is not a time like 2026-12-31 or 2026-12-31T18:00.", field="expires_at"
        ) from None
