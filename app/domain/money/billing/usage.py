"""What a session used, read from its rows: one way for running cost, bill and every recount."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging.energy import (
    EXPORT,
    INTERVAL,
    LARGEST_WH,
    NET,
    POWER,
    REGISTER,
    EnergyFacts,
    EnergyResult,
    Reading,
    billing_register,
    can_be_in,
    signed,
    to_base_unit,
)
from app.domain.charging.sessions.row import AnySession
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SessionState
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.evidence import Weighed, weigh
from app.domain.money.billing.history import Plug, plug_of
from app.domain.money.billing.idle import UNTOLD, stood
from app.domain.money.billing.witness import said_charging_s, witness_of
from app.domain.money.tariffs import Interval, Usage

_ZERO = Decimal(0)
#: What energy is measured by, and what a car gave back.
_COUNT = frozenset({REGISTER, INTERVAL, NET, POWER, EXPORT})
#: Flags of a session whose times are not to be trusted.
_UNTIMED = frozenset({"clock_replaced", "stop_before_start"})
#: How a number is stored; whatever else stands there was not understood when it arrived.
_WRITTEN = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_NOTHING: tuple[object, ...] = (None,) * 7


@dataclass(frozen=True, slots=True)
class Measured:
    """A session's energy with all it rests on, and what of it a tariff looks at.

    `corrected` says that a person gave the energy, not the meter; `idle_codes`
    what is odd about when the energy flowed.
    """

    energy: EnergyResult
    usage: Usage
    weighed: Weighed
    plug: Plug
    corrected: bool = False
    idle_codes: tuple[str, ...] = ()


def measured(
    book: Book, session: AnySession, *, energy_wh: Decimal | None = None, timed: bool = True
) -> Measured:
    """Measure a session by its book.

    `energy_wh` is what a person decided the energy to be: the meter's curve is
    then stretched to it.  Not `timed`: when it charged and when it was idle is left out.
    """
    plug = plug_of(book, session)
    if session.state is SessionState.NO_SHOW:
        return _unused(book, session, plug, energy_wh)
    facts = _facts(book, session, plug.history.greatest_power_w)
    weighed = weigh(facts, plug.history)
    energy = by_meter = weighed.energy
    if energy_wh is not None:
        energy = _stretched(energy, energy_wh)
    ended_at = energy.ended_at if session.ended_at is not None else max(book.now, energy.ended_at)
    rules, flow = book.rules(session), UNTOLD
    if timed:
        # When it flowed is the meter's to say, also where a person said how much.
        witness = witness_of(book, session, facts, by_meter, ended_at)
        flow = stood(witness, billed=rules.idle_from_readings)
    usage = Usage(
        started_at=energy.started_at,
        ended_at=ended_at,
        timezone=session.timezone,
        curve=energy.curve,
        charging=flow.charging,
        idle=flow.idle,
        idle_by_meter=flow.by_meter if rules.idle_from_readings else (),
    )
    return Measured(energy, usage, weighed, plug, energy_wh is not None, flow.codes)


def _unused(book: Book, session: AnySession, plug: Plug, energy_wh: Decimal | None) -> Measured:
    """A reservation that ran out: no energy, and the time for which the plug was kept."""
    if energy_wh is not None:
        sentence = f"Session {session.id} is an unused reservation: it has no energy."
        raise Invalid(sentence)
    weighed = weigh(_facts(book, session), plug.history)
    energy = replace(weighed.energy, flags=frozenset())
    usage = Usage(session.started_at, session.ended_at or book.now, session.timezone, no_show=True)
    return Measured(energy, usage, weighed, plug)


def facts_of(db: Session, session: AnySession) -> EnergyFacts:
    """Gather what the meter, the charger and we know about a session's energy."""
    return _facts(book_of(db, [session], session.started_at), session)


def _facts(book: Book, session: AnySession, greatest_power_w: Decimal | None = None) -> EnergyFacts:
    rows, stated_w = book.readings.get(session.id, []), book.stated_w(session)
    texts = list(signed_texts(rows))
    return EnergyFacts(
        meter_start_wh=session.meter_start_wh,
        started_at=session.started_at,
        meter_stop_wh=session.meter_stop_wh,
        ended_at=session.ended_at,
        max_power_w=Decimal(str(stated_w)) if stated_w else None,
        readings=readings_of(rows),
        signed_wh=signed.energies(texts),
        signed_good=signed.are_good(texts),
        received_start_at=session.start_received_at,
        received_end_at=session.stop_received_at,
        clock_doubtful=not _UNTIMED.isdisjoint(session.flags or ()),
        readings_before_stop=_before_stop(session, rows),
        plug_type=book.plug(session).kind,
        greatest_power_w=greatest_power_w,
        said_charging_s=partial(said_charging_s, book, session),
    )


def _before_stop(session: AnySession, rows: Sequence[Any]) -> int | None:
    """How many frames of readings had arrived when the stop did; those it brought count too."""
    heard_at = session.stop_received_at
    if heard_at is None or session.provisional:
        return None
    return next((n for n, row in enumerate(rows) if row.received_at > heard_at), len(rows))


def readings_of(rows: Iterable[Any]) -> tuple[Reading, ...]:
    """Turn stored meter readings into the ones that are measured, in order of arrival.

    `register_wh` is the register as it was understood when it arrived; where the
    samples beside it say otherwise (a unit set right by a quirk), it wins, and stays in its place.
    """
    found: list[Reading] = []
    for order, row in enumerate(rows):
        told = row.samples or ()
        counts = [each for each in told if not each or str(each[0] or REGISTER) in _COUNT]
        # Currents and voltages say no more than when they were taken, and that only once.
        samples = _made(row, counts, order) or _made(row, told, order)
        if row.register_wh is not None and billing_register(samples) != row.register_wh:
            samples = [sample for sample in samples if sample.measurand != REGISTER]
            contexts = (each[5] for each in told if len(each) > 5 and each[0] in (None, REGISTER))
            context = _text(next(filter(None, contexts), None))
            samples.append(Reading(row.taken_at, row.register_wh, context=context, received=order))
        found.extend(samples)
    return tuple(found)


def signed_texts(rows: Iterable[Any]) -> Iterator[str]:
    """The values that a meter signed, as they were told, in the order of the rows."""
    for row in rows:
        for sample in row.samples or ():
            if len(sample) == len(_NOTHING) and sample[-1] is True:
                yield str(sample[1])


def _made(row: Any, samples: Iterable[Sequence[object]], order: int) -> list[Reading]:
    """The sampled values; one that was no number when it arrived is none now, either."""
    made = []
    for sample in samples:
        if len(sample) != len(_NOTHING):
            sample = (*sample, *_NOTHING)[: len(_NOTHING)]
        measurand, text, unit, phase, location, context, signed = sample
        if signed is True or _WRITTEN.fullmatch(str(text)) is None:
            continue
        factor, name, where = _meant(measurand, unit, phase, location, context)
        if factor is None:
            continue
        value = Decimal(str(text))
        based = value * factor if factor != 1 else value
        if abs(based) <= LARGEST_WH or not name.startswith("Energy."):
            made.append(Reading(row.taken_at, based, name, *where, order))
    return made


@lru_cache(1024)
def _meant(
    measurand: object, unit: object, phase: object, location: object, context: object
) -> tuple[Decimal | None, str, tuple[str | None, str | None, str | None]]:
    """What words beside a value mean: how many base units one is, and the names of a reading.

    None are those of an energy in what is no unit of energy.

    Chargers use few of them, and each thousands of times.
    """
    name = str(measurand or REGISTER)
    factor, base = to_base_unit(Decimal(1), str(unit) if unit else None, name)
    return (
        factor if can_be_in(base, name) else None,
        name,
        (_text(phase), _text(location), _text(context)),
    )


def _text(word: object) -> str | None:
    return str(word) if word else None


def _stretched(energy: EnergyResult, energy_wh: Decimal) -> EnergyResult:
    """The same session with another energy; without a curve, it flows evenly."""
    if energy.energy_wh > _ZERO:
        factor = energy_wh / energy.energy_wh
        curve = tuple((at, value * factor) for at, value in energy.curve[:-1])
        curve += ((energy.ended_at, energy_wh),)
    else:
        curve = ((energy.started_at, _ZERO), (energy.ended_at, energy_wh))
    return replace(energy, energy_wh=energy_wh, curve=curve)


def seconds_of(intervals: Iterable[Interval]) -> int:
    """Whole seconds of some intervals."""
    return int(sum((until - since for since, until in intervals), timedelta(0)).total_seconds())
