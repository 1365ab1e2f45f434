"""A session that another program holds keeps no charger waiting, its own neither."""

import pytest
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import ChargingSession
from tests.faults.test_database_away import Meter
from tests.support.depot import furnish
from tests.support.wait import eventually, passing

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

#: Longer than a worker waits for a lock.
HELD_TURNS, TURN_S = 10, 0.5


@pytest.mark.landing
def test_readings_are_stored_while_a_task_that_hangs_holds_their_session(make_site):
    site = make_site("postgresql", processes=("worker",))
    depot = furnish(site)
    meter = Meter(site, *depot.stations[0], depot.tag)
    with site.app.app_context(), flask_db.engine.connect() as task:
        task.execute(select(ChargingSession.id).with_for_update())
        for _ in range(HELD_TURNS):
            meter.say(1)
            passing(TURN_S)
        assert not site.processes["worker"].said("a commit of")

    def shown():
        with site.read() as db:
            return db.scalar(select(ChargingSession.last_reading_at)) == meter.told[-1]

    eventually(shown, what="the newest reading is shown")
