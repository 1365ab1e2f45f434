"""Parts of the house sign that they live, several processes at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

from sqlalchemy import select

from app.domain.office import housekeeping
from app.extensions import db as flask_db
from app.models import SystemMark
from app.uow import unit_of_work

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PROCESSES = 4


def test_the_first_sweeps_of_several_processes_make_one_mark(any_app):
    together = Barrier(PROCESSES)

    def sign(number):
        with any_app.app_context():
            together.wait(30)
            with unit_of_work() as db:
                housekeeping.sign(db, housekeeping.SWEEP, now=NOW)
            return number

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert len(list(pool.map(sign, range(PROCESSES)))) == PROCESSES
    assert flask_db.session.scalars(select(SystemMark.part)).all() == [housekeeping.SWEEP]
