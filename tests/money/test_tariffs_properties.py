"""What holds for every price."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.money.tariffs import (
    NO_SHOW_KINDS,
    Component,
    Kind,
    Restriction,
    Tariff,
    TaxMode,
    Usage,
    exponent,
    from_json,
    price,
    say,
    to_json,
    to_minor,
)
from app.domain.money.tariffs.tariff import ONCE
from tests.support.chance import tries

money = st.decimals(0, 100, places=4)
minutes_of_day = st.integers(0, 1439)
percents = st.sampled_from([Decimal(0), Decimal(7), Decimal("8.1"), Decimal(19)])
EPOCH = datetime(2026, 3, 27, 12, tzinfo=UTC)


@st.composite
def restrictions(draw: st.DrawFn, kind: Kind) -> Restriction:
    start, until = draw(minutes_of_day), draw(minutes_of_day)
    timed = draw(st.booleans()) and start != until
    stepped = kind not in ONCE and draw(st.booleans())
    metered = stepped and kind not in NO_SHOW_KINDS
    low = draw(st.integers(0, 20))
    return Restriction(
        from_minute=start if timed else None,
        until_minute=(until or 1440) if timed else None,
        weekdays=draw(st.frozensets(st.integers(0, 6), max_size=3)),
        energy_from_kwh=Decimal(low) if metered else None,
        energy_to_kwh=Decimal(low + 5) if metered and draw(st.booleans()) else None,
        duration_from_min=draw(st.none() | st.integers(0, 200)) if stepped else None,
    )


@st.composite
def components(draw: st.DrawFn) -> Component:
    kind = draw(st.sampled_from(list(Kind)))
    return Component(
        kind,
        draw(money),
        name=draw(st.sampled_from(["", "night rate"])),
        when=draw(restrictions(kind)),
        tax_percent=draw(st.none() | percents),
        grace_minutes=draw(st.integers(0, 60)) if kind is Kind.IDLE else 0,
        step=draw(st.sampled_from([1, 1, 60, 900])) if kind not in ONCE else 1,
    )


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    low, high = sorted([draw(st.integers(0, 30)), draw(st.integers(0, 300))])
    return Tariff(
        draw(st.sampled_from(["EUR", "JPY", "KWD"])),
        tuple(draw(st.lists(components(), max_size=6))),
        draw(st.sampled_from(list(TaxMode))),
        draw(percents),
        Decimal(low) if draw(st.booleans()) else None,
        Decimal(high) if draw(st.booleans()) else None,
        draw(st.integers(0, 90)),
    )


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    start = EPOCH + timedelta(seconds=draw(st.integers(0, 10**7)))
    length = draw(st.integers(0, 200_000))
    rises = draw(st.lists(st.tuples(st.integers(0, length), st.integers(0, 9999)), max_size=8))
    curve, level = [(start, Decimal(0))], 0
    for after, rise in sorted(rises):
        level += rise
        curve.append((start + timedelta(seconds=after), Decimal(level)))
    full = start + timedelta(seconds=draw(st.integers(0, length)))
    end = start + timedelta(seconds=length)
    return Usage(
        start,
        end,
        draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])),
        tuple(curve),
        charging=((start, full),),
        idle=((full, end),),
    )


@given(tariffs(), usages())
@settings(max_examples=tries(120), deadline=None)
def test_lines_add_up_and_nothing_is_negative(tariff: Tariff, usage: Usage):
    quote = price(tariff, usage)
    for line in quote.lines:
        assert line.net_minor + line.tax_minor == line.gross_minor
        assert line.gross_minor >= 0 or line.kind == "maximum"
    for name in ("net_minor", "tax_minor", "gross_minor"):
        total = getattr(quote, name)
        assert total == sum(getattr(line, name) for line in quote.lines) >= 0
        assert total == sum(getattr(tax, name) for tax in quote.taxes)


@given(tariffs(), usages())
@settings(max_examples=tries(80), deadline=None)
def test_the_sum_stays_between_minimum_and_maximum(tariff: Tariff, usage: Usage):
    quote = price(tariff, usage)
    amount = sum(line.amount_minor for line in quote.lines)
    if tariff.maximum is not None:
        assert amount <= to_minor(tariff.maximum, tariff.currency)
    if tariff.minimum is not None and quote.energy_wh > 0:
        assert amount >= to_minor(tariff.minimum, tariff.currency)


@given(tariffs(), usages())
@settings(max_examples=tries(80), deadline=None)
def test_all_energy_is_priced_once_or_said_to_be_free(tariff: Tariff, usage: Usage):
    quote = price(replace(tariff, components=_whole_steps(tariff)), usage)
    priced = sum((line.quantity * 1000 for line in quote.lines if line.unit == "kWh"), Decimal(0))
    free = [facts["kwh"] for key, facts in quote.explanation if key == "why.unpriced"]
    whole = usage.curve[-1][1]
    assert quote.energy_wh == whole
    assert priced + sum((Decimal(str(kwh)) * 1000 for kwh in free), Decimal(0)) == whole


@given(tariffs(), usages())
@settings(max_examples=tries(120), deadline=None)
def test_when_a_car_charged_matters_only_to_a_price_that_says_so(tariff: Tariff, usage: Usage):
    kinds = (Kind.START, Kind.ENERGY, Kind.CONNECTED_TIME)
    tariff = replace(tariff, components=tuple(c for c in tariff.components if c.kind in kinds))
    assert not tariff.by_flow
    whole, bare = price(tariff, usage), price(tariff, replace(usage, charging=(), idle=()))
    assert bare.taxes == whole.taxes
    assert [line.amount_minor for line in bare.lines] == [line.amount_minor for line in whole.lines]


@given(usages(), st.integers(1, 1439))
@settings(max_examples=tries(80), deadline=None)
def test_the_sum_of_the_parts_is_the_whole(usage: Usage, minute: int):
    """A price that is the same on both sides of a boundary gives the same quantities."""
    early, late = Restriction(0, minute), Restriction(minute, 1440)
    kinds = (Kind.ENERGY, Kind.CONNECTED_TIME, Kind.CHARGING_TIME, Kind.IDLE)
    whole = Tariff("EUR", tuple(Component(kind, Decimal(1)) for kind in kinds))
    cut = Tariff(
        "EUR", tuple(Component(kind, Decimal(1), when=w) for kind in kinds for w in (early, late))
    )
    assert _measured(cut, usage) == _measured(whole, usage)


@given(tariffs(), usages(), st.integers(0, 5))
@settings(max_examples=tries(80), deadline=None)
def test_components_of_different_kinds_may_stand_in_any_order(
    tariff: Tariff, usage: Usage, turn: int
):
    grouped = {kind: [c for c in tariff.components if c.kind is kind] for kind in Kind}
    kinds = list(Kind)[turn:] + list(Kind)[:turn]
    turned = replace(tariff, components=tuple(c for kind in kinds for c in grouped[kind]))
    assert price(turned, usage).gross_minor == price(tariff, usage).gross_minor


@given(tariffs(), usages(), st.integers(1, 9999))
@settings(max_examples=tries(80), deadline=None)
def test_more_energy_never_costs_less(tariff: Tariff, usage: Usage, more: int):
    """With one tax rate: a cap that moves between rates may round a unit of tax away."""
    one_rate = replace(
        tariff, components=tuple(replace(c, tax_percent=None) for c in tariff.components)
    )
    last_at, last_wh = usage.curve[-1]
    longer = replace(usage, curve=(*usage.curve[:-1], (last_at, last_wh + more)))
    flat = replace(one_rate, components=tuple(_unstepped(c) for c in one_rate.components))
    assert price(flat, longer).gross_minor >= price(flat, usage).gross_minor


@given(tariffs(), usages())
@settings(max_examples=tries(100), deadline=None)
def test_every_phrase_can_be_said(tariff: Tariff, usage: Usage):
    quote = price(tariff, usage)
    for phrase in (*quote.explanation, *(line.label for line in quote.lines)):
        assert "%" not in say(phrase)


@st.composite
def no_shows(draw: st.DrawFn) -> Usage:
    start = EPOCH + timedelta(seconds=draw(st.integers(0, 10**7)))
    end = start + timedelta(seconds=draw(st.integers(0, 200_000)))
    return Usage(start, end, draw(st.sampled_from(["Europe/Berlin", "UTC"])), no_show=True)


@given(tariffs(), no_shows())
@settings(max_examples=tries(120), deadline=None)
def test_an_unused_reservation_costs_its_own_prices_and_nothing_else(tariff: Tariff, usage: Usage):
    quote = price(tariff, usage)
    own = tuple(c for c in tariff.components if c.kind in NO_SHOW_KINDS)
    assert {line.kind for line in quote.lines} <= {*NO_SHOW_KINDS, "maximum"}
    alone = replace(tariff, components=own, minimum=None, free_minutes=0)
    assert price(alone, usage).gross_minor == quote.gross_minor
    assert len([line for line in quote.lines if line.kind == Kind.NO_SHOW]) <= 1
    for phrase in (*quote.explanation, *(line.label for line in quote.lines)):
        assert "%" not in say(phrase)
    for line in quote.lines:
        assert line.net_minor + line.tax_minor == line.gross_minor
    assert quote.gross_minor == sum(line.gross_minor for line in quote.lines) >= 0
    if tariff.maximum is not None:
        amount = sum(line.amount_minor for line in quote.lines)
        assert amount <= to_minor(tariff.maximum, tariff.currency)


@given(st.integers(0, 200_000), money, money)
@settings(max_examples=tries(80), deadline=None)
def test_a_fee_per_reserved_minute_counts_every_second_once(seconds: int, fee, minute):
    ends = EPOCH + timedelta(seconds=seconds)
    tariff = Tariff("EUR", (Component(Kind.NO_SHOW, fee), Component(Kind.NO_SHOW_TIME, minute)))
    quote = price(tariff, Usage(EPOCH, ends, "UTC", no_show=True))
    whole = to_minor(fee, "EUR") + to_minor(minute * seconds / 60, "EUR")
    assert quote.gross_minor == whole


@given(tariffs(), usages())
@settings(max_examples=tries(80), deadline=None)
def test_a_session_never_costs_what_an_unused_reservation_does(tariff: Tariff, usage: Usage):
    others = tuple(c for c in tariff.components if c.kind not in NO_SHOW_KINDS)
    bare = replace(tariff, components=others)
    assert price(bare, usage).gross_minor == price(tariff, usage).gross_minor


@given(tariffs())
@settings(max_examples=tries(80), deadline=None)
def test_a_stored_tariff_comes_back_the_same(tariff: Tariff):
    assert from_json(to_json(tariff)) == tariff
    assert exponent(tariff.currency) in (0, 2, 3)


def _measured(tariff: Tariff, usage: Usage) -> dict[str, int]:
    """Wh or seconds per kind, before money."""
    found: dict[str, int] = {}
    for line in price(tariff, usage).lines:
        scale = 1000 if line.unit == "kWh" else 60
        amount = line.quantity * scale
        found[line.kind] = found.get(line.kind, 0) + int(amount.to_integral_value())
    return found


def _whole_steps(tariff: Tariff) -> tuple[Component, ...]:
    return tuple(replace(component, step=1) for component in tariff.components)


def _unstepped(component: Component) -> Component:
    """Without steps of energy: beyond one, energy may well be cheaper and time free."""
    when = replace(component.when, energy_from_kwh=None, energy_to_kwh=None)
    return replace(component, when=replace(when, from_minute=None, until_minute=None))


@given(tariffs(), usages())
@settings(max_examples=tries(150), deadline=None)
def test_a_price_by_totals_does_not_ask_when_the_energy_flowed(tariff: Tariff, usage: Usage):
    tariff = replace(tariff, components=tuple(filter(_by_totals, tariff.components)))
    assert tariff.by_totals
    ends = (usage.curve[0], (usage.ended_at, usage.curve[-1][1]))
    evenly = replace(usage, curve=ends, charging=(), idle=())
    assert price(tariff, evenly).gross_minor == price(tariff, usage).gross_minor


def _by_totals(component: Component) -> bool:
    return Tariff("EUR", (component,)).by_totals
