"""What a session has to pay for, before money: energy and time shared out over the prices.

Steps count as OCPI counts them (2.2.1 CDRs, `step_size`): once for all the
energy of a session and once for all its charging and idle time together, never
once for each price.  The step is that of the last price that counted; the total
of its kind is rounded up and the rest goes to that price.  So charging time is
not rounded where idle time follows.  Connected time, which OCPI does not know,
runs beside both and is counted by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.domain.money.tariffs.quote import Part, Rounding, Usage
from app.domain.money.tariffs.slices import Slice, slices
from app.domain.money.tariffs.tariff import MINUTE_US, Kind, Tariff, first_match

#: The kinds whose steps count together.
_DIMENSIONS = {
    Kind.ENERGY: "energy",
    Kind.CHARGING_TIME: "time",
    Kind.IDLE: "time",
    Kind.CONNECTED_TIME: "connected",
}


@dataclass(slots=True)
class Tally:
    """What one component has to charge for: Wh of an energy price, else seconds."""

    amount: int = 0
    evidence: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Count:
    """The session as the tariff sees it, before money.

    `last` is the component that counted last in each dimension of steps.
    """

    tallies: dict[int, Tally] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    roundings: tuple[Rounding, ...] = ()
    energy_wh: int = 0
    unpriced_wh: int = 0
    idle_s: int = 0
    idle_charged_s: int = 0
    free_s: int = 0


def count_up(tariff: Tariff, usage: Usage) -> Count:
    """Share out the session's energy and time over the components, in whole steps."""
    zone = ZoneInfo(usage.timezone)
    count = Count()
    start = first_match(tariff, Kind.START, usage.started_at.astimezone(zone), Decimal(0), 0)
    if start is not None:
        count.tallies[start] = Tally(1)
    for part in slices(tariff, usage):
        if part.energy_wh:
            _count_energy(tariff, zone, count, part)
        if part.seconds:
            _count_time(tariff, zone, count, part)
    count.roundings = tuple(_round_up(tariff, count))
    return count


def _round_up(tariff: Tariff, count: Count) -> Iterator[Rounding]:
    """Bring the total of each dimension to whole steps of the price that counted last."""
    for index in count.last.values():
        component = tariff.components[index]
        total = sum(
            tally.amount
            for each, tally in count.tallies.items()
            if tariff.components[each].kind is component.kind
        )
        missing = -total % component.step
        if missing:
            count.tallies[index].amount += missing
            yield Rounding(component.kind, index, component.step, total, total + missing)


def _match(tariff: Tariff, kind: Kind, zone: ZoneInfo, part: Slice) -> int | None:
    local = part.from_at.astimezone(zone)
    return first_match(tariff, kind, local, part.exact_wh, part.elapsed_us)


def _count_energy(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    count.energy_wh += part.energy_wh
    index = _match(tariff, Kind.ENERGY, zone, part)
    if index is None:
        count.unpriced_wh += part.energy_wh
        return
    _add(tariff, count, index, part, part.energy_wh)


def _count_time(tariff: Tariff, zone: ZoneInfo, count: Count, part: Slice) -> None:
    free = part.elapsed_us < tariff.free_minutes * MINUTE_US
    for kind, counts in ((Kind.CHARGING_TIME, part.charging), (Kind.CONNECTED_TIME, True)):
        index = _match(tariff, kind, zone, part) if counts else None
        if index is None:
            continue
        if free:
            count.free_s += part.seconds
        else:
            _add(tariff, count, index, part, part.seconds)
    if not part.idle:
        return
    count.idle_s += part.seconds
    index = _match(tariff, Kind.IDLE, zone, part)
    if index is None or part.idle_us < tariff.components[index].grace_minutes * MINUTE_US:
        return
    count.idle_charged_s += part.seconds
    _add(tariff, count, index, part, part.seconds)


def _add(tariff: Tariff, count: Count, index: int, part: Slice, amount: int) -> None:
    """Count an amount for a component, with the stretch as its evidence."""
    tally = count.tallies.setdefault(index, Tally())
    tally.amount += amount
    count.last[_DIMENSIONS[tariff.components[index].kind]] = index
    evidence = Part(
        part.from_at,
        part.to_at,
        Decimal(part.from_wh),
        Decimal(part.to_wh),
        part.from_between,
        part.to_between,
    )
    if tally.evidence and tally.evidence[-1].to_at == part.from_at:
        evidence = replace(
            evidence,
            from_at=tally.evidence[-1].from_at,
            from_wh=tally.evidence[-1].from_wh,
            from_between=tally.evidence[-1].from_between,
        )
        tally.evidence.pop()
    tally.evidence.append(evidence)
