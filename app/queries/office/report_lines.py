"""What a report is made of: lines with their sums, the sum of all, curves, and words.

Page, file, API and command line show the same table; amounts of two currencies are never added.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.money.tariffs import from_minor
from app.models import ChargingSession, Driver, Site, Station, Tariff, TariffVersion
from app.queries.ground.period import Period

#: Lines on a page, and in a file; what more there are stands together in the last one.
USUAL, MOST = 200, 20_000
#: Ids that are looked up at once.
_PIECE = 500

Sums = Mapping[str, Any]
Key = tuple[Any, ...]


class Column(NamedTuple):
    """A figure of each line; `unit` is count, energy, money, duration or percent."""

    name: str
    heading: str
    unit: str
    read: Callable[[Sums], Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A site, station, … with its sums; money is in minor units of `currency`."""

    label: str
    sums: dict[str, Any]
    currency: str = ""
    key: Key = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is asked for; ids of 0 narrow nothing.

    Connections that ended before `known_since` may be forgotten.
    """

    tenant_id: int
    period: Period
    by: str = "site"
    site_id: int = 0
    station_id: int = 0
    most: int = USUAL
    known_since: datetime | None = None


@dataclass(slots=True)
class Report:
    """A table.  `curves` are (heading, a value for each day); `use` is a share for each weekday
    and hour, in per cent; `left_out` counts stations that were not looked at.
    """

    kind: str
    wanted: Wanted
    columns: Sequence[Column]
    lines: list[Line] = field(default_factory=list)
    whole: list[Line] = field(default_factory=list)
    words: Sequence[str] = ()
    curves: list[tuple[str, list[float]]] = field(default_factory=list)
    use: list[list[Decimal | None]] | None = None
    left_out: int = 0

    @property
    def has_money(self) -> bool:
        """Whether its lines have a currency."""
        return any(column.unit == "money" for column in self.columns)

    def flat(self) -> tuple[list[tuple[str, Callable[[Line], Any]]], list[Line]]:
        """Columns, named with their unit, and rows of a file; money is in the major unit."""
        columns: list[tuple[str, Callable[[Line], Any]]] = [(self.wanted.by, _label)]
        if self.has_money:
            columns.append(("currency", _currency))
        named = ((each.name + _UNITS.get(each.unit, ""), _plain(each)) for each in self.columns)
        return [*columns, *named], self.lines


#: What the names of a file's columns end with.
_UNITS = {"energy": "_kwh", "duration": "_s", "percent": "_percent"}


def _label(line: Line) -> str:
    return line.label


def _currency(line: Line) -> str:
    return line.currency


def _plain(column: Column) -> Callable[[Line], Any]:
    def read(line: Line) -> Any:
        value = column.read(line.sums)
        if value is None:
            return None
        if column.unit == "energy":
            return Decimal(value) / 1000
        if column.unit == "money":
            return from_minor(int(value), line.currency)
        return round(value, 3) if column.unit == "percent" else value

    return read


def share(part: Any, whole: Any) -> Decimal | None:
    """A part in per cent of a whole; None of nothing."""
    return Decimal(part) * 100 / Decimal(whole) if whole else None


def narrowed(wanted: Wanted, site: Any, station: Any) -> list[Any]:
    """The conditions of one site or station, where a report is about one."""
    found = [site == wanted.site_id] if wanted.site_id else []
    return [*found, station == wanted.station_id] if wanted.station_id else found


#: What lines of sessions can stand for, and the columns that name one.
BY: dict[str, tuple[Any, ...]] = {
    "site": (ChargingSession.site_id,),
    "station": (ChargingSession.station_id,),
    "connector": (ChargingSession.station_id, ChargingSession.evse, ChargingSession.connector),
    "tariff": (TariffVersion.tariff_id,),
    "driver": (ChargingSession.driver_id,),
}
_NAMES: dict[str, tuple[Any, Any]] = {
    "site": (Site.id, Site.name),
    "station": (Station.id, Station.identity),
    "connector": (Station.id, Station.identity),
    "tariff": (Tariff.id, Tariff.name),
    "driver": (Driver.id, Driver.name),
}


def named(db: Session, by: str, keys: Sequence[Key]) -> dict[Key, str]:
    """What the things behind some keys are called."""
    if by == "error":
        return {key: key[0] or "–" for key in keys}
    number, name = _NAMES[by]
    ids = sorted({key[0] for key in keys if key[0] is not None})
    known: dict[int, str] = {}
    for place in range(0, len(ids), _PIECE):
        part = db.execute(select(number, name).where(number.in_(ids[place : place + _PIECE])))
        known |= {row[0]: row[1] for row in part}

    def words(key: Key) -> str:
        if key[0] is None:
            return "–"
        label = known.get(key[0], f"{by} {key[0]}")
        return f"{label} · {key[1]}/{key[2]}" if by == "connector" else label

    return {key: words(key) for key in keys}


def lines_of(
    db: Session, wanted: Wanted, query: Any, keys: Sequence[Any], sums: dict[str, Any],
    *, currency: Any = None,
) -> tuple[list[Line], list[Line]]:  # fmt: skip
    """Sum a select by the wanted things, the greatest first, and as a whole, for each currency.

    Of more lines than are wanted the rest is what is left of the whole.  Where all are there, they
    come to it: whoever asked again would read all rows twice, and perhaps other ones.
    """
    values = [value.label(name) for name, value in sums.items()]
    money = [] if currency is None else [currency]
    listed = query.with_only_columns(*keys, *money, *values).group_by(*keys, *money)
    order = [next(iter(sums.values())).desc(), *keys, *money]
    rows = db.execute(listed.order_by(*order).limit(wanted.most)).all()
    size = len(keys)
    labels = named(db, wanted.by, [tuple(row[:size]) for row in rows])
    lines = [
        Line(
            labels[tuple(row[:size])],
            _zeros(sums, row[size + len(money) :]),
            row[size] if money else "",
            tuple(row[:size]),
        )
        for row in rows
    ]
    if len(rows) < wanted.most:
        return lines, _whole(lines)
    whole = [
        Line("", _zeros(sums, row[len(money) :]), row[0] if money else "")
        for row in db.execute(query.with_only_columns(*money, *values).group_by(*money))
        if any(row[len(money) :])
    ]
    return [*lines, *_rest(whole, lines)], whole


def _whole(lines: Sequence[Line]) -> list[Line]:
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        sums = found.setdefault(line.currency, dict.fromkeys(line.sums, 0))
        for name, value in line.sums.items():
            sums[name] += value
    return [Line("", sums, each) for each, sums in sorted(found.items()) if any(sums.values())]


def _zeros(sums: Sums, row: Sequence[Any]) -> dict[str, Any]:
    """The sums of a row; PostgreSQL counts whole numbers in decimals."""
    found = {name: value or 0 for name, value in zip(sums, row, strict=True)}
    return {n: value if n.endswith("_wh") else int(value) for n, value in found.items()}


def _rest(whole: list[Line], lines: list[Line]) -> list[Line]:
    found = []
    for line in whole:
        own = [each.sums for each in lines if each.currency == line.currency]
        left = {name: value - sum(each[name] for each in own) for name, value in line.sums.items()}
        if any(left.values()):
            found.append(Line("…", left, line.currency))
    return found
