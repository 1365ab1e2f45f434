"""Discs that are full or take no writes: nobody hears that something is kept which is not."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from tests.faults import told
from tests.faults.harm import fill
from tests.faults.test_database_away import (  # noqa: F401
    bring_back,
    check,
    cluster,
    fleet,
    health,
    make_away,
)
from tests.support.wait import eventually

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes discs"),
]


@contextmanager
def mounted(folder, *how):
    subprocess.run(["mount", *how, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def small_disc(tmp_path):
    """What a site writes, its Redis too, is on a disc of its own."""
    with mounted(tmp_path, "-t", "tmpfs", "-o", "size=64m", "tmpfs") as folder:
        yield folder


def cut_off(tellers):
    return not all(teller.connected for teller in tellers)


@pytest.mark.landing
def test_sqlite_on_a_full_disc(small_disc, make_site, fleet):  # noqa: F811
    site = make_site("sqlite", processes=("worker",), storage_hold_s=1)
    tellers = fleet(site)
    fill(small_disc / "ballast")
    eventually(lambda: cut_off(tellers), what="some are cut off")
    # A full disc takes a little now and then.
    eventually(lambda: health(site)["storage"] is False, what="the worker says so")
    (small_disc / "ballast").unlink()
    told.finish(tellers)
    check(site, tellers, redone=1)


@pytest.mark.landing
def test_a_spool_that_takes_no_writes(cluster, make_away, fleet):  # noqa: F811
    site = make_away("worker", storage_hold_s=1)
    tellers = fleet(site)
    spool = site.data_dir / "spool"
    spool.mkdir(exist_ok=True)
    with mounted(spool, "--bind", spool):
        subprocess.run(["mount", "-o", "remount,bind,ro", spool], check=True)
        cluster.stop()
        eventually(lambda: cut_off(tellers), what="some are cut off")
        assert health(site)["spool"]["frames"] == 0
    bring_back(cluster, site)
    told.finish(tellers)
    check(site, tellers, redone=1)
