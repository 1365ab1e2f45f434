"""One order to several real chargers of other people's making, paced by their answers."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.commands import broadcasts
from app.domain.ground.vocabulary import SYSTEM, BroadcastState, CommandState, Order
from app.models import Broadcast, BroadcastTarget, Command, Station
from tests.support.charge_point import ChargePoint
from tests.support.depot import furnish
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

CHARGERS = 6


@pytest.fixture(scope="module")
def site(make_shared_site):
    return make_shared_site(processes=("worker", "celery"))


@pytest.fixture(scope="module")
def depot(site):
    return furnish(site, CHARGERS + 1)


@pytest.fixture(scope="module")
def fleet(site, depot):
    """All chargers of the depot but one are connected and have booted."""
    made = [
        ChargePoint(site.charger_url, identity, password)
        for identity, password in depot.stations[:CHARGERS]
    ]
    for charger in made:
        charger.connect()
        charger.boot()
    yield made
    for charger in made:
        charger.close()


def begin(site, order=Order.UNLOCK, arguments=None, **given):
    with site.work() as db:
        stations = db.scalars(select(Station).order_by(Station.id)).all()
        return broadcasts.start(
            *(db, SYSTEM, stations[0].tenant_id, [station.id for station in stations]),
            order,
            {"connector": 1} if arguments is None else arguments,
            now=datetime.now(UTC),
            ttl_s=30,
            **given,
        ).id


def ended(site, number):
    def settled():
        with site.read() as db:
            broadcast = db.get(Broadcast, number)
            count = broadcasts.tally(db, broadcast)
            if broadcast.state is BroadcastState.RUNNING or count["under_way"]:
                return None
            return broadcast.state, dict(count)

    return eventually(settled, what="the broadcast ends")


def test_every_charger_is_asked_once_and_has_its_own_result(site, fleet):
    number = begin(site, at_once=2)
    assert ended(site, number) == (BroadcastState.DONE, {"accepted": CHARGERS, "skipped": 1})
    for charger in fleet:
        assert charger.asked.count(("UnlockConnector", {"connector_id": 1})) == 1
    with site.read() as db:
        query = select(Command).join(BroadcastTarget, BroadcastTarget.command_id == Command.id)
        rows = db.scalars(query.where(BroadcastTarget.broadcast_id == number)).all()
        assert {row.state for row in rows} == {CommandState.ACCEPTED}
        assert all(row.latency_ms is not None for row in rows)


def test_what_they_do_not_know_stops_it_early(site, fleet):
    number = begin(site, Order.CLEAR_CACHE, {}, at_once=2, stop_percent=20)
    state, count = ended(site, number)
    assert state is BroadcastState.STOPPED
    assert count["unsupported"] >= 2
    assert count["cancelled"] >= 1


def test_the_command_line_waits_for_all_of_them(site, fleet):
    done = site.flask("broadcast", "start", "unlock", "connector=1", "--at-once", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("accepted") == CHARGERS
    assert "Unlock connector 1: done." in done.stderr
