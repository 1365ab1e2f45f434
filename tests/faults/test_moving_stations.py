"""Stations go to and fro between two nodes at once, which never wait for each other in a circle."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text

from app.models import Connection, Station
from bench import wire
from tests.support.depot import furnish
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

STATIONS, ROUNDS, AT_ONCE = 120, 4, 40
BOOT = {"chargePointVendor": "A", "chargePointModel": "One"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def comes_again(site, station):
    """Each time over a new connection, before the one before has ended; return the last one."""
    port, last = site.settings.ocpp_port, None
    for turn in range(ROUNDS):
        sock = wire.connect(port, *station, "ocpp1.6")
        for action, payload in (("BootNotification", BOOT), ("StatusNotification", STATUS)):
            wire.ask(sock, [2, f"{turn}{action}", action, payload])
        if last is not None:
            last.close()
        last = sock
    return last


@pytest.mark.nightly
def test_hundreds_of_moves_between_two_nodes_end_in_no_circle(make_site):
    site = make_site("postgresql", processes=("worker", "worker2"), ocpp_processes=2)
    stations = furnish(site, STATIONS).stations
    with ThreadPoolExecutor(AT_ONCE) as pool:
        open_ = list(pool.map(lambda station: comes_again(site, station), stations))

    def true():
        with site.read() as db:
            still = select(Connection.id).where(Connection.closed_at.is_(None))
            named = select(Station.connection_id).where(Station.connection_id.is_not(None))
            assert set(db.scalars(still)) == set(db.scalars(named))
            nodes = db.scalar(select(func.count(Connection.node.distinct())))
            return len(db.scalars(named).all()) == STATIONS and nodes == 2

    eventually(true, what="each has one connection")
    with site.read() as db:
        circles = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert db.scalar(circles) == 0
    for name in ("worker", "worker2"):
        assert not site.processes[name].said("deadlock")
    for sock in open_:
        sock.close()
