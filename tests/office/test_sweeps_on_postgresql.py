"""The sweep's statements, above all its locks, as PostgreSQL takes them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Availability, BillingState, ReceiptState, SessionState
from app.extensions import db as flask_db
from app.models import ChargingSession, Connector, Receipt, Review
from app.tasks.tidying import tidy_up
from app.uow import unit_of_work
from tests.support import apps, sockets
from tests.support.charging import network
from tests.support.rounds import all_rounds

AN_HOUR_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1, minutes=5)

pytestmark = pytest.mark.postgres


@pytest.fixture
def postgres_app(postgres_url, tmp_path, smtp_server):
    with apps.running(tmp_path, database_url=postgres_url, smtp_url=smtp_server.url) as app:
        yield app


def test_one_sweep_bills_closes_holds_and_mails(postgres_app, smtp_server):
    with unit_of_work() as db:
        net = network(db)
        net.session(started_at=AN_HOUR_AGO)
        net.session(started_at=AN_HOUR_AGO, unauthorised=True)
        sockets.connect(db, net.station, now=datetime.now(UTC))
        net.session(
            started_at=AN_HOUR_AGO, state=SessionState.CHARGING, ended_at=None,
            meter_stop_wh=None, stop_received_at=None, evse=2,
        )  # fmt: skip
        free_since = AN_HOUR_AGO + timedelta(minutes=40)
        db.add(
            Connector(
                station_id=net.station.id, evse=2, availability=Availability.AVAILABLE,
                status_at=free_since, status_received_at=free_since,
            )
        )  # fmt: skip
    all_rounds()
    all_rounds()
    tidy_up()
    db = flask_db.session()
    db.rollback()
    sessions = db.scalars(select(ChargingSession).order_by(ChargingSession.id)).all()
    assert [session.billing for session in sessions] == [
        BillingState.BILLED,
        BillingState.HELD,
        BillingState.OPEN,
    ]
    assert sessions[2].provisional
    assert db.scalar(select(Review.reasons)) == ["unauthorised"]
    assert db.scalar(select(Receipt.state)) is ReceiptState.SENT
    assert len(smtp_server.messages) == 1
