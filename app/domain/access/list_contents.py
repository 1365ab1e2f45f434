"""What stands in a local list: what it should hold, and how that differs from what is there.

An entry is a dictionary: `token`, `kind`, `status` (accepted or blocked),
`expires_at` (ISO 8601 or None) and `parent` (the group's token or None);
`untold` marks one that the station's version of OCPP cannot carry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation, tag_rows
from app.domain.access.tag_rows import TagRow
from app.domain.ground.vocabulary import Json, StationMode, TagStatus, Token
from app.models import Station, StationVariable

Entry = Json

#: Tags in one message to a station that did not say how many it takes.
USUAL_PART = 100
#: No station is sent more than this.
LONGEST = 50_000
#: What an entry costs on the wire besides its texts, generously.
ENTRY_BYTES = 200
MESSAGE_BYTES = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """What a station takes: tags in its list, and tags and bytes in one message.

    `told` says that it named the length of its list; else it is as long as any.
    """

    length: int = LONGEST
    items: int = USUAL_PART
    size: int | None = None
    told: bool = False

    def part(self, entries: list[Entry]) -> list[Entry]:
        """As many of the entries as go into one message, one at the least."""
        found: list[Entry] = []
        size = MESSAGE_BYTES
        for entry in entries[: self.items]:
            size += ENTRY_BYTES + len(entry["token"]) + len(entry.get("parent") or "")
            if found and self.size is not None and size > self.size:
                break
            found.append(entry)
        return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a station's list should hold; `left_out` counts the tags that have no room."""

    entries: list[Entry]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """How a list has to change: entries to add, to change and to remove."""

    added: list[Entry]
    changed: list[Entry]
    removed: list[Entry]

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)


def limits(db: Session, station: Station) -> Limits:
    """What the station told of its limits, in 1.6 by keys, in 2.x by its device model."""
    in_16 = ("localauthlistmaxlength", "sendlocallistmaxlength")
    names = (*in_16, "entries", "itemspermessage", "bytespermessage")
    rows = db.scalars(
        select(StationVariable).where(
            StationVariable.station_id == station.id,
            func.lower(StationVariable.variable).in_(names),
            func.lower(StationVariable.component).in_(("", "localauthlistctrlr")),
        )
    )
    told = {row.variable.lower(): row for row in rows}

    def number(name: str, *, bound: bool = False) -> int | None:
        row = told.get(name)
        text = (row.high if bound else row.value) if row is not None else None
        return int(text) if text and text.isascii() and text.isdigit() and int(text) else None

    length = number("localauthlistmaxlength") or number("entries", bound=True)
    return Limits(
        length or LONGEST,
        number("sendlocallistmaxlength") or number("itemspermessage") or USUAL_PART,
        number("bytespermessage"),
        told=length is not None,
    )


def wanted(db: Session, station: Station, now: datetime) -> Wanted:
    """What the list should hold: the tags that may charge there, and the blocked ones after them.

    Blocked tags are told too, because a station may let in whom it does not
    know; key codes are not, because they are secrets.  Where there is no room
    for all, those that may charge come first.
    """
    if station.mode is StationMode.CLOSED:
        return Wanted([])
    welcome: list[Entry] = []
    blocked: list[Entry] = []
    for tag in tag_rows.all_of(db, station.tenant_id):
        if tag.kind == authorisation.KEY_CODE:
            continue
        refusal = authorisation.refusal(db, station, tag, now)
        if refusal is None:
            welcome.append(_entry(tag, "accepted"))
        elif tag.status is TagStatus.BLOCKED:
            blocked.append(_entry(tag, "blocked"))
    entries = welcome + blocked
    room = limits(db, station).length
    return Wanted(entries[:room], max(0, len(entries) - room))


def difference(held: Iterable[Entry], wished: Iterable[Entry]) -> Difference:
    """How `held` has to change to become `wished`."""
    before = {key(entry): entry for entry in held}
    after = {key(entry): entry for entry in wished}
    return Difference(
        [entry for name, entry in after.items() if name not in before],
        [entry for name, entry in after.items() if name in before and entry != _said(before[name])],
        [entry for name, entry in before.items() if name not in after],
    )


def merged(held: list[Entry], told: list[Entry], removed: list[Entry]) -> list[Entry]:
    """A list after an update."""
    found = {key(entry): entry for entry in held}
    for entry in removed:
        found.pop(key(entry), None)
    found.update({key(entry): entry for entry in told})
    return [found[name] for name in sorted(found)]


def marked(entries: list[Entry], untold: Iterable[str]) -> list[Entry]:
    """The entries, with those marked whose tokens could not be told."""
    silent = set(untold)
    return [
        {**entry, "untold": True} if entry["token"] in silent else _said(entry) for entry in entries
    ]


def key(entry: Entry) -> str:
    """By what two entries are the same tag."""
    return Token(entry["token"]).key


def _said(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name != "untold"}


def _entry(tag: TagRow, status: str) -> Entry:
    return {
        "token": tag.value,
        "kind": tag.kind,
        "status": status,
        "expires_at": tag.expires_at.isoformat() if tag.expires_at else None,
        "parent": tag.group.parent if tag.group else None,
    }
