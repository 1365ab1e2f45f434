"""Tags as they are known where nobody can ask: in local lists, and while the database is away.

An entry of a local list is a dictionary: `token`, `kind`, `status` (accepted or blocked),
`expires_at` (ISO 8601 or None) and `parent` (the group's token or None);
`untold` marks one that the station's version of OCPP cannot carry.

The worker's own list is kept in memory, a tag as a digest made with the installation's key, so that
neither it nor its copy on the disk says which cards there are.  What was changed is told by the
audit, which every change of a tag, a group or a driver adds to.
"""

import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation, tag_rows
from app.domain.access.authorisation import Tap
from app.domain.access.tag_rows import ANY_KIND, DriverRow, GroupRow, Issued, TagRow
from app.domain.ground.vocabulary import Decision, Json, StationMode, TagStatus, Token, Verdict
from app.models import AuditEntry, Station, StationVariable, Tag

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
    query = select(StationVariable).where(
        StationVariable.station_id == station.id,
        func.lower(StationVariable.variable).in_(names),
        func.lower(StationVariable.component).in_(("", "localauthlistctrlr")),
    )
    told = {row.variable.lower(): row for row in db.scalars(query)}

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


#: What a change of may change who is let in: the model, and a tag's column that names it.
TOUCHING = {"Tag": Tag.id, "TagGroup": Tag.group_id, "Driver": Tag.driver_id}
#: Entries are written side by side: a lower number may be committed after a higher one.
_OVERLAP = 200
#: After more changes than these all is read anew.
_MOST = 5_000
_ENTRY = AuditEntry.__table__
_NEWEST = select(func.max(_ENTRY.c.id))
_CHANGES = (
    select(_ENTRY.c.subject_kind, _ENTRY.c.subject_id)
    .where(_ENTRY.c.id > bindparam("since"), _ENTRY.c.subject_kind.in_(TOUCHING))
    .distinct()
    .limit(_MOST + 1)
)
#: The form of the copy; another one is not read.
_FORM = 1


def newest_change(db: Session) -> int:
    """The number of the latest change that was noted."""
    return db.scalar(_NEWEST) or 0


def changed(db: Session, since: int) -> set[int] | None:
    """The ids of tags that changes after `since` may concern; None: too many to tell."""
    found: dict[str, set[int]] = {}
    rows = db.execute(_CHANGES, {"since": since - _OVERLAP}).all()
    for kind, number in rows:
        if number is not None:
            found.setdefault(kind, set()).add(number)
    if len(rows) > _MOST:
        return None
    tags = found.pop("Tag", set())
    for kind, numbers in found.items():
        tags |= set(db.scalars(select(Tag.id).where(TOUCHING[kind].in_(numbers))))
    return tags


class KnownTags:
    """Tags of all tenants, as plain rows whose values are forgotten."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        # What an entry holds is what is written to the disk: texts, numbers, lists.
        self._entries: dict[int, tuple[Any, ...]] = {}
        self._by_digest: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._entries)

    @property
    def ids(self) -> Iterable[int]:
        """The ids of all."""
        return self._entries.keys()

    def put(self, row: TagRow) -> bool:
        """Keep a tag as it is now; tells whether that is news."""
        group, driver = row.group, row.driver
        entry = (
            row.id,
            self._digest(row.tenant_id, "key", row.key),
            self._digest(row.tenant_id, "bare", row.bare_key),
            row.kind,
            row.status.value,
            row.expires_at.isoformat() if row.expires_at else None,
            [group.parent, bool(group.master_pass)] if group else None,
            [driver.archived_at is not None, driver.language] if driver else None,
            sorted(row.site_ids) or None,
            sorted(row.station_ids) or None,
        )
        if self._entries.get(row.id) == entry:
            return False
        self.drop(row.id)
        self._add(entry)
        return True

    def drop(self, tag_id: int) -> bool:
        """Forget a tag; tells whether it was known."""
        entry = self._entries.pop(tag_id, None)
        for digest in filter(None, entry[1:3] if entry else ()):
            rest = tuple(number for number in self._by_digest[digest] if number != tag_id)
            if rest:
                self._by_digest[digest] = rest
            else:
                del self._by_digest[digest]
        return entry is not None

    def judge(self, tap: Tap) -> Decision | None:
        """Decide by the rules for every tap; None: nothing is known that could decide it.

        How often a tag charges at once is not looked at, and whatever is on no list may have come
        on one meanwhile: that it is unknown is never said.
        """
        tag = self._find(tap.station.tenant_id, tap.token)
        decision = authorisation.decide_charge(tap, tag, Counter(), Issued())
        return None if decision.verdict is Verdict.INVALID else decision

    def dump(self) -> bytes:
        """All as bytes, for `load`."""
        return orjson.dumps([_FORM, list(self._entries.values())])

    def load(self, data: bytes) -> None:
        """Take in what `dump` gave; raises ValueError for anything else."""
        form, entries = orjson.loads(data)
        if form != _FORM:
            raise ValueError("it is of another form")
        for entry in entries:
            self._add(tuple(entry))

    def _add(self, entry: tuple[Any, ...]) -> None:
        self._entries[entry[0]] = entry
        for digest in filter(None, entry[1:3]):
            self._by_digest[digest] = (*self._by_digest.get(digest, ()), entry[0])

    def _digest(self, tenant_id: int, form: str, text: str) -> str:
        if not text:
            return ""
        return hmac.digest(self._key, f"{tenant_id}|{form}|{text}".encode(), "sha256")[:12].hex()

    def _find(self, tenant_id: int, token: Token) -> TagRow | None:
        """The tag of a token, found as `tag_rows.find` does."""
        for form, text in (("key", token.key), ("bare", token.bare_key)):
            numbers = self._by_digest.get(self._digest(tenant_id, form, text), ()) if text else ()
            entries = [self._entries[number] for number in numbers]
            fit = [e for e in entries if token.kind == ANY_KIND or e[3] in (ANY_KIND, token.kind)]
            if len(fit) == 1:
                return _row(fit[0], tenant_id, token)
        return None


def _row(entry: tuple[Any, ...], tenant_id: int, token: Token) -> TagRow:
    """The row of a tag as far as it is kept; its value is what was shown."""
    number, _, _, kind, status, expires_at, group, driver, sites, stations = entry
    row = TagRow(
        *(number, tenant_id, token.value, token.key, token.bare_key, kind, TagStatus(status)),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        concurrent_limit=None,
        group_id=None,
        driver_id=None,
        site_ids=frozenset(sites or ()),
        station_ids=frozenset(stations or ()),
    )
    if group:
        row.group = GroupRow(0, "", group[0], None, group[1])
    if driver:
        row.driver = DriverRow(0, datetime.min if driver[0] else None, driver[1], None)
    return row
