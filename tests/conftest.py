"""Fixtures that every test may use: an application on a fresh, migrated database.

`app` runs on SQLite; `database` of tests/support/fixtures.py names both kinds in turn.
"""

import gc
import logging
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from app.domain.office import staff
from app.extensions import db as flask_db
from app.process import clock
from tests.support import apps, forked_tests, forks, prepared
from tests.support.audited import Watch

# A slow machine is no finding: no test here asserts a time.
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("patient")

pytest_plugins = [
    *("tests.support.fixtures", "tests.support.network", "tests.support.charging"),
    *("tests.support.stations", "tests.support.desk", "tests.support.receipts"),
]

# Each sign-in of a test would take 60 ms of a core; test_passwords.py holds the product to them.
staff.PASSWORD_METHOD = "scrypt:1024:8:1"
staff._NOBODY = staff.stretched("nobody's")

ROOT = Path(__file__).parent.parent
#: The room whose few tests look at every page.
LONGEST = "security"
#: The instant at which most tests play.
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class ByRoom(LoadFileScheduling):
    """A room is one process's: its tests ask for the same statements and pages, made once for all.

    So are those that need a browser: to start one is dear.  A file that starts programs is by
    itself: beside it, not after it, run others that wait.  Few rooms go by their files.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        room = _room(file)
        alone = _starts_programs(file) or (self._few_rooms and room != "tests/browser")
        return file if alone else room

    def remove_node(self, node: WorkerController) -> str | None:
        """Try a test in which its process ended no second time: the rest of its room runs."""
        units = self.assigned_work[node].values()
        left = ((unit, name) for unit in units for name, done in unit.items() if not done)
        if (found := next(left, None)) is None:
            return super().remove_node(node)
        unit, ended = found
        unit[ended] = True
        super().remove_node(node)
        return ended

    @cached_property
    def _few_rooms(self) -> bool:
        return len({_room(nodeid) for nodeid in self.collection or ()}) < 2 * self.numnodes


def _room(file: str) -> str:
    return file.partition("::")[0].rpartition("/")[0]


@cache
def _starts_programs(file: str) -> bool:
    return "mark.processes" in (ROOT / file).read_text("utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByRoom | None:
    """Have `--dist loadfile` deal tests out as `ByRoom` says."""
    return ByRoom(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> Iterator[object]:
    """Load all tests once for all test processes, where they are started here (`-n 4`)."""
    started = (session.config.getoption("tx", None) or []).count("popen")
    if not started or not forks.POSSIBLE:
        return (yield)
    forked_tests.load(session.config)
    with forked_tests.given(started):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that start processes or a browser: the short ones fill up the end.

    First whose time-outs are longest, of the tests that run; of these by their names, not folders,
    so that those that wait run beside those that reckon.  Then the rooms, the longest first.
    """
    slow: dict[Path, int] = {}
    rooms = Counter(item.path.parent for item in items)
    for item in items:
        if _is_slow(item):
            slow[item.path] = max(slow.get(item.path, 0), _patience_s(item))

    def place(item: pytest.Item) -> tuple[bool, bool, int, str]:
        if item.path in slow:
            return False, False, -slow[item.path], item.path.name
        room = item.path.parent
        return True, room.name != LONGEST, -rooms[room], str(room)

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Load all tests, and look neither then nor later for what of it nobody needs: it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(20_000, 20, 20)  # seldom: a test leaves little behind


def pytest_unconfigure() -> None:
    """Nothing is logged from here on: pytest closes what it let the log be written to."""
    logging.getLogger().handlers[:] = [logging.NullHandler()]


def pytest_runtest_setup() -> None:
    """What a database said of the time in another test counts in none: it may have said it late."""
    clock.SHARED = clock.Shared()


def _is_slow(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("processes", "browser"))


def _patience_s(item: pytest.Item) -> int:
    marker = item.get_closest_marker("timeout")
    return int(marker.args[0]) if marker else 0


def make_app(data_dir: Path, **given: object) -> Flask:
    """Build an application of the test's own on `data_dir`; nothing outside is reached.

    Most tests need none: `apps.running` lends one that is kept.
    """
    return apps.build(apps.settings_of(data_dir, **given))


@pytest.fixture(scope="session", autouse=True)
def shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have all test processes of this run find there what one of them made."""
    folder = tmp_path_factory.getbasetemp()
    prepared.FOLDER = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    apps.COMPILED.directory = str(prepared.FOLDER)


@pytest.fixture
def audited() -> Iterator[Watch]:
    """Fail where the audit does not tell all that requests change (`tests.support.audited`)."""
    watch = Watch()
    watch.begin()
    yield watch
    watch.end()
    assert not watch.found, "the audit does not tell: " + "; ".join(sorted(set(watch.found)))


@pytest.fixture(scope="session")
def migrated(shared: None) -> Path:
    """A SQLite file at the newest migration, copied by each test."""
    return prepared.once("migrated", _migrated)


def _migrated(folder: Path) -> Path:
    with apps.running(folder):
        upgrade(directory=str(ROOT / "migrations"))
    return prepared.in_one_file(folder / "ampdesk.sqlite3")


@pytest.fixture
def app(migrated: Path, tmp_path: Path) -> Iterator[Flask]:
    """An application on an empty, migrated SQLite database."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path) as app:
        yield app


@pytest.fixture
def db(app: Flask) -> Session:
    """The open database session of the test's app context; nothing is committed by itself."""
    return flask_db.session()


@pytest.fixture
def now() -> datetime:
    """The instant at which the test plays."""
    return NOW
