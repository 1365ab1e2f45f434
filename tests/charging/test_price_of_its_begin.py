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
from tests.support.dialogue import Dialogue
from tests.support.transactions import BEGAN, CARD, charge
from worker.ocpp.versions import Version

HEARD = BEGAN + timedelta(hours=2)


@pytest.fixture
def net(any_app):
    """A station whose kilowatt-hour costs 4.00 from half an hour after the session's begin."""
    net = network(flask_db.session())
    net.site.tariff = net.version.tariff
    driver, tenant_id = net.driver.id, net.site.tenant_id
    tags.add(net.db, SYSTEM, tenant_id, now=BEGAN, value=CARD.value, driver_id=driver)
    raise_price(net, BEGAN + timedelta(minutes=30))
    return net


def raise_price(net, at):
    """Have the kilowatt-hour of the network's tariff cost 4.00 from a time on."""
    dear = [
        {**part, "price": "4.00"} if part["kind"] == "energy" else part
        for part in net.version.definition["components"]
    ]
    net.version.created_at = at - timedelta(days=2)
    local = at.astimezone(ZoneInfo(net.site.timezone)).strftime("%Y-%m-%dT%H:%M")
    tariff_book.edit(
        *(net.db, SYSTEM, net.version.tariff), now=at - timedelta(days=1),
        definition={**net.version.definition, "components": dear}, valid_from=local,
    )  # fmt: skip


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


def test_who_pays_by_which_tariff_stays_as_it_was_when_the_first_of_it_was_heard(net):
    events = charge()
    for report in (events[5], events[4]):
        lone.take(net.db, net.station, report, now=HEARD)
    net.site.tariff = None
    net.db.commit()
    lone.take(net.db, net.station, events[1], now=HEARD)
    [session] = net.db.scalars(select(ChargingSession))
    assert session.tariff_version_id == net.version.id
    assert f"version {net.version.number} applies" in session.tariff_why


def test_a_start_of_a_slow_clock_is_priced_by_the_true_time_once_that_is_known(any_app, now):
    net = network(flask_db.session())
    station = Dialogue(net.db, now, Version.V16)
    station.station.site.tariff = net.version.tariff
    raise_price(net, now - timedelta(hours=2, minutes=30))

    def says(action, slow_h=3, **told):
        told["timestamp"] = (station.now - timedelta(hours=slow_h)).isoformat()
        return station.says(action, told)

    start = {"connectorId": 1, "idTag": "T", "meterStart": 1000}
    number = says("StartTransaction", **start)["transactionId"]
    session = net.db.get_one(ChargingSession, number)
    assert session.tariff_version_id == net.version.id
    for _ in range(2):
        station.later(minutes=5)
        says("StatusNotification", connectorId=1, status="Charging", errorCode="NoError")
    station.later(minutes=20)
    says("StopTransaction", 0, transactionId=number, meterStop=6000)
    assert session.started_at == now
    assert session.tariff_version_id != net.version.id
