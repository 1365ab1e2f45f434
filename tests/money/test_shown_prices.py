"""Stations that count themselves (2.1) are given the price of now."""

from datetime import timedelta

import pytest

from app.domain.commands import commands
from app.domain.ground.vocabulary import Order
from app.domain.money import shown_prices
from app.domain.network import presence
from app.extensions import db as flask_db
from app.models import StationTariff, TariffVersion
from app.process.clock import utc_now
from app.tasks import sweeps
from tests.conftest import NOW
from tests.dialects.energy_samples import put_tariff
from tests.support.energy import Yard, yard_on

HOUR = timedelta(hours=1)
DEARER = {
    "schema": 1, "currency": "EUR", "components": [{"kind": "energy", "price": "0.90"}]
}  # fmt: skip


@pytest.fixture
def yard(any_app):
    return yard_on(flask_db.session(), NOW)


def hold(yard: Yard, **given) -> StationTariff:
    command = yard.order(
        Order.SET_DEFAULT_TARIFF, tariff_id=put_tariff(yard.db, yard.station.tenant_id), **given
    )
    yard.answer(command)
    return yard.db.query(StationTariff).one()


def write(yard: Yard, row: StationTariff, **dates) -> TariffVersion:
    """Write another version of its tariff an hour later."""
    first = yard.db.get_one(TariffVersion, row.tariff_version_id)
    version = TariffVersion(
        tariff_id=first.tariff_id, number=2, definition=DEARER, created_at=NOW + HOUR, **dates
    )
    yard.db.add(version)
    yard.db.flush()
    return version


def outdated(yard: Yard, moment) -> list[int]:
    """Go on to a moment, the station still connected, and look for what it shows wrongly."""
    yard.now = moment
    presence.beat(yard.db, "worker-a", now=moment)
    yard.db.flush()
    return shown_prices.outdated(yard.db, now=moment)


def test_a_station_gets_the_new_version_of_its_default_tariff(yard):
    row = hold(yard, connector=1)
    version = write(yard, row)
    assert outdated(yard, NOW + HOUR) == [row.id]
    command = shown_prices.set_again(yard.db, row.id, now=yard.now)
    assert command.arguments["connector"] == 1
    assert command.arguments["document"] == DEARER
    assert not outdated(yard, NOW + HOUR)
    yard.answer(command)
    assert row.state == "cleared"
    again = yard.db.query(StationTariff).filter_by(state="accepted").one()
    assert (again.tariff_version_id, again.evse) == (version.id, 1)
    assert not outdated(yard, NOW + 2 * HOUR)


def test_a_version_with_dates_comes_and_goes_by_the_clock_of_the_site(yard):
    row = hold(yard)
    write(yard, row, valid_from="2026-04-01T00:00", valid_until="2026-04-02T00:00")
    april = NOW.replace(month=3, day=31, hour=22)  # midnight in Berlin
    assert not outdated(yard, april - HOUR)
    assert outdated(yard, april) == [row.id]
    yard.answer(shown_prices.set_again(yard.db, row.id, now=april))
    later = april + timedelta(days=1)
    assert not outdated(yard, later - HOUR)
    [number] = outdated(yard, later)
    yard.answer(shown_prices.set_again(yard.db, number, now=later))
    assert not outdated(yard, later + HOUR)


def test_a_station_that_refused_the_new_price_is_asked_again_a_day_later(yard):
    row = hold(yard)
    write(yard, row)
    outdated(yard, NOW + HOUR)
    yard.answer(shown_prices.set_again(yard.db, row.id, now=yard.now), "Rejected")
    assert not outdated(yard, NOW + 2 * HOUR)
    assert outdated(yard, NOW + 26 * HOUR) == [row.id]


def test_one_that_was_not_sent_in_time_is_sent_again(yard):
    row = hold(yard)
    write(yard, row)
    outdated(yard, NOW + HOUR)
    shown_prices.set_again(yard.db, row.id, now=yard.now)
    assert not outdated(yard, NOW + 2 * HOUR)
    commands.expire_overdue(yard.db, yard.now)
    assert outdated(yard, yard.now) == [row.id]


@pytest.mark.parametrize("place", [0, 1])
def test_what_an_operator_sets_or_clears_meanwhile_is_not_written_over(yard, place):
    row = hold(yard, connector=1)
    version = write(yard, row)
    assert outdated(yard, NOW + HOUR) == [row.id]
    yard.order(Order.SET_DEFAULT_TARIFF, tariff_id=version.tariff_id, connector=place)
    assert not outdated(yard, NOW + HOUR)


def test_what_is_being_cleared_stays_cleared(yard):
    row = hold(yard)
    write(yard, row)
    assert outdated(yard, NOW + HOUR) == [row.id]
    yard.order(Order.CLEAR_TARIFFS)
    assert not outdated(yard, NOW + HOUR)


def test_one_that_is_away_or_cannot_count_the_new_price_is_asked_nothing(yard):
    row = hold(yard)
    version = write(yard, row)
    assert shown_prices.set_again(yard.db, row.id, now=NOW + HOUR) is None
    version.definition = {
        **DEARER, "components": [{"kind": "connected_time", "price": "1"}]
    }  # fmt: skip
    assert not outdated(yard, NOW + HOUR)
    version.definition = DEARER
    assert outdated(yard, NOW + HOUR) == [row.id]
    yard.station.connection_id = None
    assert not outdated(yard, NOW + HOUR)


def test_the_sweep_looks_for_them(yard):
    row = hold(yard)
    write(yard, row)
    presence.beat(yard.db, "worker-a", now=utc_now())
    yard.db.commit()
    sweeps.sweep()
    command = yard.ordered(Order.SET_DEFAULT_TARIFF)
    assert command.id > row.command_id
    assert command.arguments["document"] == DEARER
