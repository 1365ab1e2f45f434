"""One worker process for all recordings of a test process; each gets a station of its own."""

import shutil
from collections.abc import Iterator

import pytest

from tests.dialects.replay import Stage
from tests.support.site import Site


@pytest.fixture(scope="session")
def worker_site(tmp_path_factory: pytest.TempPathFactory, migrated) -> Iterator[Site]:
    """A worker on a SQLite database, kept for the whole test process."""
    folder = tmp_path_factory.mktemp("recordings")
    shutil.copy(migrated, folder / "ampdesk.sqlite3")
    site = Site(folder, processes=("worker",))
    site.start()
    yield site
    site.stop()


@pytest.fixture
def stage(worker_site: Site, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A fresh station on that worker, and the tools to replay frames to it."""
    request.node.ampdesk_sites = [worker_site]
    stage = Stage(worker_site)
    yield stage
    stage.close()
