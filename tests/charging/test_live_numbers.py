"""Live numbers are written beside what chargers say: they wait for nobody who holds a session."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from app.domain.charging import running
from app.domain.charging.running import Gauge
from app.domain.ground.vocabulary import SessionState
from app.extensions import db as flask_db
from app.models import ChargingSession
from tests.support import apps
from tests.support.charging import STARTED, network

AT = STARTED + timedelta(minutes=5)
RUNS = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None, "wh": 0}


@pytest.fixture
def sessions(postgres_url, tmp_path):
    """Two that run, on the database that lets many write at once."""
    with apps.running(tmp_path, database_url=postgres_url):
        net = network(flask_db.session())
        made = [net.session(**RUNS), net.session(**RUNS)]
        net.db.commit()
        yield made


def gauge(session):
    register_wh = Decimal(100_700)
    about = (session.id, session.tenant_id, session.station_id, AT)
    return Gauge(*about, register_wh, 11_000.0, None, session.meter_start_wh)


def powers(made):
    flask_db.session.expire_all()
    return [session.last_power_w for session in made]


def test_one_that_is_held_is_left_for_another_time(sessions):
    db, gauges = flask_db.session(), [gauge(session) for session in sessions]
    held, free = gauges
    unknown = free._replace(session_id=999_999)
    with flask_db.engine.connect() as other:
        query = select(ChargingSession.id).where(ChargingSession.id == held.session_id)
        other.execute(query.with_for_update())
        db.execute(text("SET lock_timeout = 500"))  # whoever waits fails
        assert running.show(db, [held, free, unknown], wait=False) == [held]
        db.commit()
    assert powers(sessions) == [None, 11_000.0]
    assert running.show(db, [held], wait=False) == []
    assert powers(sessions) == [11_000.0, 11_000.0]
