"""A machine whose clock is off: the database's clock counts, and nothing ends before its time."""

import json
import shlex
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import libfaketime
import pytest
from sqlalchemy import func, select

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.domain.network import presence
from app.domain.office.housekeeping import SWEEP
from app.models import Command, Connection, Station, SystemMark, WorkerNode
from tests.dialects.replay import Stage
from tests.support import sockets
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

FAKER = next(Path(libfaketime.__file__).parent.rglob("libfaketime.so.1"))
OFF = {"+30s": 30, "-30s": -30, "+2h": 7200, "-2h": -7200, "-1d": -86400}


def clocks(*by_day):
    """Every clock, those that are not named by night."""
    return [pytest.param(off, marks=() if off in by_day else pytest.mark.nightly) for off in OFF]


def with_clock(off, *names):
    """Start processes of these names with a clock that is off by so much."""
    settings = [f"LD_PRELOAD={FAKER}", "DONT_FAKE_MONOTONIC=1", f"FAKETIME={off}"]

    def launch(name, command):
        # A process of its own: what is forked has read its clock's settings before.
        line = shlex.join(["exec", "env", *settings, *command])
        return ["sh", "-c", line] if name in names else command

    return launch


def health(site):
    port = site.settings.ocpp_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
        return json.load(answer)


def is_now(text):
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(seconds=10)
    return True


@pytest.mark.landing
@pytest.mark.parametrize("off", clocks("+2h"))
def test_a_worker_whose_clock_is_off_serves_like_any_other(make_site, off):
    site = make_site(
        "postgresql",
        processes=("worker", "worker2"),
        ocpp_processes=2,
        launch=with_clock(off, "worker2"),
    )
    eventually(lambda: len(health(site)["workers"]) == 2, what="both live")
    said = eventually(lambda: health(site).get("clock_ahead_s"), what="it says so")
    assert said == pytest.approx(OFF[off], abs=1)

    def on(wrong):
        """A station that the worker with the wrong clock holds, or the one with the right one."""

        def taken():
            stage = Stage(site)
            stage.set_up()
            boot = {"chargePointVendor": "A", "chargePointModel": "One"}
            stage.play([{"send": [2, "b", "BootNotification", boot]}])
            assert is_now(json.loads(stage.socket.recv(timeout=30))[2]["currentTime"])
            pid = site.processes["worker2" if wrong else "worker"].process.pid
            with site.read() as db:
                mine = select(Connection.node).join(Station, Station.connection_id == Connection.id)
                node = db.scalar(mine.where(Station.identity == stage.identity))
            if f"-{pid}-" in node:
                return stage
            stage.close()
            return None

        return eventually(taken, what="the worker takes it")

    stages = [on(wrong=True), on(wrong=False)]
    with site.read() as db:
        beaten = db.scalar(select(func.max(WorkerNode.beat_at)))

    def both_beat():
        with site.read() as db:
            return db.scalar(select(func.min(WorkerNode.beat_at))) > beaten

    eventually(both_beat)
    for stage in stages:
        stage.socket.send(json.dumps([2, "h", "Heartbeat", {}]))
        assert is_now(json.loads(stage.socket.recv(timeout=30))[2]["currentTime"])
        with site.work() as db:
            station = db.scalar(select(Station).where(Station.identity == stage.identity))
            assert presence.is_connected(db, station, datetime.now(UTC))
            wish = (SYSTEM, station, Order.CLEAR_CACHE, {})
            number = commands.queue(db, *wish, now=datetime.now(UTC), ttl_s=30).id
        _, message_id, action, _ = json.loads(stage.socket.recv(timeout=30))
        assert action == "ClearCache"
        stage.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))

        def accepted(number=number):
            with site.read() as db:
                return db.get(Command, number).state is CommandState.ACCEPTED

        eventually(accepted)
        stage.close()


# One that is behind thinks of nothing that its time has come.
@pytest.mark.landing
@pytest.mark.parametrize("off", clocks("+2h"))
def test_a_sweep_whose_clock_is_off_ends_nothing_before_its_time(make_site, off):
    site = make_site("postgresql", processes=("celery", "beat"), launch=with_clock(off, "celery"))
    now = datetime.now(UTC)
    with site.work() as db:
        station = sockets.online_station(db, now=now)
        sockets.witness(db, since=now - timedelta(hours=1), now=now)
        number = commands.queue(db, SYSTEM, station, Order.CLEAR_CACHE, {}, now=now, ttl_s=300).id

    def swept():
        with site.read() as db:
            mark = db.get(SystemMark, SWEEP)
            return mark is not None and mark.at > now

    eventually(swept, what="a sweep")
    with site.read() as db:
        mark = db.get(SystemMark, SWEEP)
        assert is_now(mark.at.isoformat())
        assert db.get(Command, number).state is CommandState.QUEUED
        assert db.scalar(select(func.count(Connection.id)).where(Connection.closed_at.is_(None)))
