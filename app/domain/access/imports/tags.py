"""Tags from a file: looked through row by row first, written only when somebody says so.

A row updates the tag that has its number, in whatever way it is written, or adds
one.  A column that the file does not have leaves its facts alone; an empty cell
clears them.  Importing the same file twice changes nothing the second time, and
no file unblocks a card unless that was agreed to of its own.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import reach, tag_groups, tags
from app.domain.access.imports import cells
from app.domain.access.imports.plans import (
    Books,
    Options,
    Plan,
    PlannedRow,
    begun,
    each,
    facts,
    in_halves,
    refreshed,
    spaced,
)
from app.domain.access.imports.sheet import Row, Table
from app.domain.ground import texts
from app.domain.ground.errors import Forbidden, Invalid
from app.domain.ground.vocabulary import Actor, Json, TagStatus, Token
from app.models import Tag
from app.schemas.access import NewTag

#: The columns of an export, in their order; an import takes them too.
COLUMNS = ("tag", "label", "driver", "group", "status", "expires", "limit", "sites", "stations")
#: Parts several sites or stations within a cell.
PARTING = "|"
_ACTIVE = {"active", "aktiv", "accepted", "valid", "gültig", "frei", "freigegeben", "enabled", "ok",
           "aktiviert", "unblocked", "nicht gesperrt", "entsperrt"}  # fmt: skip
_BLOCKED = {"blocked", "gesperrt", "inactive", "inaktiv", "invalid", "ungültig", "disabled",
            "deaktiviert", "locked", "lost", "verloren", "gestohlen", "stolen"}  # fmt: skip


#: What a file may say of a tag, by the names of `NewTag`.
Facts = Json
_NEW: Facts = {
    **dict.fromkeys(("label", "driver_id", "group_id", "expires_at", "concurrent_limit")),
    **dict.fromkeys(("site_ids", "station_ids"), frozenset()),
}


@dataclass(frozen=True, slots=True)
class PlannedTag(PlannedRow):
    """What a row makes of a tag; `group` is the name of one that has to be made first."""

    wanted: Facts = field(default_factory=dict)
    status: TagStatus | None = None
    tag: Tag | None = None
    group: str | None = None


class _Listed:
    """The tags that there are, found by the number on the card in any way of writing it."""

    def __init__(self, listed: Sequence[Tag], seen: Collection[int]) -> None:
        self.seen = seen
        self.by_key = {tag.key: tag for tag in listed}
        self.by_bare: dict[str, list[Tag]] = {}
        for tag in listed:
            self.by_bare.setdefault(cells.bare(tag.value), []).append(tag)
        self.known = cells.Known(
            tag.value for tag in listed if tag.archived_at is None and tag.id in seen
        )

    def key(self, value: str) -> str:
        """What two rows share that mean the same card."""
        try:
            tag = self.find(value)
        except Invalid:
            tag = None
        return tag.key if tag is not None else cells.bare(value) or Token(value).key

    def find(self, value: str) -> Tag | None:
        """The tag that a row means; raises `Invalid` when it could be one of several."""
        exact = self.by_key.get(Token(value).key) or self.by_key.get(
            Token(cells.written(value)).key
        )
        near = self.by_bare.get(cells.bare(value), []) if cells.bare(value) else []
        if exact is None and len(near) > 1:
            raise Invalid(f"{value} may be {near[0].value} or {near[1].value}.")
        return exact or (near[0] if near else None)


@dataclass(slots=True)
class _Look:
    """What the rows of one file are held against; `missing` are groups by their compared form."""

    db: Session
    books: Books
    listed: _Listed
    options: Options
    now: datetime
    made: Plan[PlannedTag]
    held: Callable[[Tag], Facts]
    missing: dict[str, str] = field(default_factory=dict)


def plan(
    db: Session, table: Table, *, tenant_id: int, now: datetime, options: Options | None = None
) -> Plan[PlannedTag]:
    """Check the rows of a file and say what an import would do; writes nothing.

    Raises `Invalid` when the file as a whole cannot be used.
    """
    options, made = options or Options(), Plan[PlannedTag]()
    rows = begun(table, made)
    if "expires" in table.match.fields.values():
        made.notes.append(f"Times without an offset are those of {options.zone}.")
    seen = set(db.scalars(select(Tag.id).where(Tag.tenant_id == tenant_id)))
    listed = _Listed(reach.everything(db, Tag, tenant_id), seen)
    books, held = Books(db, tenant_id, options.zone), tags.held_all(db, tenant_id)
    look = _Look(db, books, listed, options, now, made, held)
    each(made, rows, lambda row: listed.key(_value(row)) if _value(row) else "", _value,
         lambda row: _planned(row, look))  # fmt: skip
    made.groups = sorted(look.missing.values())
    return made


def _value(row: Row) -> str:
    return row.cells.get("tag", "")


def carry_out(
    db: Session,
    actor: Actor,
    planned: Plan[PlannedTag],
    rows: Sequence[PlannedTag],
    *,
    tenant_id: int,
    now: datetime,
) -> None:
    """Write some rows of a plan; what cannot be written any more becomes an error of the plan."""
    in_halves(db, planned, rows, lambda part: _write(db, actor, part, tenant_id, now))


def _write(
    db: Session, actor: Actor, rows: Sequence[PlannedTag], tenant_id: int, now: datetime
) -> None:
    groups = tag_groups.called(db, actor, tenant_id, {row.group for row in rows}, now=now)
    fresh: list[Facts] = []
    changed: list[tuple[Tag, TagStatus | None, Facts]] = []
    refreshed(db, Tag, [row.tag for row in rows if row.what == "update"])
    for row in rows:
        wanted = dict(row.wanted)
        if row.group is not None:
            wanted["group_id"] = groups[row.group]
        if row.what == "add":
            status = row.status or TagStatus.ACTIVE
            fresh.append({**wanted, "value": cells.written(row.value), "status": status})
        elif row.tag is not None and row.what == "update":
            changed.append((row.tag, row.status, wanted))
    tags.edit_all(db, actor, changed, now=now)
    if fresh:
        tags.add_all(db, actor, tenant_id, fresh, now=now)


def _planned(row: Row, look: _Look) -> PlannedTag:
    typed = texts.line(_value(row), "The tag", 255, field="tag", required=True)
    if Token(typed).key not in look.listed.by_key:
        cells.kept(typed)
    tag = look.listed.find(typed)
    if tag is not None and tag.id not in look.listed.seen:
        raise Forbidden(f"{typed} is listed for other sites: staff of all sites can change that.")
    if tag is not None and tag.archived_at is not None:
        raise Invalid(f"{tag.value} is archived; restore it first.")
    held = look.held(tag) if tag is not None else _NEW
    group = _group(row, look)
    wanted = {**held, **dict(_read(row.cells, look.books, make_group=group is not None))}
    status, warnings = _status(row.cells), _warnings(row, typed, tag, look.listed)
    if tag is not None and tag.status is TagStatus.BLOCKED and status is TagStatus.ACTIVE:
        look.made.blocked.append(tag.value)
        if not look.options.unblock:
            status = None
            warnings.append("It stays blocked: that it may charge again has to be agreed to.")
    if tag is None:
        what = "add"
    elif wanted == held and status in {None, tag.status} and group is None:
        what = "same"
    else:
        reach.guard(look.db, tag)
        what = "update"
    tags.guard_holders(look.db, wanted, held)
    if wanted["expires_at"] is not None and wanted["expires_at"] <= look.now:
        warnings.append("It has expired.")
    after = _typed(wanted, status or (tag.status if tag else TagStatus.ACTIVE), look.books, group)
    before = _typed(held, tag.status, look.books) if tag is not None else None
    value = tag.value if tag is not None else cells.written(typed)
    if tag is not None and what == "update":
        status = None if status is tag.status else status
        wanted = {name: fact for name, fact in wanted.items() if fact != held[name]}
    return PlannedTag(row.line, value, what, facts(_WORDS, after, before), tuple(warnings), wanted,
                      status, tag, group)  # fmt: skip


def _warnings(row: Row, typed: str, tag: Tag | None, listed: _Listed) -> list[str]:
    """What to look at in a row that can be imported."""
    found = []
    value = tag.value if tag is not None else cells.written(typed)
    if value.casefold() != typed.casefold():
        found.append(f"Written {typed} in the file.")
    if row.short:
        found.append("The row has fewer cells than the heading; what it lacks stays as it is.")
    if tag is not None:
        return found
    if question := listed.known.near(typed):
        found.append(question)
    elif cells.is_unlikely(typed):
        found.append("It does not look like the number of a card; is this row one?")
    elif cells.is_cut(typed):
        found.append("It has zeros after fifteen digits, as when a spreadsheet has lost the rest.")
    elif cells.has_lost_a_digit(typed):
        found.append("It has half a byte: is a leading zero lost?")
    listed.known.add(value, f"stands in line {row.line}")
    return found


def _group(row: Row, look: _Look) -> str | None:
    """The name of a group that a row needs and nobody has made; raises `Invalid` if none may be."""
    name = row.cells.get("group", "").strip()
    if not name or spaced(name) in look.books.groups:
        return None
    first = look.missing.setdefault(spaced(name), name)
    if not look.options.make_groups:
        raise Invalid(f"There is no group “{name}”.")
    return first


def _read(given: Mapping[str, str], books: Books, *, make_group: bool) -> Iterator[tuple[str, Any]]:
    """What the cells of a row say of a tag; what the file does not have is not said."""
    if "label" in given:
        yield "label", NewTag.line("label", given["label"]) or None
    if "driver" in given or "email" in given:
        yield "driver_id", _driver(given, books)
    if "group" in given:
        found = None if make_group else books.one(given["group"], books.groups, "group")
        yield "group_id", found
    if "expires" in given:
        yield "expires_at", cells.instant(given["expires"], books.zone)
    if "limit" in given:
        yield "concurrent_limit", _limit(given["limit"])
    for noun, known in (("site", books.sites), ("station", books.stations)):
        if f"{noun}s" in given:
            yield f"{noun}_ids", _several(given[f"{noun}s"], books, known, noun)


def _driver(given: Mapping[str, str], books: Books) -> int | None:
    """Whose card it is, by address or name; raises `Invalid` when the two are not one person."""
    by_name = given.get("driver", "").strip()
    by_address = given.get("email", "").strip()
    if by_name and by_address and spaced(by_address) in books.drivers:
        named = books.drivers.get(spaced(by_name))
        addressed = books.drivers[spaced(by_address)]
        if named is not None and named != addressed:
            raise Invalid(f"“{by_name}” and “{by_address}” are two drivers.")
        return addressed
    return books.one(by_address or by_name, books.drivers, "driver")


def _several(cell: str, books: Books, known: Mapping[str, int], noun: str) -> frozenset[int]:
    parts: Iterable[str] = [cell] if spaced(cell) in known else cell.split(PARTING)
    found = (books.one(part, known, noun) for part in parts)
    return frozenset(one for one in found if one is not None)


def _status(given: Mapping[str, str]) -> TagStatus | None:
    """Active, blocked, or None where the row does not say; raises `Invalid` when it says both."""
    said: set[TagStatus] = set()
    word = given.get("status", "").strip()
    if word.casefold() in _ACTIVE | _BLOCKED:
        said.add(TagStatus.BLOCKED if word.casefold() in _BLOCKED else TagStatus.ACTIVE)
    elif word:
        raise Invalid(f"“{word}” is neither active nor blocked.")
    for name, blocked in (("blocked", True), ("valid", False)):
        cell = given.get(name, "")
        if cell.strip().casefold() in _ACTIVE | _BLOCKED:
            said.add(TagStatus.BLOCKED if cell.strip().casefold() in _BLOCKED else TagStatus.ACTIVE)
        elif (answer := cells.yes(cell, name)) is not None:
            said.add(TagStatus.BLOCKED if answer is blocked else TagStatus.ACTIVE)
    if len(said) > 1:
        raise Invalid("The row says both that the card is blocked and that it is not.")
    return next(iter(said), None)


def _limit(cell: str) -> int | None:
    text = cell.strip()
    if not text or text == "-1":
        return None
    if text == "0":
        raise Invalid("“0” is not a limit: to refuse every tap, say that the tag is blocked.")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= tags.MOST_CONCURRENT):
        raise Invalid(f"“{text}” is not a limit from 1 to {tags.MOST_CONCURRENT}.")
    return int(text)


_WORDS = ("Label", "Driver", "Group", "Status", "Expires", "At once", "Where")


def _typed(
    wanted: Facts, status: TagStatus, books: Books, new_group: str | None = None
) -> tuple[str, ...]:
    """What is typed about a tag, in words."""
    places = [books.name("site", one) for one in wanted["site_ids"]]
    places += [books.name("station", one) for one in wanted["station_ids"]]
    return (
        wanted["label"] or "",
        books.name("driver", wanted["driver_id"]),
        f"{new_group} (new)" if new_group else books.name("group", wanted["group_id"]),
        status.value,
        cells.expiry_words(wanted["expires_at"], books.zone),
        str(wanted["concurrent_limit"] or "no limit"),
        ", ".join(sorted(places)) or "everywhere",
    )
