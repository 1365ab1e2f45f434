"""A session is priced as of when it began, whatever of it is heard first."""

from datetime import timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import tariff_book
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession
from tests.support import lone
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, charge

HEARD = BEGAN + timedelta(hours=2)


@pytest.fixture
def net(any_app):
    """A station whose kilowatt-hour costs 4.00 from half an hour after the session's begin."""
    net = network(flask_db.session())
    tariff = net.site.tariff = net.version.tariff
    driver, tenant_id = net.driver.id, net.site.tenant_id
    tags.add(net.db, SYSTEM, tenant_id, now=BEGAN, value=CARD.value, driver_id=driver)
    dear = [
        {**part, "price": "4.00"} if part["kind"] == "energy" else part
        for part in net.version.definition["components"]
    ]
    at = (BEGAN + timedelta(minutes=30)).astimezone(ZoneInfo(net.site.timezone))
    tariff_book.edit(
        net.db, SYSTEM, tariff, definition={**net.version.definition, "components": dear},
        now=BEGAN - timedelta(days=1), valid_from=at.strftime("%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    return net


@pytest.mark.parametrize("order", list(permutations((0, 3, 5))))
def test_the_price_is_that_of_the_begin(net, order):
    events = charge()
    others = [events[number] for number in (1, 2, 4)]
    for report in [*(events[number] for number in order), *others]:
        lone.take(net.db, net.station, report, now=HEARD)
    [session] = net.db.scalars(select(ChargingSession))
    assert session.tariff_version_id == net.version.id
    assert lone.settle(net.db, session.id, now=HEARD).gross_minor == 536


def test_until_the_start_is_heard_the_price_is_that_of_the_first_that_is_known(net):
    events = charge()
    for report in (events[5], events[4]):
        lone.take(net.db, net.station, report, now=HEARD)
    [session] = net.db.scalars(select(ChargingSession))
    assert session.tariff_version_id != net.version.id
    lone.take(net.db, net.station, events[1], now=HEARD)
    assert session.tariff_version_id == net.version.id
    assert net.db.scalars(select(Bill)).all() == []
