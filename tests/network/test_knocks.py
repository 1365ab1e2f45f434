"""Attempts to connect: each refusal is kept, equal ones share a row."""

from datetime import timedelta

from sqlalchemy import select

from app.domain.network import connections
from app.domain.network.connections import Knock, KnockTally
from app.models import HandshakeAttempt


def knock(**more):
    facts = {
        "identity": "CP-9",
        "path": "/ocpp/CP-9",
        "address": "10.0.0.9",
        "subprotocols": "ocpp1.6",
        "had_credentials": True,
        "accepted": False,
        "status": 401,
        "reason": "wrong_password",
        "sentence": "The password is wrong.",
        "station_id": None,
        "tenant_id": None,
    }
    return Knock(**{**facts, **more})


def note(db, at, *tried):
    connections.note_knocks(db, [KnockTally(each, at, at) for each in tried])


def test_equal_refusals_within_a_minute_share_a_row(db, now):
    for second in (0, 20, 70, 140):
        note(db, now + timedelta(seconds=second), knock())
    counts = [row.count for row in db.scalars(select(HandshakeAttempt))]
    assert counts == [3, 1]


def test_another_reason_is_another_row(db, now):
    note(db, now, knock(), knock(reason="no_credentials"))
    assert len(db.scalars(select(HandshakeAttempt)).all()) == 2
