"""From when until when a version of a tariff holds, and which of them holds at a time.

A version holds from when it was written; one with dates holds from its first to its last moment
on the clock of each site, whatever its zone.  Where several hold, the one that began last counts,
and of two that began together the later one: a price for December gives way by itself in January.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Invalid
from app.models import Site, Tariff, TariffVersion

#: A row of `tariff_versions`, or what of one a choice needs.
_Version = TypeVar("_Version", bound=Any)

#: How far ahead a version may be planned.
_MOST = timedelta(days=3 * 366)
_FORM = "%Y-%m-%dT%H:%M"


class Span(NamedTuple):
    """A stretch of time in which one version holds; None where it has no beginning or end."""

    begins: datetime | None
    ends: datetime | None
    version: Any


def begins(version: Any, zone: str) -> datetime:
    """When a version begins to hold on a zone's clock."""
    if version.valid_from is None:
        written: datetime = version.created_at
        return written
    return _instant(version.valid_from, zone)


def ends(version: Any, zone: str) -> datetime | None:
    """When it holds no longer; None where it is open."""
    return _instant(version.valid_until, zone) if version.valid_until else None


def in_force(
    versions: Iterable[_Version], at: datetime, zone: str, known: datetime | None = None
) -> _Version:
    """The version that holds at a time; the first counts for what began before there was one.

    `known`: also of one that was written until then, as a start may be told later than it was.
    """
    known = max(known or at, at)
    found, since, first = None, None, None
    for version in sorted(versions, key=lambda each: each.number):
        if version.withdrawn_at is not None:
            continue
        first = first or version
        start, end = begins(version, zone), ends(version, zone)
        if start > (known if version.valid_from is None else at) or (end and end <= at):
            continue
        if since is None or start >= since:
            found, since = version, start
    assert first is not None
    return found or first


def spans(versions: Sequence[Any], zone: str) -> list[Span]:
    """Which version holds when, the oldest first."""
    edges = {begins(each, zone) for each in versions if each.withdrawn_at is None}
    edges |= {end for each in versions if each.withdrawn_at is None and (end := ends(each, zone))}
    found: list[Span] = []
    for edge in sorted(edges):
        version = in_force(versions, edge, zone)
        if found and found[-1].version is version:
            continue
        if found:
            found[-1] = found[-1]._replace(ends=edge)
        found.append(Span(edge, None, version))
    return found


def planned(version: Any, now: datetime, zones: Iterable[str]) -> bool:
    """Whether a version has begun nowhere yet."""
    return version.valid_from is not None and all(begins(version, zone) > now for zone in zones)


def zones_of(db: Session, tenant_id: int) -> list[str]:
    """The time zones in which a tenant's sites in use lie."""
    # The table, not the entity: a tariff holds also where the asker may not look.
    table = Site.__table__
    mine = table.c.tenant_id == tenant_id, table.c.archived_at.is_(None)
    return sorted(db.scalars(select(table.c.timezone).where(*mine).distinct()))


def dated(version: Any) -> str:
    """Its dates in words, for the audit; empty where it has none."""
    first, last = version.valid_from, version.valid_until
    words = f" from {first.replace('T', ' ')}" if first else ""
    return f"{words} until {last.replace('T', ' ')}" if last else words


def checked(
    valid_from: str | None, valid_until: str | None, *, now: datetime, zones: Sequence[str]
) -> tuple[str | None, str | None]:
    """Read the dates of a version as they are kept; raises `Invalid`.

    A version that is not open needs a first moment, and none may lie behind a site's clock.
    """
    first, last = _read(valid_from, "valid_from"), _read(valid_until, "valid_until")
    if first is None:
        if last is not None:
            raise Invalid("Say also from when the version holds.", field="valid_from")
        return None, None
    if last is not None and last <= first:
        raise Invalid("The end must be after the beginning.", field="valid_until")
    if any(_instant(first, zone) <= now for zone in zones or ("UTC",)):
        raise Invalid(
            "At one of the sites this time is over. A version that is to hold from now on has "
            "no date.",
            field="valid_from",
        )
    if _instant(max(first, last or first), "UTC") > now + _MOST:
        raise Invalid("A version can be planned three years ahead at most.", field="valid_from")
    return first, last


def _read(text: str | None, field: str) -> str | None:
    if not (text or "").strip():
        return None
    try:
        typed = datetime.fromisoformat(str(text).strip())
    except ValueError:
        raise Invalid(
            "This is not a time; it should look like 2027-01-01T00:00.", field=field
        ) from None
    if typed.tzinfo is not None:
        raise Invalid("Leave out the zone: the time is that of each site's clock.", field=field)
    if not 2000 <= typed.year <= 2200:
        raise Invalid("This time lies outside all calendars in use.", field=field)
    return typed.strftime(_FORM)


def _instant(text: str, zone: str) -> datetime:
    """A wall clock's time; one that it shows twice is the first, one that it leaves out is near."""
    return datetime.strptime(text, _FORM).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


# The name of a version at 2.1 stations, which count by it themselves.

_OURS = "ampdesk"
_NAME = re.compile(rf"{_OURS}-(\d{{1,18}})-(\d{{1,9}})", re.ASCII).fullmatch
#: The doubt of a session whose driver the charger showed another price.
OTHER_PRICE = "other_price_shown"


def number_of(version: TariffVersion) -> str:
    """The name of a version at stations: another content has another name (I08.FR.08)."""
    return f"{_OURS}-{version.tariff_id}-{version.number}"


_TARIFF, _VERSION = Tariff.__table__, TariffVersion.__table__
_NUMBERED = BulkRead(
    select(_TARIFF.c.tenant_id, _VERSION.c.id, _VERSION.c.tariff_id, _VERSION.c.number)
    .join_from(_VERSION, _TARIFF)
    .where(among(_VERSION.c.tariff_id, "ids"))
)


def versions_named(db: Session, tenant_id: int, names: Iterable[str]) -> list[int]:
    """The versions (ids) of a tenant's tariffs that a station names as we do, however many."""
    numbers = {tuple(map(int, found.groups())) for name in names if (found := _NAME(name))}
    return [
        row.id
        for row in _NUMBERED(db, ids={tariff_id for tariff_id, _ in numbers})
        if row.tenant_id == tenant_id and (row.tariff_id, row.number) in numbers
    ]
