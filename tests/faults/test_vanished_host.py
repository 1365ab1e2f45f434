"""The host of PostgreSQL vanishes: no packet comes back, no connection is refused or ended."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import told
from tests.support.cluster import Cluster
from tests.support.depot import furnish
from tests.support.far_host import far_host
from tests.support.site import Site
from tests.support.teller import Teller
from tests.support.wait import passing

pytestmark = [pytest.mark.processes, pytest.mark.nightly, pytest.mark.timeout(600)]

VERSIONS = ("ocpp1.6", "ocpp2.0.1")
CHARGERS, GONE_S = 8, 25


@pytest.fixture
def ends():
    """What is to be ended, the last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def host(ends):
    """A host that can vanish."""
    host = ends.enter_context(far_host())
    if host is None:
        pytest.skip("only root may have network namespaces, on Linux with the program `ip`")
    return host


@pytest.fixture
def site(host, ends, smtp_server):
    """A site whose PostgreSQL runs there."""
    give = tempfile.TemporaryDirectory(prefix="ampdesk-far-", ignore_cleanup_errors=True)
    folder = Path(ends.enter_context(give))
    cluster = Cluster(folder / "postgres", host.address, host.around)
    ends.callback(cluster.kill9)
    cluster.start()
    programs = ("worker", "celery", "beat")
    site = Site(folder / "data", cluster.url, programs, smtp_url=smtp_server.url)
    ends.callback(site.stop)
    site.start()
    return site


def test_what_was_answered_is_stored_when_the_host_has_come_back(site, host, ends):
    known = furnish(site, CHARGERS)
    tellers = [
        Teller(site, *station, known.tag, VERSIONS[number % 2])
        for number, station in enumerate(known.stations)
    ]
    for teller in tellers:
        ends.callback(teller.give_up)
        teller.start()
    told.more_answers(tellers)
    host.vanish()
    passing(GONE_S)
    host.come_back()
    told.more_answers(tellers)
    told.finish(tellers)
    told.wait_until_billed(site)
    with site.read() as db:
        told.Seen(tellers).check(db)
        for teller in tellers:
            told.check_once(db, teller, redone=CHARGERS)
        told.check_bills(db, tellers)
