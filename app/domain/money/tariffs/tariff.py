"""A tariff: what a charging session costs, as plain data, and the currencies it may be in.

A tariff is a list of components.  At every instant, and for every kind on its
own, **the first component of that kind whose restriction holds** gives the
price; later ones of the same kind do not count at that instant, and where none
holds that kind costs nothing.  Kinds add up: energy and connected time may
both be charged for the same minute.

Money is an integer number of minor units (cents, yen, fils) of a currency of ISO
4217.  The exponent says how many decimal places a currency's minor unit has;
nearly all have two, so only the exceptions are listed beside the codes.
"""

import itertools
import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from math import gcd

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN "
    "QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

# Wide enough for any product of a price, a quantity and a tax rate: nothing is
# lost before the one rounding of a line.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)

_CODE = re.compile(r"[A-Z]{3}")


def is_currency(code: str) -> bool:
    """Whether `code` is an active ISO 4217 currency (upper case)."""
    return bool(_CODE.fullmatch(code)) and code in EXPONENTS


def exponent(code: str) -> int:
    """Decimal places of the currency's minor unit; KeyError for an unknown code."""
    return EXPONENTS[code]


def round_minor(amount: Decimal) -> int:
    """`amount`, already in minor units, as a whole number, half away from zero."""
    return int(amount.quantize(Decimal(1), context=EXACT))


def to_minor(amount: Decimal, code: str) -> int:
    """An amount in the currency's major unit, in minor units, rounded half up."""
    return round_minor(amount.scaleb(exponent(code), context=EXACT))


def from_minor(minor: int, code: str) -> Decimal:
    """Minor units as an exact Decimal with the currency's own number of places."""
    return Decimal(minor).scaleb(-exponent(code), context=EXACT)


def billable(limit: Decimal | None, code: str) -> Decimal | None:
    """A limit as bills come to it: with no more places than its currency has, rounded half up."""
    if limit is None or limit == (rounded := from_minor(to_minor(limit, code), code)):
        return limit
    return rounded


def price_text(price: Decimal, currency: str) -> str:
    """A price with at least the places of its currency, and no more than it has."""
    places = exponent(currency)
    digits = price.normalize().as_tuple().exponent
    own = -digits if isinstance(digits, int) and digits < 0 else 0
    return format(price.quantize(Decimal(1).scaleb(-max(places, own))), "f")


MINUTE_US = 60_000_000


class Kind(StrEnum):
    """What a component is charged for."""

    START = "start"  # once, by the restriction that holds when the session begins
    ENERGY = "energy"  # per kWh
    CHARGING_TIME = "charging_time"  # per minute in which the vehicle took energy
    CONNECTED_TIME = "connected_time"  # per minute between the session's start and end
    IDLE = "idle"  # per minute from the end of charging, after the grace
    NO_SHOW = "no_show"  # once, for an unused reservation
    NO_SHOW_TIME = "no_show_time"  # per minute that it was kept


#: What a reservation costs that runs out unused, and a charging session never.
NO_SHOW_KINDS = frozenset({Kind.NO_SHOW, Kind.NO_SHOW_TIME})
#: What is charged once, by what holds at the beginning.
ONCE = frozenset({Kind.START, Kind.NO_SHOW})


class TaxMode(StrEnum):
    """Whether the tariff's prices, minimum and maximum hold the tax already."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


@dataclass(frozen=True, slots=True)
class Restriction:
    """When a component holds; every field that is set must hold.

    Time of day, weekday and date are those of the site's wall clock at the
    instant itself: in a window that crosses midnight the hours after midnight
    belong to the new day.  Lower limits belong to the range, upper ones do not,
    except `date_to`, which is the last day of the range.  Energy and duration
    count from the session's start.
    """

    from_minute: int | None = None  # of the day, 0..1439
    until_minute: int | None = None  # of the day, 1..1440; less than from_minute: over midnight
    weekdays: frozenset[int] = frozenset()  # 0 is Monday; empty means every day
    date_from: date | None = None
    date_to: date | None = None
    energy_from_kwh: Decimal | None = None
    energy_to_kwh: Decimal | None = None
    duration_from_min: int | None = None
    duration_to_min: int | None = None

    @property
    def always(self) -> bool:
        """Whether nothing is restricted."""
        return self == Restriction()


@dataclass(frozen=True, slots=True)
class Component:
    """One price of a tariff, in the currency's major unit per kWh, minute or session."""

    kind: Kind
    price: Decimal
    name: str = ""  # "night rate": shown on the receipt
    when: Restriction = field(default_factory=Restriction)
    tax_percent: Decimal | None = None  # None: the tariff's
    grace_minutes: int = 0  # idle only; counted once per session over all idle time
    step: int = 1  # Wh or s; started steps count whole, once a session (see `counting`)


@dataclass(frozen=True, slots=True)
class Tariff:
    """All that decides a price.

    `minimum` and `maximum` are in the currency's major unit and, like the
    prices, with or without tax as `tax_mode` says.  The first `free_minutes`
    after the session's start are free of charging time and connected time;
    energy and idle time are not touched by them.
    """

    currency: str
    components: tuple[Component, ...] = ()
    tax_mode: TaxMode = TaxMode.INCLUSIVE
    tax_percent: Decimal = Decimal(0)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    free_minutes: int = 0

    @property
    def by_totals(self) -> bool:
        """Whether the price hangs on how long and how much alone, not on when energy flowed."""
        for component in self.components:
            when = component.when
            if component.kind is Kind.ENERGY:
                measured = (when.energy_from_kwh, when.energy_to_kwh)
                timed = when != Restriction(energy_from_kwh=measured[0], energy_to_kwh=measured[1])
            elif component.kind is Kind.CONNECTED_TIME:
                timed = when.energy_from_kwh is not None or when.energy_to_kwh is not None
            else:
                timed = component.kind not in (Kind.START, *NO_SHOW_KINDS)
            if timed:
                return False
        return True

    @property
    def by_flow(self) -> bool:
        """Whether it matters for the price when the car charged and when it was idle."""
        return any(part.kind in (Kind.IDLE, Kind.CHARGING_TIME) for part in self.components)

    def tax_percent_of(self, component: Component) -> Decimal:
        """The component's own tax rate, or the tariff's."""
        return self.tax_percent if component.tax_percent is None else component.tax_percent


def hour_holds(when: Restriction, minute: int) -> bool:
    """Whether a minute of the day (0..1439) lies in the restriction's window."""
    start, until = when.from_minute, when.until_minute
    if start is None or until is None:
        return True
    if start < until:
        return start <= minute < until
    return minute >= start or minute < until


def day_holds(when: Restriction, day: date) -> bool:
    """Whether a day of the site's calendar is one of the restriction's."""
    if when.weekdays and day.weekday() not in when.weekdays:
        return False
    return not ((when.date_from and day < when.date_from) or (when.date_to and day > when.date_to))


def energy_holds(when: Restriction, energy_wh: Decimal) -> bool:
    """Whether a session's energy so far lies in the restriction's range."""
    low, high = when.energy_from_kwh, when.energy_to_kwh
    return (low is None or energy_wh >= low * 1000) and (high is None or energy_wh < high * 1000)


def duration_holds(when: Restriction, elapsed_us: int) -> bool:
    """Whether a session's duration so far lies in the restriction's range."""
    first, last = when.duration_from_min, when.duration_to_min
    return (first is None or elapsed_us >= first * MINUTE_US) and (
        last is None or elapsed_us < last * MINUTE_US
    )


def holds(when: Restriction, local: datetime, energy_wh: Decimal, elapsed_us: int) -> bool:
    """Whether a restriction holds at a wall-clock time, energy and duration of the session."""
    return (
        day_holds(when, local.date())
        and hour_holds(when, local.hour * 60 + local.minute)
        and energy_holds(when, energy_wh)
        and duration_holds(when, elapsed_us)
    )


def first_match(
    tariff: Tariff, kind: Kind, local: datetime, energy_wh: Decimal, elapsed_us: int
) -> int | None:
    """The index of the component of `kind` that counts, None if that kind costs nothing now."""
    for index, component in enumerate(tariff.components):
        if component.kind is kind and holds(component.when, local, energy_wh, elapsed_us):
            return index
    return None


_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a day with one price; None where the tariff has none.

    Minutes count from midnight of the site's wall clock.
    """

    from_minute: int
    until_minute: int
    price: Decimal | None
    component_index: int | None


@dataclass(frozen=True, slots=True)
class WeekPicture:
    """Monday to Sunday, each as the runs of one price that fill it."""

    days: tuple[tuple[Run, ...], ...]

    @property
    def prices(self) -> tuple[Decimal, ...]:
        """The different prices, lowest first."""
        return tuple(
            sorted({run.price for day in self.days for run in day if run.price is not None})
        )

    @property
    def step_min(self) -> int:
        """The longest step, of an hour at most, that all boundaries fall on."""
        return gcd(60, *(run.until_minute for day in self.days for run in day))


def week_picture(tariff: Tariff, monday: date) -> WeekPicture:
    """The price of energy, a session's first watt-hour, over the week that begins on `monday`."""
    limits = {0, _DAY_MIN}
    for component in tariff.components:
        for minute in (component.when.from_minute, component.when.until_minute):
            if component.kind is Kind.ENERGY and minute is not None:
                limits.add(minute)
    edges = sorted(limits)
    days = []
    for number in range(7):
        day = monday + timedelta(days=number)
        runs: list[Run] = []
        for start, until in itertools.pairwise(edges):
            local = datetime.combine(day, time(start // 60, start % 60))
            index = first_match(tariff, Kind.ENERGY, local, Decimal(0), 0)
            if runs and runs[-1].component_index == index:
                runs[-1] = Run(runs[-1].from_minute, until, runs[-1].price, index)
            else:
                price = None if index is None else tariff.components[index].price
                runs.append(Run(start, until, price, index))
        days.append(tuple(runs))
    return WeekPicture(tuple(days))
