"""Test processes that are forked from one that has loaded all tests (Linux).

Each would load them, and all that they import, for itself: five seconds of a core.  pytest-xdist
has execnet start its test processes; it is given the ends of forked ones instead.
"""

import atexit
import io
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NoReturn

import pytest
from execnet import gateway_io
from hypothesis.internal.conjecture import providers


class _Modules:
    """Has modules loaded, and nothing made of what is in them."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self) -> list[Any]:
        return []


class Forked:
    """A test process; what execnet uses of `subprocess.Popen`."""

    def __init__(self, others: "list[Forked]") -> None:
        hears, self.tells = os.pipe()
        self.hears, tells = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            for one in (*others, self):  # whoever holds them would keep the others alive
                os.close(one.tells)
                os.close(one.hears)
            _serve(hears, tells)
        os.close(hears)
        os.close(tells)

    def wait(self) -> int:
        """Wait for its end."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)


def load(config: pytest.Config) -> None:
    """Import what this run's test processes will collect tests from.

    Where any of it fails all of it is forgotten: they import it themselves, and tell of it.
    """
    # A file is imported whole, whichever of its tests are asked for.
    files = [str(each).partition("::")[0] for each in config.invocation_params.args]
    known = set(sys.modules)
    with redirect_stdout(io.StringIO()):
        status = pytest.main([*files, "-n0", "--collect-only"], plugins=[_Modules()])
    if status != pytest.ExitCode.NO_TESTS_COLLECTED:
        for name in sys.modules.keys() - known:
            if name.startswith("tests."):
                _forget(name)
    providers._get_local_constants()  # which Hypothesis tries, from all of the product's modules


def _forget(name: str) -> None:
    """Have a module be imported anew, also by who takes it from its package: it would be two."""
    del sys.modules[name]
    package, _, own = name.rpartition(".")
    if package in sys.modules:
        vars(sys.modules[package]).pop(own, None)


@contextmanager
def given(number: int) -> Iterator[None]:
    """Fork so many; while the block runs, execnet gets these for those that it would start."""
    made: list[Forked] = []
    for _ in range(number):
        made.append(Forked(made))
    real = gateway_io.Popen2IOMaster

    class Given(real):
        def __init__(self, _arguments: list[str], execmodel: Any) -> None:
            self.popen = made.pop(0)
            ends = os.fdopen(self.popen.tells, "wb"), os.fdopen(self.popen.hears, "rb")
            gateway_io.Popen2IO.__init__(self, *ends, execmodel=execmodel)

    gateway_io.Popen2IOMaster = Given
    try:
        yield
    finally:
        gateway_io.Popen2IOMaster = real


def _serve(hears: int, tells: int) -> NoReturn:
    """Do what `python -c` with execnet's line does."""
    for end, number in ((hears, 0), (tells, 1)):
        os.dup2(end, number)
        os.close(end)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    status = 1
    try:
        exec(eval(sys.stdin.readline()), {})
        status = 0
    except BaseException:
        traceback.print_exc()
    warnings.simplefilter("ignore", ResourceWarning)  # as in any process that ends
    threading._shutdown()
    atexit._run_exitfuncs()
    os._exit(status)
