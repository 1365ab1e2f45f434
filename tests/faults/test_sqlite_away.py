"""SQLite's file is locked for long by another program: nothing that was acknowledged is lost."""

import sqlite3

import pytest

from tests.faults import told
from tests.faults.test_database_away import check, fleet, health  # noqa: F401
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


@pytest.mark.landing
def test_chargers_go_on_while_the_file_is_locked(make_site, fleet):  # noqa: F811
    site = make_site("sqlite", processes=("worker",), storage_hold_s=1)
    tellers = fleet(site)
    other = sqlite3.connect(site.data_dir / "ampdesk.sqlite3", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        eventually(lambda: health(site)["spool"]["frames"] >= 8, what="frames wait in the spool")
        assert health(site)["storage"] is False
    finally:
        other.rollback()
        other.close()
    eventually(lambda: health(site)["spool"]["frames"] == 0, what="the spool is empty")
    told.finish(tellers)
    check(site, tellers, redone=1)
