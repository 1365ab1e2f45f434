"""One worker process per database for all recordings; each recording gets a station of its own."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM
from app.extensions import db as flask_db
from app.process.clock import utc_now
from tests.dialects.replay import Stage
from tests.support.charging import network
from tests.support.fixtures import POSTGRESQL_BY_DAY
from tests.support.gated import station
from tests.support.site import Site
from tests.support.told import TAG, Charger


# The stricter one by day: it refuses words and numbers that SQLite takes.
@pytest.fixture(scope="session", params=POSTGRESQL_BY_DAY)
def worker_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated
) -> Iterator[Site]:
    """A worker on each kind of database, kept for the whole test process."""
    folder = tmp_path_factory.mktemp("recordings")
    with ExitStack() as stack:
        url = ""
        if request.param == "sqlite":
            shutil.copy(migrated, folder / "ampdesk.sqlite3")
        else:
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.new_database())
        site = Site(folder, url, processes=("worker",))
        stack.callback(site.stop)
        site.start()
        yield site


@pytest.fixture
def stage(worker_site: Site, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A fresh station on that worker, and the tools to replay frames to it."""
    request.node.ampdesk_sites = [worker_site]
    stage = Stage(worker_site)
    yield stage
    stage.close()


@pytest.fixture
def charger(any_app) -> Charger:
    """A station of a site with a tariff, whose driver's tag is listed."""
    db = flask_db.session()
    net = network(db)
    made = station(db, "CP-8")
    made.site.tariff = net.version.tariff
    made.max_power_w = 22_000
    tags.add(db, SYSTEM, net.site.tenant_id, now=utc_now(), value=TAG, driver_id=net.driver.id)
    db.commit()
    return Charger(any_app, made)
