"""A kept program comes back after a crash, ends when told, and never outlives its keeper."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from deploy.keep import ending_with
from deploy.processes import ROOT
from deploy.run import Output
from tests.support.wait import eventually

KEEPER = [sys.executable, "-m", "deploy.keep"]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


@pytest.fixture
def keep():
    started = []

    def start(*command, patience=8, **environment):
        keeper = subprocess.Popen(
            [*KEEPER, "--patience", str(patience), "it", "--", *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(keeper)
        return keeper

    yield start
    for keeper in started:
        keeper.kill()
        keeper.communicate()


def child_of(keeper):
    def found():
        children = psutil.Process(keeper.pid).children()
        return children and children[0]

    return eventually(found, what="a child")


def gone(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_program_is_started_again(keep):
    keeper = keep(*SLEEPER)
    first = child_of(keeper)
    first.kill()
    eventually(lambda: child_of(keeper).pid != first.pid)


def test_wrong_settings_are_final(keep):
    assert keep(sys.executable, "-c", "raise SystemExit(2)").wait(20) == 2


def test_a_program_that_is_done_is_not_started_again(keep):
    assert keep(sys.executable, "-c", "").wait(20) == 0


def test_it_ends_when_told(keep):
    keeper = keep(*SLEEPER)
    child = child_of(keeper)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(20) == 0
    assert gone(child)


def test_who_does_not_end_in_its_time_is_killed(keep):
    keeper = keep(sys.executable, "-c", DEAF, patience=0.2)
    assert keeper.stdout.readline() == "deaf\n"
    child = child_of(keeper)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(20) == 0
    assert gone(child)
    assert "it did not end within 0.2 s" in keeper.stdout.read()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_a_program_does_not_outlive_a_killed_keeper(keep):
    keeper = keep(*SLEEPER)
    child = child_of(keeper)
    keeper.kill()
    eventually(lambda: gone(child))


def test_a_program_whose_keeper_died_while_it_was_started_does_not_begin():
    other = os.getppid()  # as the keeper's number is for one that was handed on
    assert subprocess.Popen(SLEEPER, preexec_fn=ending_with(other)).wait() == 1


def test_a_keeper_does_not_outlive_a_killed_supervisor(keep):
    supervisor = subprocess.Popen(SLEEPER)
    keeper = keep(*SLEEPER, KEEPER_SUPERVISOR=str(supervisor.pid))
    child = child_of(keeper)
    supervisor.kill()
    supervisor.wait()
    assert keeper.wait(20) == 0
    assert gone(child)


def test_a_supervisor_whose_output_nobody_reads_goes_on():
    read, write = os.pipe()
    out = Output(write)
    out.write("worker | chargers connect\n")
    assert os.read(read, 100) == b"worker | chargers connect\n"
    os.close(read)
    out.write("system | sending SIGTERM to beat\n")
    os.close(write)
    assert not out.isatty()
