"""A sweep asks the database the same few things, however many stations are connected."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.access import local_lists
from app.domain.device import onboarding
from app.extensions import db as flask_db
from app.models import Command, LocalList
from app.tasks.sweeps import sweep
from app.uow import unit_of_work
from tests.support import fleet

#: What a station's onboarding can ask of the sweep.
EVERYTHING = {"ask_boot": True, "local_list": True, "triggers": ["status"]}


@pytest.fixture
def now():
    return datetime.now(UTC)


def settled(now, count, prefix="F"):
    """Stations that wish for everything and have all of it: nothing is due."""
    ids = fleet.connected(count, now=now, prefix=prefix, onboarding=EVERYTHING, last_boot_at=now)
    with unit_of_work() as db:
        db.add_all(
            LocalList(
                station_id=one,
                version=3,
                entries=[],
                full_next=False,
                accepted_at=now + timedelta(seconds=1),
                as_of=now + timedelta(seconds=1),
            )
            for one in ids
        )


def rounds(count, now):
    settled(now, count, prefix=f"of-{count}")
    return fleet.cost(flask_db.session(), sweep)


def test_a_sweep_of_many_takes_as_many_statements_as_one_of_few(any_app, now):
    sweep()  # The first of an installation makes its mark, which takes a statement more.
    few = rounds(10, now)
    assert rounds(300, now) == few
    assert not flask_db.session().scalars(select(Command)).all()


def test_so_many_are_asked_in_one_sweep_and_the_others_in_the_next(any_app, now, monkeypatch):
    monkeypatch.setattr(onboarding, "MOST_ASKED", 3)
    earlier = now - timedelta(seconds=30)
    fleet.connected(5, now=earlier, onboarding=EVERYTHING)
    with unit_of_work() as db:
        assert onboarding.ask_for_boots(db, now=now - timedelta(seconds=11)) == 3
        assert onboarding.ask_for_boots(db, now=now - timedelta(seconds=11)) == 2
        assert onboarding.ask_for_boots(db, now=now - timedelta(seconds=11)) == 0


def test_only_those_are_looked_at_whose_list_may_differ(any_app, now):
    settled(now, 3)
    with unit_of_work() as db:
        first, second, _ = db.scalars(select(LocalList).order_by(LocalList.id)).all()
        first.full_next = True
        second.reported_version, second.reported_at = 2, now + timedelta(seconds=2)
        wanted = [first.station_id, second.station_id]
    assert local_lists.kept_up(flask_db.session(), now) == wanted
