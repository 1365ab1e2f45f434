"""What was shown, found: tags as plain rows, many at once, what charges with them, and tokens
issued for one session.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.vocabulary import (
    CommandState,
    Order,
    SessionState,
    StationMode,
    TagStatus,
    Token,
)
from app.domain.network.plugs import AnyStation
from app.models import Authorisation, ChargingSession, Command, Driver, Tag, TagGroup
from app.models.sessions import CHARGED
from app.models.tags import tag_sites, tag_stations

#: The kind of a tag, and of a token, that nobody told: any other fits it.
ANY_KIND = "id_tag"

_TAG = Tag.__table__
_GROUP = TagGroup.__table__
_DRIVER = Driver.__table__


@dataclass(slots=True)
class GroupRow:
    id: int
    name: str
    parent: str
    tariff_id: int | None
    master_pass: bool = False


@dataclass(slots=True)
class DriverRow:
    id: int
    archived_at: datetime | None
    language: str
    tariff_id: int | None


@dataclass(slots=True)
class TagRow:
    """A tag with whatever decides about it; no `site_ids` and no `station_ids`: everywhere."""

    id: int
    tenant_id: int
    value: str
    key: str
    bare_key: str
    kind: str
    status: TagStatus
    expires_at: datetime | None
    concurrent_limit: int | None
    group_id: int | None
    driver_id: int | None
    group: GroupRow | None = None
    driver: DriverRow | None = None
    site_ids: frozenset[int] = frozenset()
    station_ids: frozenset[int] = frozenset()

    @property
    def is_master(self) -> bool:
        """Whether it ends any session where it is allowed, and begins none (2.0.1 C16)."""
        return self.group is not None and bool(self.group.master_pass)


#: A tag, as those who decide about it have it.
AnyTag = Tag | TagRow


_OWN = (
    *("id", "tenant_id", "value", "key", "bare_key", "kind", "status", "expires_at"),
    *("concurrent_limit", "group_id", "driver_id"),
)
_SOMEWHERE = exists().where(tag_sites.c.tag_id == _TAG.c.id) | exists().where(
    tag_stations.c.tag_id == _TAG.c.id
)
_EVERY = (
    select(
        *(_TAG.c[name] for name in _OWN),
        *(_GROUP.c[name] for name in ("id", "name", "parent", "tariff_id", "master_pass")),
        *(_DRIVER.c[name] for name in ("id", "archived_at", "language", "tariff_id")),
        _SOMEWHERE,
    )
    .outerjoin(_GROUP, _GROUP.c.id == _TAG.c.group_id)
    .outerjoin(_DRIVER, _DRIVER.c.id == _TAG.c.driver_id)
    .where(_TAG.c.archived_at.is_(None))
)
_FOUND = _EVERY.where(among(_TAG.c.tenant_id, "tenants"))
_ALL = BulkRead(_FOUND.order_by(_TAG.c.key))
_BY_KEY = BulkRead(_FOUND.where(among(_TAG.c.key, "keys")))
_BY_BARE_KEY = BulkRead(_FOUND.where(among(_TAG.c.bare_key, "keys")))
#: So many tags are read at a time where all are, of all tenants.
PAGE = 500
_PAGE = BulkRead(_EVERY.where(_TAG.c.id > bindparam("after")).order_by(_TAG.c.id).limit(PAGE))
_NUMBERED = BulkRead(_EVERY.where(among(_TAG.c.id, "ids")))
_SITES = BulkRead(select(tag_sites).where(among(tag_sites.c.tag_id, "tags")))
_STATIONS = BulkRead(select(tag_stations).where(among(tag_stations.c.tag_id, "tags")))

#: Who was shown something, and what: a tenant and a token.
Shown = tuple[int, Token]


def find(db: Session, shown: Iterable[Shown]) -> dict[Shown, TagRow]:
    """Find tags by their value without case; failing that, without separators (FIELD X13).

    The second look only counts when exactly one tag fits.  A tag that is known
    to be of a kind is not the same text told as another kind.
    """
    asked = {one for one in shown if one[1].key}
    found = _fitting(db, asked, _BY_KEY, "key")
    rest = {one for one in asked - found.keys() if one[1].bare_key}
    found |= _fitting(db, rest, _BY_BARE_KEY, "bare_key")
    return found


def all_of(db: Session, tenant_id: int) -> list[TagRow]:
    """All tags of a tenant that are not archived, by their key."""
    return _rows(db, _ALL, {"tenants": [tenant_id]})


def page(db: Session, after: int) -> list[TagRow]:
    """The next `PAGE` tags of all tenants after an id, by their ids; archived ones are left out."""
    return _rows(db, _PAGE, {"after": after})


def numbered(db: Session, ids: Iterable[int]) -> list[TagRow]:
    """The tags with these ids that are not archived."""
    return _rows(db, _NUMBERED, {"ids": list(ids)})


def _fitting(
    db: Session, asked: Iterable[Shown], query: BulkRead, name: str
) -> dict[Shown, TagRow]:
    given = {
        "keys": {getattr(token, name) for _, token in asked},
        "tenants": {tenant_id for tenant_id, _ in asked},
    }
    by_key: dict[tuple[int, str], list[TagRow]] = {}
    for row in _rows(db, query, given):
        by_key.setdefault((row.tenant_id, getattr(row, name)), []).append(row)
    found = {}
    for tenant_id, token in asked:
        fit = [
            row
            for row in by_key.get((tenant_id, getattr(token, name)), ())
            if token.kind == ANY_KIND or row.kind in (ANY_KIND, token.kind)
        ]
        if len(fit) == 1:
            found[tenant_id, token] = fit[0]
    return found


def _rows(db: Session, query: BulkRead, given: dict[str, Any]) -> list[TagRow]:
    rows, limited = [], []
    width = len(_OWN)
    for told in query(db, **given):
        group = GroupRow(*told[width : width + 5]) if told.group_id is not None else None
        driver = DriverRow(*told[width + 5 : width + 9]) if told.driver_id is not None else None
        own: list[Any] = [*told[:width], group, driver]
        rows.append(TagRow(*own))
        if told[-1]:
            limited.append(rows[-1])
    if limited:
        tags = [row.id for row in limited]
        sites, stations = _places(_SITES(db, tags=tags)), _places(_STATIONS(db, tags=tags))
        for row in limited:
            row.site_ids = frozenset(sites.get(row.id, ()))
            row.station_ids = frozenset(stations.get(row.id, ()))
    return rows


def _places(pairs: list[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for tag, place in pairs:
        found.setdefault(tag, []).append(place)
    return found


# Sessions that charge with a tag that has a limit.

#: How many, by the tag and by when: None stands for now.
Running = Counter[tuple[int, datetime | None]]

_SESSION = ChargingSession.__table__
#: Two workers that let one tag begin at the same moment would both count without the other's.
_LIMITED = BulkRead(
    select(_TAG.c.id).where(among(_TAG.c.id, "tags")).order_by(_TAG.c.id).with_for_update()
)
_RUNNING = BulkRead(
    select(_SESSION.c.tag_id, func.count())
    .where(among(_SESSION.c.tag_id, "tags"), _SESSION.c.state == SessionState.CHARGING)
    .group_by(_SESSION.c.tag_id)
)


def running(db: Session, starts: Iterable[tuple[Any, TagRow | None]]) -> Running:
    """How many sessions run of each tag with a limit that begins one, or ran when it was shown."""
    limited = [
        (tap, tag) for tap, tag in starts if tag is not None and tag.concurrent_limit is not None
    ]
    tags = {tag.id for _, tag in limited}
    _LIMITED(db, tags=tags)
    found: Running = Counter()
    found.update({(tag_id, None): count for tag_id, count in _RUNNING(db, tags=tags)})
    for tap, tag in limited:
        if tap.late_at is not None:
            found[tag.id, tap.late_at] = _ran(db, tag.id, tap)
    return found


def _ran(db: Session, tag_id: int, tap: Any) -> int:
    """How many sessions of a tag ran when it was shown, as far as they were known before this.

    What is told in the same moment counts for neither: it makes no difference how many are taken in
    together.
    """
    own, at = ChargingSession, tap.late_at
    query = select(func.count()).where(
        own.tag_id == tag_id,
        own.started_at <= at,
        own.start_received_at < tap.now,
        or_(own.ended_at.is_(None), own.ended_at > at),
        own.id != (tap.session.id if tap.session is not None else 0),
        CHARGED,
    )
    return db.scalars(query).one()


# Tokens on no list that were issued for one session: by an order of ours, or by a payment.
#
# A central token exists because somebody ordered a start with it (2.x C05); a payment at a
# station's terminal has its own (2.1 C18).  Each lets one session charge, and no other.

CENTRAL, DIRECT_PAYMENT = "central", "direct_payment"
ISSUED_KINDS = frozenset({CENTRAL, DIRECT_PAYMENT})
#: An order lets a session begin for so long; a station may tell of it late.
ISSUED_WITHIN = timedelta(days=2)

#: Built once: the statements' compiled forms are found again by identity.
_ORDERS = select(Command.station_id, Command.session_id, Command.arguments).where(
    among(Command.__table__.c.station_id, "stations"),
    Command.requested_at > bindparam("since"),
    Command.order == Order.START_CHARGING,
    Command.state.in_([CommandState.ACCEPTED, CommandState.SENT]),
)
_PAID = select(Authorisation.tenant_id, Authorisation.token, Authorisation.session_id).where(
    among(Authorisation.__table__.c.token, "tokens"),
    Authorisation.occasion == "start",
    Authorisation.session_id.is_not(None),
)


@dataclass(slots=True)
class Issued:
    """What is known of some tokens: of our orders, and of payments that began a session."""

    #: (station, the token without case) -> the sessions that followed its orders; None: none yet
    ordered: dict[tuple[int, str], set[int | None]] = field(default_factory=dict)
    #: (tenant, the token without case) -> the sessions that began with it
    paid: dict[tuple[int, str], set[int]] = field(default_factory=dict)


def find_issued(db: Session, shown: Iterable[tuple[Any, TagRow | None]]) -> Issued:
    """Find out about taps and their tags: of those that would be refused for being on no list.

    1.6 tells no kinds of tokens.  At most one query for each question.
    """
    found = Issued()
    asked = [
        tap
        for tap, tag in shown
        if tag is None
        and tap.station.mode is StationMode.LISTED
        and (tap.token.kind in ISSUED_KINDS or tap.token.kind == ANY_KIND)
    ]
    if asked:
        since = min(tap.now for tap in asked) - ISSUED_WITHIN
        given = {"stations": list({tap.station.id for tap in asked}), "since": since}
        for station_id, session_id, arguments in db.execute(_ORDERS, given):
            if arguments.get("token_kind") in ISSUED_KINDS:
                at = station_id, Token(str(arguments.get("token", ""))).key
                found.ordered.setdefault(at, set()).add(session_id)
    payments = list({tap.token.value for tap in asked if tap.token.kind == DIRECT_PAYMENT})
    if payments:
        for tenant_id, value, session_id in db.execute(_PAID, {"tokens": payments}):
            found.paid.setdefault((tenant_id, Token(value).key), set()).add(session_id or 0)
    return found


def let_in(
    issued: Issued, station: AnyStation, token: Token, session_id: int | None
) -> tuple[str, str] | None:
    """Why a token on no list may charge at a station: a reason and its sentence; None: it may not.

    `session_id` is the session that it is shown in, if that has begun.  Pure.
    """
    ordered = issued.ordered.get((station.id, token.key), set())
    if ordered & {None, session_id}:
        return "ordered", "It was issued for the session that we ordered to start."
    if token.kind == DIRECT_PAYMENT:
        others = issued.paid.get((station.tenant_id, token.key), set()) - {session_id}
        if not others:
            return "paid", f"It was paid for at {station.identity}."
    return None
