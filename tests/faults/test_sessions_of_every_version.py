"""Whole sessions by the `ocpp` package's clients of all three versions against a running Ampdesk:
one session and one bill each, and the same total for the same energy.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, BillingState, CommandState, Order, SessionState
from app.models import Bill, ChargingSession, Command, Connector, Station, TransactionEvent
from tests.support.charge_point import ChargePoint
from tests.support.charge_point_2x import ChargePoint21, ChargePoint201
from tests.support.depot import furnish
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.wait import eventually

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.parametrize("database", SQLITE_BY_DAY),
]

PROCESSES = ("worker", "celery", "beat")
VERSIONS = (ChargePoint, ChargePoint201, ChargePoint21)
START_WH, STOP_WH = 10_000, 17_350
METERED_WH = (12_000, 15_000)
# By hand: 1.00 + 7.350 kWh x 0.40 = 3.94 with tax.
GROSS_MINOR = 394


@pytest.fixture
def depot(make_site, database):
    site = make_site(database, processes=PROCESSES)
    return site, furnish(site, station_count=len(VERSIONS))


@pytest.fixture
def chargers(depot):
    site, place = depot
    made = [
        version(site.charger_url, *station)
        for version, station in zip(VERSIONS, place.stations, strict=True)
    ]
    for charger in made:
        charger.connect()
    yield made
    for charger in made:
        charger.close()


def charge(charger, tag):
    """A session of forty minutes that ends now; return the answer to its end."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=40)
    assert charger.boot().status == "Accepted"
    charger.status("Available")
    charger.authorize(tag)
    answer = charger.start(tag, START_WH, began)
    transaction = getattr(answer, "transaction_id", None)
    for number, energy_wh in enumerate(METERED_WH, 1):
        charger.meter(transaction, energy_wh, began + timedelta(minutes=13 * number))
    return charger.stop(transaction, STOP_WH, began + timedelta(minutes=40), tag)


@pytest.mark.landing
def test_equal_energy_costs_the_same_over_every_version(depot, chargers):
    site, place = depot
    costs = [getattr(charge(charger, place.tag), "total_cost", None) for charger in chargers]
    assert costs == [None, 3.94, 3.94]

    def billed():
        with site.read() as db:
            states = db.scalars(select(ChargingSession.billing)).all()
            return states == [BillingState.BILLED] * len(VERSIONS)

    eventually(billed, what="all sessions are billed")
    with site.read() as db:
        sessions = db.scalars(select(ChargingSession).order_by(ChargingSession.station_id)).all()
        assert [session.state for session in sessions] == [SessionState.ENDED] * 3
        assert [session.energy_wh for session in sessions] == [7_350] * 3
        assert [session.stop_word for session in sessions] == ["EVDisconnected"] * 3
        bills = db.scalars(select(Bill)).all()
        assert sorted(bill.session_id for bill in bills) == [session.id for session in sessions]
        assert [bill.gross_minor for bill in bills] == [GROSS_MINOR] * 3
        assert len(db.scalars(select(TransactionEvent)).all()) == 8
        protocols = db.scalars(select(Station.protocol).order_by(Station.id)).all()
        assert protocols == ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]


@pytest.mark.parametrize("number", [pytest.param(1, marks=pytest.mark.landing), 2])
def test_a_remote_start_and_stop_over_2x(depot, chargers, number):
    site, place = depot
    charger = chargers[number]
    assert charger.boot().status == "Accepted"
    charger.status("Occupied")
    order(site, charger, Order.START_CHARGING, {"token": place.tag, "connector": 1})
    eventually(lambda: charger.asked, what="the charger is asked to start")
    action, asked = charger.asked.pop()
    assert action == "RequestStartTransaction"
    assert asked["id_token"]["id_token"] == place.tag
    now = datetime.now(UTC).replace(microsecond=0)
    charger.event(
        *("Started", "RemoteStart", now),
        about={"remote_start_id": asked["remote_start_id"], "charging_state": "Charging"},
        evse={"id": 1, "connector_id": 1},
        id_token={"id_token": place.tag, "type": "ISO14443"},
        register=(START_WH, "Transaction.Begin"),
    )
    with site.read() as db:
        session = db.scalar(select(ChargingSession))
        command = db.get(Command, session.remote_command_id)
        assert (command.order, command.session_id) == (Order.START_CHARGING, session.id)
        of_station = select(Connector).where(Connector.station_id == session.station_id)
        plug = db.scalar(of_station.where(Connector.evse == 1))
        assert plug.activity == "charging"
        numbers = {"session_id": session.id}
    order(site, charger, Order.SEND_COST, numbers)
    order(site, charger, Order.STOP_CHARGING, numbers)
    eventually(lambda: len(charger.asked) == 2, what="the charger is asked to stop")
    assert [action for action, _ in charger.asked] == ["CostUpdated", "RequestStopTransaction"]
    charger.stop(None, STOP_WH, now + timedelta(minutes=1))
    with site.read() as db:
        assert db.scalar(select(ChargingSession.state)) == SessionState.ENDED


def order(site, charger, wanted, arguments):
    """Order something as the desk does, and wait until it is accepted."""
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == charger.identity))
        now = datetime.now(UTC)
        command = commands.queue(db, SYSTEM, station, wanted, arguments, now=now, ttl_s=60)
        number = command.id

    def accepted():
        with site.read() as db:
            return db.get(Command, number).state == CommandState.ACCEPTED

    eventually(accepted, what=f"{wanted.value} is accepted")
