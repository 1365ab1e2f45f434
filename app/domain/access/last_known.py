"""The tags as they were last known, for the time that the database is away.

Small enough to be kept in memory: what a tag is known by is a digest made with the installation's
key, so that neither the list nor its copy on the disk says which cards there are.  What was changed
is told by the audit, which every change of a tag, a group or a driver adds to.
"""

import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.access.authorisation import Judged, Tap
from app.domain.access.tag_rows import ANY_KIND, DriverRow, GroupRow, Issued, TagRow
from app.domain.ground.vocabulary import TagStatus, Token, Verdict
from app.models import AuditEntry, Tag

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

    def judge(self, tap: Tap) -> Judged | None:
        """Decide by the rules for every tap; None: nothing is known that could decide it.

        How often a tag charges at once is not looked at, and whatever is on no list may have come
        on one meanwhile: that it is unknown is never said.
        """
        tag = self._find(tap.station.tenant_id, tap.token)
        decision = authorisation.decide_charge(tap, tag, Counter(), Issued())
        if decision.verdict is Verdict.INVALID:
            return None
        return Judged(tap, decision, tag, {"known_last": True})

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
