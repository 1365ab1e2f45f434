"""An order that would end a running session is a 409 until a program says `force`."""

from datetime import UTC, datetime

import pytest

from tests.support import sockets


@pytest.fixture
def running(db, made):
    session = made.sessions["running"]
    now = datetime.now(UTC)
    sockets.connect(db, session.station, orders=sockets.EVERY_ORDER, now=now)
    db.commit()
    return session


def test_an_unlock_needs_force_while_a_session_is_running(api, running):
    wish = {"order": "unlock", "arguments": {"connector": running.evse}}
    path = f"/stations/{running.station_id}/orders"
    told = api.post(path, wish, 409)
    assert told["code"] == "ends_sessions"
    assert f"ession {running.id} of " in told["detail"]
    assert api.post(path, {**wish, "force": True}, 202)["state"] == "queued"
    unlock = f"/stations/{running.station_id}/connectors/{running.evse}/unlock"
    assert api.post(unlock, {}, 409)["code"] == "ends_sessions"
