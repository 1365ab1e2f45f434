"""Rows that are read in bulk are the rows that SQLAlchemy reads."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import bindparam, select

from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.vocabulary import SessionState
from app.extensions import db as flask_db
from app.models import ChargingSession
from tests.support.charging import STARTED, network

TABLE = ChargingSession.__table__
QUERY = select(
    *(TABLE.c[name] for name in ("id", "state", "started_at", "ended_at", "meter_start_wh")),
    *(TABLE.c[name] for name in ("energy_wh", "flags", "unauthorised", "last_power_w")),
).where(
    among(TABLE.c.transaction_ref, "refs"),
    among(TABLE.c.station_id, "stations"),
    TABLE.c.state == SessionState.ENDED,
    TABLE.c.started_at > bindparam("since", type_=TABLE.c.started_at.type),
)
READ = BulkRead(QUERY.order_by(TABLE.c.id))


@pytest.fixture
def db(any_app):
    return flask_db.session()


@pytest.fixture
def given(db):
    net = network(db)
    for number in (1, 2, 3):
        session = net.session()
        session.transaction_ref = f"it's {number}"
        session.flags = ["clock_corrected", "ü"][:number]
        session.meter_start_wh = Decimal("100.125") if number > 1 else None
    db.flush()
    since = STARTED - timedelta(days=1)
    return {"refs": ["it's 1", "it's 2", 'no"thing'], "stations": [net.station.id], "since": since}


def test_every_kind_of_column_comes_as_from_sqlalchemy(db, given):
    expected = [tuple(row) for row in db.execute(QUERY.order_by(TABLE.c.id), given)]
    assert len(expected) == 2
    assert [tuple(row) for row in READ(db, **given)] == expected


def test_rows_are_named_by_their_columns(db, given):
    first = READ(db, **given)[0]
    assert (first.state, first.flags) == (SessionState.ENDED, ["clock_corrected"])


def test_an_empty_list_finds_nothing_and_asks_nothing(db, given):
    assert READ(db, **given | {"refs": []}) == []


def test_what_was_changed_and_not_yet_written_is_seen(db, given):
    session = db.scalar(select(ChargingSession).where(ChargingSession.transaction_ref == "it's 1"))
    session.unauthorised = True
    assert READ(db, **given)[0].unauthorised
