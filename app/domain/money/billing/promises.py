"""What was promised of a session: how far it goes at most, and the price that its charger showed.

A 2.1 station keeps limits itself (E16), those of the order to start and those that its driver set
there.  What it let through is doubted only where it lies clearly beyond: meters count in steps, and
a station looks at its own now and then.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.charging.energy import EnergyResult, digits_of, on_the_way
from app.domain.charging.sessions.row import AnySession
from app.domain.ground.vocabulary import Json
from app.domain.money.billing.book import Book, tariffs_of
from app.domain.money.billing.usage import Measured
from app.domain.money.tariffs import Quote, Tariff, from_minor, price
from app.domain.money.validity import versions_named

#: A number beyond this is neither a price nor an energy of a charging session.
MOST = Decimal(10) ** 9
_SLACK = Decimal("1.05")
#: Costs that differ by no more than one minor unit are the same.
SAME_MINOR = 1
#: Energy below both, of a session's, says nothing: a car that was stopped draws a little more.
_LITTLE_WH, _LITTLE = Decimal(100), Decimal("0.01")
#: our limit of a session -> the member that a station tells it in, and how many make one of ours
_TOLD = {
    "most_cost": ("maxCost", 1),
    "most_kwh": ("maxEnergy", 1000),
    "most_minutes": ("maxTime", 60),
    "most_percent": ("maxSoC", 1),
}


def is_beyond(book: Book, session: AnySession, used: Measured, quote: Quote | None) -> bool:
    """Whether a session went clearly further than one of its limits allows."""
    both = [
        limits for limits in (book.limits.get(session.id), told_limits(book, session)) if limits
    ]
    if not both:
        return False
    energy = used.energy
    reached = {"most_kwh": energy.energy_wh / 1000, "most_minutes": _flowed_min(energy)}
    if quote is not None:
        reached["most_cost"] = from_minor(quote.gross_minor, quote.currency)
    if session.last_soc_percent is not None and energy.energy_wh >= _LITTLE_WH:
        reached["most_percent"] = Decimal(str(session.last_soc_percent))
    return any(_exceeds(limits, reached) for limits in both)


def _exceeds(limits: Json, reached: Mapping[str, Decimal]) -> bool:
    return any(
        reached[name] > Decimal(str(limits[name])) * _SLACK for name in reached.keys() & limits
    )


def _flowed_min(energy: EnergyResult) -> Decimal:
    """After how many minutes, by a reading then, energy that matters had yet to flow: more than
    the step in which the register is told there.
    """
    left = max(_LITTLE_WH, energy.energy_wh * _LITTLE, digits_of(on_the_way(energy.used)))
    since = energy.started_at
    at = max((at for at, wh in energy.curve if energy.energy_wh - wh >= left), default=since)
    return Decimal((at - since) // timedelta(seconds=1)) / 60


def told_limits(book: Book, session: AnySession) -> Json:
    """The limits that a station told last, such as its driver set there, by our names for them."""
    found: Json = {}
    for event in book.in_time(session) if session.last_seq_no is not None else ():
        limits: Any = (event.facts or {}).get("limits")
        for name, (member, per) in _TOLD.items() if isinstance(limits, dict) else ():
            number = number_of(limits.get(member))
            if number is not None and number > 0:
                found[name] = number / per
    return found


def prices_shown(book: Book, session: AnySession) -> list[Tariff]:
    """The other prices of ours by which a 2.1 station says that it charged (I07 to I11)."""
    told = [(event.facts or {}).get("tariff") for event in book.events.get(session.id, ())]
    names = {name for name in told if isinstance(name, str)}
    versions = versions_named(book.db, session.tenant_id, names)
    others = {number for number in versions if number != session.tariff_version_id}
    found = tariffs_of(book.db, others).values() if others else ()
    return [tariff for tariff in found if tariff is not None]


def is_above(quote: Quote, shown: Iterable[Tariff], used: Measured) -> bool:
    """Whether a driver would pay more than by a price that the charger showed."""
    costs = [price(other, used.usage) for other in shown]
    return any(
        cost.currency != quote.currency or quote.gross_minor - cost.gross_minor > SAME_MINOR
        for cost in costs
    )


def number_of(value: Any) -> Decimal | None:
    """A number as it was told, None where it is none or beyond all reason."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < MOST else None
