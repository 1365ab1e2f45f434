"""The sweep finds whatever a lost nudge left behind; housekeeping forgets."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground import events
from app.domain.ground.vocabulary import (
    Availability,
    BillingState,
    CommandState,
    MessageOutcome,
    Order,
    ReceiptState,
    SessionState,
)
from app.domain.money import receipts
from app.domain.office import outbox
from app.extensions import db as flask_db
from app.models import (
    Bill,
    ChargingSession,
    Command,
    Connector,
    Message,
    OneTimeLink,
    OutgoingMail,
    Receipt,
    Review,
)
from app.tasks.rounds import bill_ended, send_post
from app.tasks.tidying import tidy_up
from app.uow import unit_of_work
from tests.support import lone, sockets
from tests.support.charging import network
from tests.support.rounds import all_rounds

AN_HOUR_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1, minutes=5)


def fresh(model):
    db = flask_db.session()
    db.rollback()
    return db.scalars(select(model).order_by(model.id)).all()


def test_a_nudge_bills_a_session(smtp_app):
    with unit_of_work() as db:
        network(db).session(started_at=AN_HOUR_AGO)
    bill_ended()
    bill_ended()
    assert [bill.number[-6:] for bill in fresh(Bill)] == ["000001"]


def test_a_session_whose_nudge_was_lost_is_billed_and_mailed_by_two_sweeps(smtp_app, smtp_server):
    with unit_of_work() as db:
        network(db).session(started_at=AN_HOUR_AGO)
        events.take(db)
    all_rounds()
    all_rounds()
    (session,) = fresh(ChargingSession)
    assert session.billing is BillingState.BILLED
    assert [mail["To"].addresses[0].addr_spec for mail in smtp_server.messages] == [
        "ada@example.org"
    ]
    all_rounds()
    assert len(smtp_server.messages) == 1


def test_one_session_that_cannot_be_billed_stops_no_other(smtp_app):
    with unit_of_work() as db:
        net = network(db)
        net.session(started_at=AN_HOUR_AGO, timezone="No/Where")
        net.session(started_at=AN_HOUR_AGO)
    all_rounds()
    assert [bill.session_id for bill in fresh(Bill)] == [2]


def test_an_assumed_end_is_billed_or_held_only_after_the_hold(smtp_app):
    with unit_of_work() as db:
        net = network(db)
        given = {"provisional": True, "meter_stop_wh": None, "flags": ["stop_missing"]}
        net.session(started_at=AN_HOUR_AGO, **given)
        net.session(started_at=AN_HOUR_AGO - timedelta(days=2), **given)
    all_rounds()
    assert [session.billing for session in fresh(ChargingSession)] == [
        BillingState.OPEN,
        BillingState.HELD,
    ]


def test_a_reading_that_was_stored_while_its_bill_was_written_is_weighed(smtp_app):
    with unit_of_work() as db:
        net = network(db)
        session = net.session(started_at=AN_HOUR_AGO)
        net.reading(session, 10, 2_000)
    bill_ended()
    with unit_of_work() as db:
        net.reading(session, 40, 95_000)
    all_rounds()
    (session,) = fresh(ChargingSession)
    assert session.billing is BillingState.HELD
    (review,) = fresh(Review)
    assert "late_stop_after_decision" in review.reasons
    opened = review.opened_at
    all_rounds()
    assert fresh(Review)[0].opened_at == opened


@pytest.mark.parametrize("days", [0, 10])
def test_a_late_stop_whose_nudge_was_lost_is_found(smtp_app, days):
    with unit_of_work() as db:
        net = network(db)
        started = AN_HOUR_AGO - timedelta(days=days + 2)
        session = net.session(started_at=started, provisional=True)
        lone.issue(db, session.id, now=started + timedelta(days=1, hours=2))
    with unit_of_work() as db:
        session = db.get(ChargingSession, 1)
        session.provisional, session.flags = False, ["late_stop"]
        session.meter_stop_wh = Decimal(115_000)
        session.stop_received_at = AN_HOUR_AGO - timedelta(days=days)
        session.late_evidence_at = session.stop_received_at
    all_rounds()
    all_rounds()
    assert [bill.energy_wh for bill in fresh(Bill)] == [10_000, -10_000, 15_000]


def test_a_stale_claim_becomes_unclear_and_is_not_sent(smtp_app, smtp_server, make_receipt, look):
    number = make_receipt()
    with unit_of_work() as db:
        receipts.claim(db, number, domain="x.example", now=AN_HOUR_AGO)
    all_rounds()
    assert look(number).state is ReceiptState.UNKNOWN
    assert smtp_server.messages == []


def test_other_mails_are_sent_once_and_then_forgotten(smtp_app, smtp_server):
    with unit_of_work() as db:
        tenant_id = network(db).site.tenant_id
        outbox.queue(
            db, tenant_id, recipient="grace@example.org", subject="Your link",
            body="https://desk.example/reset/secret", now=AN_HOUR_AGO,
        )  # fmt: skip
    all_rounds()
    send_post()
    (mail,) = smtp_server.messages
    assert "secret" in mail.get_content()
    (row,) = fresh(OutgoingMail)
    assert (row.state, row.body) == ("sent", None)


def test_a_mail_that_was_refused_is_kept_and_tried_again(smtp_app, smtp_server):
    smtp_server.refusal = "451 later"
    with unit_of_work() as db:
        tenant_id = network(db).site.tenant_id
        outbox.queue(
            db, tenant_id, recipient="g@example.org", subject="s", body="b", now=AN_HOUR_AGO
        )
    send_post()
    (row,) = fresh(OutgoingMail)
    assert (row.state, row.body, row.attempts) == ("queued", "b", 1)
    assert outbox.due(flask_db.session(), outbox.MAILS, now=datetime.now(UTC)) == []


def test_a_command_that_waited_too_long_expires(smtp_app):
    with unit_of_work() as db:
        net = network(db)
        db.add(
            Command(
                tenant_id=net.site.tenant_id, station_id=net.station.id, order=Order.RESET,
                requested_by="Grace", requested_at=AN_HOUR_AGO,
                expires_at=AN_HOUR_AGO + timedelta(seconds=60),
            )
        )  # fmt: skip
    all_rounds()
    assert [command.state for command in fresh(Command)] == [CommandState.EXPIRED]


@pytest.fixture
def running(smtp_app):
    """A session that runs at a connected station whose plug says something else."""

    def make(status_at, availability=Availability.AVAILABLE, connected=True, **station):
        with unit_of_work() as db:
            net = network(db)
            if connected:
                sockets.connect(db, net.station, now=datetime.now(UTC))
            for name, value in station.items():
                setattr(net.station, name, value)
            session = net.session(
                started_at=AN_HOUR_AGO, state=SessionState.CHARGING, ended_at=None,
                meter_stop_wh=None, stop_received_at=None,
            )  # fmt: skip
            session.start_received_at = station.get("last_seen_at", AN_HOUR_AGO)
            db.add(
                Connector(
                    station_id=net.station.id, evse=1, availability=availability,
                    status_at=status_at, status_received_at=status_at,
                )
            )  # fmt: skip

    return make


def state():
    (session,) = fresh(ChargingSession)
    return session.state, session.provisional


def test_a_session_at_a_plug_that_is_free_is_closed_after_a_grace(running):
    running(AN_HOUR_AGO + timedelta(minutes=40))
    all_rounds()
    assert state() == (SessionState.ENDED, True)


@pytest.mark.parametrize("before", [True, False], ids=["before", "only just"])
def test_a_plug_that_was_free_before_or_only_just_closes_nothing(running, before):
    running(AN_HOUR_AGO - timedelta(minutes=10) if before else datetime.now(UTC))
    all_rounds()
    assert state() == (SessionState.CHARGING, False)


def test_a_session_at_an_occupied_plug_goes_on(running):
    running(AN_HOUR_AGO + timedelta(minutes=40), Availability.OCCUPIED)
    all_rounds()
    assert state() == (SessionState.CHARGING, False)


@pytest.mark.parametrize(
    ("days", "expected"), [(1, (SessionState.CHARGING, False)), (3, (SessionState.ENDED, True))]
)
def test_a_session_at_a_station_that_is_long_away_is_closed(running, days, expected):
    gone = datetime.now(UTC) - timedelta(days=days)
    running(gone, Availability.OCCUPIED, connected=False, last_seen_at=gone)
    all_rounds()
    assert state() == expected


def test_housekeeping_forgets_what_is_old_and_keeps_what_is_money(smtp_app, make_receipt):
    make_receipt()
    old, new = datetime.now(UTC) - timedelta(days=31), datetime.now(UTC)
    with unit_of_work() as db:
        for at in (old, new):
            db.add(Message(station_id=1, at=at, outcome=MessageOutcome.ANSWERED))
            db.add(OneTimeLink(purpose="reset", token_hash=str(at), created_at=at, expires_at=at))
            db.add(OutgoingMail(recipient="r", subject="s", created_at=at, state="sent"))
    tidy_up()
    assert [len(fresh(model)) for model in (Message, OneTimeLink, OutgoingMail)] == [1, 1, 1]
    assert len(fresh(Bill)) == len(fresh(Receipt)) == 1
