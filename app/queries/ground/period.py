"""Days of a period on the clocks of the sites: what happened is counted where it happened.

And time in SQL as both databases count it: whole seconds since 1970.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, and_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from app.domain.ground.errors import Invalid
from app.models import Site

#: No clock is further ahead of UTC, or further behind it.
_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)
_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """From a day to another, both of them in it."""

    first: date
    last: date

    def bounds(self, zone: str) -> tuple[datetime, datetime]:
        """The first instant of it on a zone's clock, and the first one after it."""
        place = ZoneInfo(zone)
        days = self.first, self.last + timedelta(days=1)
        since, until = (datetime.combine(day, time(), place).astimezone(UTC) for day in days)
        return since, until

    @property
    def widest(self) -> tuple[datetime, datetime]:
        """The bounds that hold it on every clock there is."""
        since, until = self.bounds("UTC")
        return since - _AHEAD, until + _BEHIND

    def around(self, at: Any) -> ColumnElement[bool]:
        """The condition that an instant may lie in it: an index finds those that do."""
        since, until = self.widest
        return and_(at >= since, at < until)

    def on(self, at: Any, zone: Any, zones: list[str]) -> ColumnElement[bool]:
        """The condition that an instant lies in it on the clock of its own zone, one of `zones`."""
        spans = [(name, *self.bounds(name)) for name in zones]
        own = [and_(zone == name, at >= since, at < until) for name, since, until in spans]
        return and_(self.around(at), or_(*own))

    @property
    def dates(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(self.days)]

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1


def between(first: date, last: date) -> Period:
    """The period of some days; raises `Invalid`."""
    if last < first:
        raise Invalid("The last day is before the first one.", field="to")
    if not _FIRST <= first <= last <= _LAST:
        raise Invalid("These days lie outside all calendars in use.", field="from")
    return Period(first, last)


def of_days(first: str, last: str, default: Period) -> Period:
    """The period of two days as 2026-10-31, either of them left out; raises `Invalid`."""
    since = _day(first, "from") if first else default.first
    until = _day(last, "to") if last else max(since, default.last)
    return between(since, until)


def _day(text: str, field: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise Invalid("Type a day as 2026-10-31.", field=field) from None


def today(db: Session, now: datetime) -> date:
    """The day it is at the sites in reach: where it is latest, which a report would leave out."""
    zones = db.scalars(select(Site.timezone).where(Site.archived_at.is_(None)).distinct())
    return max((now.astimezone(ZoneInfo(zone)).date() for zone in zones), default=now.date())


def lately(day: date) -> Period:
    """The 31 days that end with a day."""
    return Period(day - timedelta(days=30), day)


def month(text: str) -> Period:
    """The month that is written as 2026-10; raises `Invalid`."""
    found = re.fullmatch(r"(\d{4})-(\d{2})", text.strip(), re.ASCII)
    year, number = (int(part) for part in found.groups()) if found else (0, 0)
    if not (1 <= number <= 12 and _FIRST.year <= year <= _LAST.year):
        raise Invalid("Type a month as 2026-10.", field="month")
    return _month_of(date(year, number, 1))


def month_before(day: date) -> Period:
    return _month_of(day.replace(day=1) - timedelta(days=1))


def _month_of(day: date) -> Period:
    first = day.replace(day=1)
    next_month = (first + timedelta(days=31)).replace(day=1)
    return Period(first, next_month - timedelta(days=1))


def since(at: Any, moment: datetime) -> ColumnElement[bool]:
    """The condition that an instant is at `moment` or later: an index finds the few that are.

    Said as a span with two ends: SQLite believes that little lies in one, but a quarter of all
    rows after a moment, and would rather read the whole table.
    """
    return and_(at >= moment, at < _NEVER)


class epoch(FunctionElement[int]):
    """The whole seconds of an instant."""

    type = BigInteger()
    inherit_cache = True


@compiles(epoch, "sqlite")
def _sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **given)}) AS INTEGER)"


@compiles(epoch)
def _standard(element: Any, compiler: Any, **given: Any) -> str:
    inner = compiler.process(element.clauses, **given)
    # Not `extract`, whose exact number takes twice as long; microseconds fit into this one, too.
    return f"CAST(floor(date_part('epoch', {inner})) AS BIGINT)"
