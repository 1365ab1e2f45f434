"""What holds for the energy of any session, whatever a charger sends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.charging.energy import NET, POWER, EnergyFacts, Reading, measure
from app.domain.charging.energy.readings import Point
from app.domain.charging.energy.walk import Pace, pace_of, walk
from tests.support.chance import tries

START = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
MAX_POWER_W = Decimal(22_000)

wild_wh = st.integers(-10, 10**10).map(Decimal)


@st.composite
def wild_readings(draw: st.DrawFn) -> list[Reading]:
    """Any readings at all."""
    return [
        Reading(
            START + timedelta(seconds=draw(st.integers(-1000, 20_000))),
            draw(wild_wh),
            draw(st.sampled_from(["Energy.Active.Import.Register", NET, POWER, "Voltage"])),
            draw(st.sampled_from([None, "L1", "L2", "L3", "L1-L2"])),
            draw(st.sampled_from([None, "Outlet", "Inlet"])),
            draw(st.sampled_from([None, "Transaction.Begin", "Transaction.End"])),
            received=number,
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@st.composite
def wild_facts(draw: st.DrawFn) -> EnergyFacts:
    """Any session at all."""
    ended = draw(st.none() | st.integers(-5000, 15_000))
    return EnergyFacts(
        meter_start_wh=draw(st.none() | wild_wh),
        started_at=START,
        meter_stop_wh=draw(st.none() | wild_wh) if ended is not None else None,
        ended_at=None if ended is None else START + timedelta(seconds=ended),
        max_power_w=draw(st.none() | st.just(MAX_POWER_W)),
        readings=draw(wild_readings()),
    )


@st.composite
def honest_facts(draw: st.DrawFn) -> EnergyFacts:
    """A session whose register only rises, at a power that the plug can deliver."""
    level = draw(st.integers(0, 10**7))
    steps = draw(st.lists(st.integers(0, 350), min_size=1, max_size=25))
    start, readings = level, []
    for number, step in enumerate(steps):
        level += step
        at = START + timedelta(minutes=number + 1)
        readings.append(Reading(at, Decimal(level), received=number))
    return EnergyFacts(
        meter_start_wh=Decimal(start),
        started_at=START,
        meter_stop_wh=Decimal(level + draw(st.integers(0, 350))),
        ended_at=START + timedelta(minutes=len(steps) + 1),
        max_power_w=MAX_POWER_W,
        readings=readings,
    )


@given(wild_facts())
@settings(max_examples=tries(120), deadline=None)
def test_energy_is_never_negative_and_never_above_the_limit(facts: EnergyFacts):
    found = measure(facts)
    assert 0 <= found.energy_wh <= found.limit_wh
    assert found.duration_s >= 0


@given(wild_facts())
@settings(max_examples=tries(80), deadline=None)
def test_the_curve_never_falls_and_ends_with_the_energy(facts: EnergyFacts):
    found = measure(facts)
    values = [wh for _, wh in found.curve]
    times = [at for at, _ in found.curve]
    assert values == sorted(values)
    assert times == sorted(times)
    assert (values[0], values[-1]) == (0, found.energy_wh)
    assert (times[0], times[-1]) == (found.started_at, found.ended_at)


@given(wild_facts(), st.data())
@settings(max_examples=tries(80), deadline=None)
def test_order_and_repetition_change_nothing(facts: EnergyFacts, data: st.DataObject):
    readings = list(facts.readings)
    again = data.draw(st.permutations(readings + readings))
    assert measure(replace(facts, readings=again)) == measure(facts)


@given(honest_facts(), st.data())
@settings(max_examples=tries(60), deadline=None)
def test_lost_readings_of_an_honest_meter_change_nothing(facts: EnergyFacts, data: st.DataObject):
    kept = [reading for reading in facts.readings if data.draw(st.booleans())]
    whole, part = measure(facts), measure(replace(facts, readings=kept))
    assert not whole.flags
    assert part.energy_wh == whole.energy_wh
    assert not part.flags


@given(honest_facts(), st.data())
@settings(max_examples=tries(60), deadline=None)
def test_a_lost_stop_gives_no_more_energy_and_is_flagged(facts: EnergyFacts, data: st.DataObject):
    part = measure(replace(facts, meter_stop_wh=None))
    assert part.energy_wh <= measure(facts).energy_wh
    assert part.held


class Unhurried(Pace):
    """A pace by which each step is held against its own time."""

    def least_limit_wh(self) -> Decimal:
        return Decimal(-(10**20))


@given(
    st.lists(st.tuples(st.integers(0, 1200), st.integers(-300, 4000)), min_size=1, max_size=20),
    st.sampled_from([None, Decimal(3_700), MAX_POWER_W, Decimal(400_000)]),
    st.integers(0, 1) | st.integers(0, 10**6),
    st.sampled_from([Decimal(100), Decimal(1000)]),
)
@settings(max_examples=tries(200), deadline=None)
def test_what_any_limit_allows_is_walked_as_by_its_own(steps, power_w, level, resolution_wh):
    at, points = START, [Point(START, Decimal(level))]
    for seconds, rise in steps:
        at, level = at + timedelta(seconds=seconds), level + rise
        points.append(Point(at, Decimal(level)))
    pace = pace_of(points, power_w, resolution_wh)
    slow = Unhurried(pace.power_w, pace.resolution_wh, pace.bursts, pace.first_w)
    assert walk(points, pace) == walk(points, slow)
