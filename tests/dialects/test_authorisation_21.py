"""Taps over 2.1: the price of the driver's own comes with the answer (I08)."""

import pytest

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, StationMode, TagStatus
from app.models import Driver, TagGroup
from tests.dialects.energy_samples import put_tariff
from tests.support.energy import yard

__all__ = ["yard"]

CARD = {"idToken": "CARD", "type": "ISO14443"}


@pytest.fixture
def tag(db, yard, now):
    given = {"tenant_id": yard.station.tenant_id, "now": now}
    yard.station.mode = StationMode.LISTED
    group = TagGroup(name="F", parent="FLEET", tenant_id=yard.station.tenant_id, created_at=now)
    driver = Driver(name="Ada", tenant_id=yard.station.tenant_id, created_at=now)
    db.add_all([group, driver])
    db.flush()
    return tags.add(db, SYSTEM, value="CARD", driver_id=driver.id, group_id=group.id, **given)


def sent_tariff(yard):
    return yard.hear("Authorize", idToken=CARD).get("tariff")


@pytest.mark.parametrize("holder", ["driver", "group"])
def test_a_price_of_the_drivers_own_comes_with_the_answer(db, yard, tag, holder):
    number = put_tariff(db, yard.station.tenant_id)
    getattr(tag, holder).tariff_id = number
    db.flush()
    told = sent_tariff(yard)
    assert (told["tariffId"], told["currency"]) == (f"ampdesk-{number}-1", "EUR")
    assert told["energy"]["taxRates"] == [{"type": "VAT", "tax": 19.0}]
    assert "validFrom" not in told


def test_a_price_that_everyone_has_here_is_no_drivers_own(db, yard, tag):
    yard.station.tariff_id = put_tariff(db, yard.station.tenant_id)
    db.flush()
    assert sent_tariff(yard) is None


@pytest.mark.parametrize("wrong", [{"currency": "SEK"}, {"components": []}])
def test_a_price_that_the_station_cannot_use_is_not_told(db, yard, tag, wrong):
    tag.driver.tariff_id = put_tariff(db, yard.station.tenant_id, **wrong)
    db.flush()
    assert sent_tariff(yard) is None


def test_a_tag_that_is_refused_is_told_no_price(db, yard, tag):
    tag.driver.tariff_id = put_tariff(db, yard.station.tenant_id)
    tag.status = TagStatus.BLOCKED
    db.flush()
    assert sent_tariff(yard) is None
