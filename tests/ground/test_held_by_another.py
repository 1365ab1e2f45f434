"""A sweep that ends what is overdue leaves alone what somebody else is writing just now."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.domain.access import reservations
from app.domain.device import file_jobs
from app.domain.ground.vocabulary import FileJobKind, FileJobState, ReservationState
from app.domain.limits import setpoints
from app.extensions import db as flask_db
from app.models import FileJob, Reservation, Setpoint
from app.uow import unit_of_work
from tests.support import sockets

pytestmark = pytest.mark.postgres

OVER = {
    "a reservation": (
        reservations.expire_due,
        *(Reservation, ReservationState.EXPIRED, "created_by created_at"),
        {"token": "AB12", "state": ReservationState.ACTIVE},
    ),
    "a file's way": (
        file_jobs.expire_overdue,
        *(FileJob, FileJobState.EXPIRED, "created_by created_at"),
        {"kind": FileJobKind.FIRMWARE, "state": FileJobState.ASKED},
    ),
    "a setpoint": (
        setpoints.expire,
        *(Setpoint, "expired", "wanted_by wanted_at"),
        {"evse": 1, "session_id": 1, "document": {}, "state": "waiting", "wanted": 1},
    ),
}


@pytest.mark.parametrize("one", OVER)
def test_what_another_holds_is_ended_another_time(postgres_app, now, one):
    sweep, model, expired, made, given = OVER[one]
    by, at = made.split()
    with unit_of_work() as db:
        station = sockets.online_station(db, now=now)
        given = {**given, "expires_at": now - timedelta(minutes=1), by: "Ada", at: now}
        if hasattr(model, "tenant_id"):
            given["tenant_id"] = station.tenant_id
        row = model(station_id=station.id, **given)
        db.add(row)
        db.flush()
        number = row.id
    with flask_db.engine.connect() as other:
        other.execute(select(model.id).where(model.id == number).with_for_update())
        with unit_of_work() as db:
            db.execute(text("SET LOCAL lock_timeout = 500"))  # whoever waits fails
            assert sweep(db, now=now) == 0
    with unit_of_work() as db:
        assert sweep(db, now=now) == 1
        assert db.get_one(model, number).state == expired
