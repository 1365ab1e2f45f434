"""Honest sessions whose true energy is known, and the faults that are put into them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.domain.charging.energy import INTERVAL, POWER, REGISTER, EnergyFacts, Reading
from app.domain.money.billing.evidence import PlugHistory

START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
END = "Transaction.End"


@dataclass(frozen=True)
class Case:
    """A session as it was told, its true energy, and its plug's past."""

    facts: EnergyFacts
    true_wh: Decimal
    history: PlugHistory | None = None


Fault = Callable[[random.Random, Case], Case | None]


def honest(rng: random.Random, *, coarse: bool = False) -> Case:
    """A session of a car at 1.4 to 150 kW: full power, then a taper, then perhaps nothing."""
    power = rng.choice([1_400, 2_300, 3_700, 7_400, 11_000, 22_000, 50_000, 150_000])
    minutes = rng.randint(20, 90) if power > 22_000 else rng.randint(30, 480)
    every = 15 if coarse else rng.choice([1, 2, 5, 10])
    with_samples = power > 22_000 or rng.random() < 0.9
    with_power = rng.random() < 0.5
    stated = rng.random() < 0.5
    idle_from = minutes * rng.uniform(0.6, 1.2)
    level = float(rng.choice([0, rng.randint(0, 50_000), rng.randint(50_000, 9_000_000)]))
    begin = round(level)
    digits = rng.choice([1, 1, 1, 10, 100])
    readings, wh, received = [], 0.0, 0
    for minute in range(1, minutes + 1):
        share = minute / minutes
        now = 0.0 if minute > idle_from else power * (1.0 if share < 0.8 else 1.6 - share * 0.75)
        now *= rng.uniform(0.95, 1.0)
        wh += now / 60
        if with_samples and minute % every == 0 and minute < minutes:
            at = START + timedelta(minutes=minute, seconds=rng.randint(-2, 2))
            shown = Decimal(int((begin + wh) // digits * digits))
            readings.append(Reading(at, shown, received=received))
            if with_power:
                readings.append(Reading(at, Decimal(round(now)), POWER, received=received))
            received += 1
    stop = Decimal(int((begin + wh) // digits * digits))
    begin_told = Decimal(begin // digits * digits)
    facts = EnergyFacts(
        meter_start_wh=begin_told,
        started_at=START,
        meter_stop_wh=stop,
        ended_at=START + timedelta(minutes=minutes),
        max_power_w=Decimal(power) if stated else None,
        readings=tuple(readings),
        readings_before_stop=received,
    )
    past = PlugHistory(begin_told, "lifetime", Decimal(power))
    return Case(facts, stop - begin_told, past)


def _map(facts: EnergyFacts, change: Callable[[Reading], Reading | None]) -> EnergyFacts:
    found = [change(r) if r.measurand == REGISTER else r for r in facts.readings]
    return replace(facts, readings=tuple(r for r in found if r is not None))


def _registers(facts: EnergyFacts) -> list[Reading]:
    return [reading for reading in facts.readings if reading.measurand == REGISTER]


def _scaled(value: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if value is None else (value * factor).quantize(Decimal(1))


def begin_zero(rng: random.Random, case: Case) -> Case | None:
    if not case.facts.meter_start_wh:
        return None
    return replace(case, facts=replace(case.facts, meter_start_wh=Decimal(0)))


def no_begin(rng: random.Random, case: Case) -> Case:
    return replace(case, facts=replace(case.facts, meter_start_wh=None))


def first_lost(rng: random.Random, case: Case) -> Case | None:
    registers = _registers(case.facts)
    if len(registers) < 3:
        return None
    from_at = registers[rng.randint(1, len(registers) // 2)].taken_at
    readings = tuple(r for r in case.facts.readings if r.taken_at >= from_at)
    return replace(case, facts=replace(case.facts, meter_start_wh=None, readings=readings))


def stop_spike(rng: random.Random, case: Case) -> Case:
    stop = case.facts.meter_stop_wh or Decimal(0)
    extra = Decimal(rng.choice([50_000, 200_000, 800_000, 5_000_000]) + rng.randint(0, 9999))
    return replace(case, facts=replace(case.facts, meter_stop_wh=stop + extra))


def stop_zero(rng: random.Random, case: Case) -> Case | None:
    if not case.facts.meter_start_wh and not _registers(case.facts):
        return None
    return replace(case, facts=replace(case.facts, meter_stop_wh=Decimal(0)))


def stop_below_start(rng: random.Random, case: Case) -> Case | None:
    start = case.facts.meter_start_wh or Decimal(0)
    if start < 1000:
        return None
    below = start - Decimal(rng.randint(200, int(start)))
    return replace(case, facts=replace(case.facts, meter_stop_wh=below))


def _spiked(rng: random.Random, case: Case, number: int) -> Case:
    target = _registers(case.facts)[number]
    extra = Decimal(rng.choice([30_000, 500_000, 90_000_000]))

    def change(reading: Reading) -> Reading:
        return reading._replace(value=reading.value + extra) if reading is target else reading

    return replace(case, facts=_map(case.facts, change))


def mid_spike(rng: random.Random, case: Case) -> Case | None:
    count = len(_registers(case.facts))
    return _spiked(rng, case, rng.randrange(0, count - 1)) if count > 2 else None


def last_spike(rng: random.Random, case: Case) -> Case | None:
    return _spiked(rng, case, -1) if _registers(case.facts) else None


def reset(rng: random.Random, case: Case) -> Case | None:
    registers = _registers(case.facts)
    if len(registers) < 4 or not case.facts.meter_stop_wh:
        return None
    at = registers[rng.randint(1, len(registers) - 2)]
    if at.value - (case.facts.meter_start_wh or 0) < 500:
        return None

    def change(reading: Reading) -> Reading:
        if reading.taken_at <= at.taken_at:
            return reading
        return reading._replace(value=max(reading.value - at.value, Decimal(0)))

    facts = replace(case.facts, meter_stop_wh=case.facts.meter_stop_wh - at.value)
    return replace(case, facts=_map(facts, change))


def reset_unseen(rng: random.Random, case: Case) -> Case | None:
    """A register that starts anew fell to zero after the start was told, and no sample tells."""
    facts = case.facts
    if not facts.meter_start_wh or case.true_wh < 1000:
        return None
    told = replace(facts, readings=(), meter_stop_wh=case.true_wh, readings_before_stop=0)
    past = PlugHistory(facts.meter_start_wh, "session", None)
    return replace(case, facts=told, history=past)


def relative_samples(rng: random.Random, case: Case) -> Case | None:
    start = case.facts.meter_start_wh or Decimal(0)
    if start < 10_000 or len(_registers(case.facts)) < 3:
        return None
    facts = _map(case.facts, lambda r: r._replace(value=r.value - start))
    return replace(case, facts=facts)


def _unit(factor: Decimal, *, ends: bool, samples: bool) -> Fault:
    def fault(rng: random.Random, case: Case) -> Case | None:
        facts = case.facts
        if (samples and not ends and not _registers(facts)) or case.true_wh < 1000:
            return None
        if ends:
            facts = replace(
                facts,
                meter_start_wh=_scaled(facts.meter_start_wh, factor),
                meter_stop_wh=_scaled(facts.meter_stop_wh, factor),
            )
        if samples:
            facts = _map(facts, lambda r: r._replace(value=r.value * factor))
        return replace(case, facts=facts)

    return fault


def contradicting_ends(rng: random.Random, case: Case) -> Case:
    facts = case.facts
    stop = facts.meter_stop_wh or Decimal(0)
    other = stop + Decimal(rng.choice([-1, 1]) * rng.randint(150, 9000))
    at = facts.ended_at or START
    closing = Reading(at, max(other, Decimal(0)), context=END, received=10_000)
    told = replace(facts, readings=(*facts.readings, closing), readings_before_stop=10_001)
    wrong = rng.random() < 0.5
    return replace(
        case, facts=told, true_wh=other - (facts.meter_start_wh or 0) if wrong else case.true_wh
    )


def _intervals(rng: random.Random, case: Case) -> list[Reading] | None:
    """The session told per interval; half of the chargers tell it to the second."""
    exact = rng.random() < 0.5
    registers = _registers(case.facts)
    if len(registers) < 4 or case.true_wh < 1000:
        return None
    found, before = [], case.facts.meter_start_wh or Decimal(0)
    ends = [(_to_the_minute(r.taken_at) if exact else r.taken_at, r.value) for r in registers]
    ends.append((case.facts.ended_at or START, case.facts.meter_stop_wh or Decimal(0)))
    for number, (at, value) in enumerate(ends):
        found.append(Reading(at, max(value - before, Decimal(0)), INTERVAL, received=number))
        before = max(value, before)
    return found


def _to_the_minute(at: datetime) -> datetime:
    return (at + timedelta(seconds=30)).replace(second=0)


def _of_intervals(case: Case, found: list[Reading]) -> Case:
    facts = replace(
        case.facts,
        meter_start_wh=Decimal(0),
        meter_stop_wh=Decimal(0),
        readings=tuple(found),
        readings_before_stop=len(found) + 1,
    )
    return replace(case, facts=facts)


def clean_intervals(rng: random.Random, case: Case) -> Case | None:
    found = _intervals(rng, case)
    return _of_intervals(case, found) if found else None


def interval_lost(rng: random.Random, case: Case) -> Case | None:
    found = _intervals(rng, case)
    if not found:
        return None
    del found[rng.randrange(len(found))]
    return _of_intervals(case, found)


def interval_twice(rng: random.Random, case: Case) -> Case | None:
    found = _intervals(rng, case)
    if not found:
        return None
    again = found[rng.randrange(len(found))]
    at = again.taken_at + timedelta(seconds=1)
    return _of_intervals(case, [*found, again._replace(taken_at=at, received=len(found))])


def interval_other_context(rng: random.Random, case: Case) -> Case | None:
    found = _intervals(rng, case)
    return _of_intervals(case, [*found[:-1], found[-1]._replace(context=END)]) if found else None


def phase_lost(rng: random.Random, case: Case) -> Case | None:
    """Phases only, without a register at the start and the stop; the last or first lacks one."""
    registers = _registers(case.facts)
    if len(registers) < 3:
        return None
    lost = rng.choice([0, -1])
    found: list[Reading] = []
    for number, reading in enumerate(registers):
        context = {0: "Transaction.Begin", len(registers) - 1: END}.get(number)
        parts = (reading.value / 3).quantize(Decimal("0.001"))
        for phase in ("L1", "L2", "L3"):
            if phase == "L2" and reading is registers[lost]:
                continue
            found.append(reading._replace(value=parts, phase=phase, context=context))
    facts = replace(
        case.facts,
        meter_start_wh=None,
        meter_stop_wh=None,
        started_at=registers[0].taken_at,
        ended_at=registers[-1].taken_at,
        readings=tuple(found),
    )
    return replace(case, facts=facts, true_wh=registers[-1].value - registers[0].value)


THOUSAND, THOUSANDTH = Decimal(1000), Decimal("0.001")
FAULTS: dict[str, Fault] = {
    "begin 0": begin_zero,
    "no begin": no_begin,
    "first samples lost": first_lost,
    "stop spike": stop_spike,
    "stop zero": stop_zero,
    "stop below start": stop_below_start,
    "mid spike": mid_spike,
    "last spike": last_spike,
    "reset": reset,
    "reset without samples": reset_unseen,
    "relative samples": relative_samples,
    "all × 1000": _unit(THOUSAND, ends=True, samples=True),
    "all in kWh": _unit(THOUSANDTH, ends=True, samples=True),
    "start and stop × 1000": _unit(THOUSAND, ends=True, samples=False),
    "start and stop in kWh": _unit(THOUSANDTH, ends=True, samples=False),
    "samples × 1000": _unit(THOUSAND, ends=False, samples=True),
    "samples in kWh": _unit(THOUSANDTH, ends=False, samples=True),
    "contradicting ends": contradicting_ends,
    "interval lost": interval_lost,
    "interval twice": interval_twice,
    "last interval of another context": interval_other_context,
    "phase lost": phase_lost,
}
