"""The process-level fixtures: real servers, whole sites, a browser.

Each is made when a test first asks for it and removed whatever happens.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from tests.support import apps
from tests.support.browser import PATIENCE_MS, chromium
from tests.support.charge_point import ChargePoint
from tests.support.mail import MailServer
from tests.support.pki import Authority
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

#: What a browser's window is like unless something else is given.
USUAL: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
#: How long a page has to close: Chromium may never say so, and then its window is lent to nobody.
CLOSING_MS = 10_000
#: For `pytest.mark.parametrize("database", ...)`: where what they do at once is tried, where one
#: shows it first, and where our code is the same for both.
DATABASES = ("sqlite", "postgresql")
SQLITE_BY_DAY = ("sqlite", pytest.param("postgresql", marks=pytest.mark.nightly))
SQLITE_FIRST = ("sqlite", pytest.param("postgresql", marks=pytest.mark.landing))
POSTGRESQL_BY_DAY = (pytest.param("sqlite", marks=pytest.mark.nightly), "postgresql")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the logs of a failed test's processes to its report."""
    report = yield
    if report.failed:
        for site in getattr(item, "ampdesk_sites", []):
            report.sections.append(("logs of the processes", site.logs()))
    return report


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis for this test process; `redis_server.url` reaches it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL server that all test processes share."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a migrated, empty PostgreSQL database, for this process."""
    with postgres_server.lent_database() as url:
        yield url


@pytest.fixture
def postgres_app(postgres_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An application on PostgreSQL; its API counts nobody's requests."""
    with apps.running(tmp_path, database_url=postgres_url, api_rate="") as app:
        yield app


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of a file's tests."""
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def smtp_server() -> Iterator[MailServer]:
    """A real SMTP server that keeps the mails it is given."""
    server = MailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_site(
    request: pytest.FixtureRequest, tmp_path: Path, migrated: Path
) -> Iterator[Callable[..., Site]]:
    """Start whole sites: `make_site("postgresql", smtp_url=...)`; they end with the test."""
    with ExitStack() as stack:

        def make(database: str = "sqlite", **given: Any) -> Site:
            sites = request.node.__dict__.setdefault("ampdesk_sites", [])
            folder = tmp_path / f"site{len(sites)}"
            folder.mkdir()
            if database == "sqlite":
                url = ""
                shutil.copy(migrated, folder / "ampdesk.sqlite3")
            else:
                server: PostgresServer = request.getfixturevalue("postgres_server")
                url = stack.enter_context(server.new_database())
            site = Site(folder, url, **given)
            sites.append(site)
            stack.callback(site.stop)
            site.start()
            return site

        yield make


@pytest.fixture(scope="module")
def make_shared_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated: Path
) -> Iterator[Callable[..., Site]]:
    """Start a site on SQLite for all tests of a file, each with stations of its own."""
    with ExitStack() as stack:

        def make(**given: Any) -> Site:
            folder = tmp_path_factory.mktemp("site")
            shutil.copy(migrated, folder / "ampdesk.sqlite3")
            site = Site(folder, "", **given)
            stack.callback(site.stop)
            site.start()
            return site

        yield make


@pytest.fixture(params=SQLITE_FIRST)
def database(request: pytest.FixtureRequest) -> str:
    """The name of a kind of database; a test that asks for it runs on SQLite, and before a change
    lands on PostgreSQL, too.
    """
    return str(request.param)


@pytest.fixture
def charge_point() -> Iterator[Callable[..., ChargePoint]]:
    """Make charge points: `charge_point(site.charger_url, "CP-1", password)`."""
    with ExitStack() as stack:

        def make(url: str, identity: str, password: str, **given: Any) -> ChargePoint:
            made = ChargePoint(url, identity, password, **given)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """One Chromium for this test process."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def _windows(browser: "Browser") -> dict[str, list["BrowserContext"]]:
    """Windows that tests take in turn, by what they are like: for a new one Chromium starts a
    process, which the page that stays open in it keeps for the next.
    """
    return defaultdict(list)


@pytest.fixture
def new_page(
    browser: "Browser", _windows: dict[str, list["BrowserContext"]]
) -> Iterator[Callable[..., "Page"]]:
    """Open pages, each in a browser's window of its own: `new_page(java_script_enabled=False)`.

    Without cookies, 1280 by 800 and in English unless something else is given.
    """
    with ExitStack() as stack:

        def make(**given: Any) -> "Page":
            idle = _windows[repr(given)]
            window = idle.pop() if idle else browser.new_context(**{**USUAL, **given})
            if "base_url" in given:  # no other desk is there
                stack.callback(window.close)
            else:
                stack.callback(_as_new, window, idle)
            window.set_default_timeout(PATIENCE_MS)
            if not window.pages:
                window.new_page()
            return window.new_page()

        yield make


def _as_new(window: "BrowserContext", idle: list["BrowserContext"]) -> None:
    """Give a window back, with nothing left in it but the page that stays open.

    Scripts and styles stay, which a desk marks by what is in them.  One that has a page left which
    does not close is lent to nobody else.
    """
    pages = window.pages[1:]
    origins = {"/".join(page.url.split("/")[:3]) for page in pages}
    if not all(_closed(page) for page in pages):
        return
    tools = window.new_cdp_session(window.pages[0])
    for origin in origins:
        if origin.startswith("http"):
            kept = {"origin": origin, "storageTypes": "local_storage,indexeddb,cache_storage"}
            tools.send("Storage.clearDataForOrigin", kept)
    tools.detach()
    window.set_offline(False)
    window.unroute_all()
    window.clear_cookies()
    idle.append(window)


def _closed(page: "Page") -> bool:
    """Close a page; False where Chromium does not say so, as of one that was just being left."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    try:
        with page.expect_event("close", timeout=CLOSING_MS):
            page.close(run_before_unload=True)  # the only way that does not wait for ever
    except PlaywrightTimeout:
        return False
    return True


@pytest.fixture
def page(new_page: Callable[..., "Page"]) -> "Page":
    """One fresh page."""
    return new_page()
