"""A worker that keeps its chargers waiting says so, and people see it."""

from datetime import timedelta

import gevent
import pytest

from app.domain.network import presence
from app.models import WorkerNode
from app.queries.office import attention
from tests.support.charging import network
from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually
from worker.pace import Lag


@pytest.fixture
def tenant_id(db):
    return network(db).station.tenant_id


def kinds(db, tenant_id, now):
    return [one.kind for one in attention.findings(db, tenant_id=tenant_id, now=now)]


def test_a_late_loop_is_a_finding_and_goes_by_itself(db, now, tenant_id):
    presence.beat(db, "one", now=now, lag_ms=312)
    presence.beat(db, "two", now=now, lag_ms=40)
    later = now + timedelta(seconds=5)
    presence.beat(db, "one", now=later, lag_ms=3)
    assert db.get(WorkerNode, "one").lag_ms == 3
    [finding] = [
        one
        for one in attention.findings(db, tenant_id=tenant_id, now=later)
        if one.kind == "worker_slow"
    ]
    assert (finding.since, finding.facts["worker"].slow_ms) == (now, 312)
    much_later = now + presence.SLOW_SHOWN
    presence.beat(db, "one", now=much_later, lag_ms=3)
    assert "worker_slow" not in kinds(db, tenant_id, much_later)


def test_a_worker_that_is_gone_is_not_slow(db, now, tenant_id):
    presence.beat(db, "one", now=now, lag_ms=900)
    assert "worker_slow" not in kinds(db, tenant_id, now + presence.ALIVE)


def test_the_worst_is_told_once_and_the_log_names_the_work(caplog):
    lag = Lag()
    lag.note("MeterValues of CP-1", 0.29)
    lag.note("Heartbeat of CP-2", 0.01)
    lag.seen(0.3)
    lag.seen(0.02)
    assert lag.taken_worst_s() == 0.3
    assert lag.taken_worst_s() == 0.0
    assert "MeterValues of CP-1" in caplog.text


def count_without_a_pause(lag):
    """Hold the loop until the thread beside it has looked; what was said before is long ago."""
    lag._said_at, lag._held_by = 0.0, ""
    while not lag._held_by:
        pass


def test_what_nobody_noted_is_found_by_looking_at_what_runs(caplog):
    lag = Lag()
    with OcppPort() as port:
        watch = port.within(lambda: gevent.spawn(lag.watch))
        port.within(lambda: count_without_a_pause(lag))
        eventually(lambda: "count_without_a_pause" in caplog.text, what="it is told")
        port.within(watch.kill)
    assert "all chargers waited" in caplog.text
    assert "tests/office/test_worker_lag.py" in caplog.text
