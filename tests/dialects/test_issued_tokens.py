"""Tokens on no list: issued by an order of ours, or by a payment at the station."""

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import SYSTEM, Order, StationMode, TagStatus
from app.models import Authorisation, ChargingSession
from tests.support.dialogue import Dialogue
from worker.ocpp.fields import format_instant
from worker.ocpp.versions import Version

CENTRAL = {"token": "APP-1", "token_kind": "central"}
PAID = {"idToken": "psp-0815", "type": "DirectPayment"}


@pytest.fixture(params=list(Version), ids=lambda version: version.value)
def talk(db, now, request):
    return Dialogue(db, now, request.param)


@pytest.fixture
def new(db, now):
    return Dialogue(db, now, Version.V21)


def begins(talk, token="APP-1", kind="Central", ref="tx-1"):
    """Begin a session; returns the word of its authorisation."""
    at = format_instant(talk.now)
    if talk.version is Version.V16:
        start = {"connectorId": 1, "idTag": token, "meterStart": 0, "timestamp": at}
        return talk.says("StartTransaction", start)["idTagInfo"]["status"]
    event = {"eventType": "Started", "seqNo": 0, "triggerReason": "RemoteStart", "timestamp": at}
    about = {"transactionInfo": {"transactionId": ref}, "evse": {"id": 1}}
    shown = {"idToken": {"idToken": token, "type": kind}}
    return talk.says("TransactionEvent", {**event, **about, **shown})["idTokenInfo"]["status"]


def is_started(talk):
    talk.ask(Order.START_CHARGING, connector=1, **CENTRAL)
    talk.answers({"status": "Accepted"})


def test_a_token_that_we_ordered_to_start_charges_once(talk):
    is_started(talk)
    talk.later(seconds=20)
    assert begins(talk) == "Accepted"
    session = talk.db.scalars(select(ChargingSession)).one()
    assert not session.unauthorised
    assert session.remote_command_id is not None
    assert talk.db.scalars(select(Authorisation.reason)).all() == ["ordered"]
    talk.later(minutes=30)
    again = begins(talk, ref="tx-2")
    assert again == ("Invalid" if talk.version is Version.V16 else "Unknown")


def test_the_same_start_again_is_answered_alike(talk):
    is_started(talk)
    assert [begins(talk), begins(talk)] == ["Accepted", "Accepted"]


def test_a_token_that_nobody_issued_is_refused(talk):
    assert begins(talk) in ("Invalid", "Unknown")


def test_an_order_that_was_refused_issues_nothing(talk):
    talk.ask(Order.START_CHARGING, connector=1, **CENTRAL)
    talk.answers({"status": "Rejected"})
    assert begins(talk) in ("Invalid", "Unknown")


def test_a_payment_at_the_station_lets_one_session_charge(new):
    """C18.FR.06."""
    assert begins(new, PAID["idToken"], PAID["type"]) == "Accepted"
    assert begins(new, PAID["idToken"], PAID["type"]) == "Accepted", "the same event again"
    new.later(minutes=30)
    assert begins(new, PAID["idToken"], PAID["type"], "tx-2") == "Unknown"


def test_a_closed_station_takes_no_payments_and_no_orders(new):
    new.station.mode = StationMode.CLOSED
    assert begins(new, PAID["idToken"], PAID["type"]) == "Blocked"
    with pytest.raises(Conflict, match="is closed"):
        new.ask(Order.START_CHARGING, **CENTRAL)


def test_an_order_to_start_is_refused_where_the_tap_would_be(talk):
    given = {"tenant_id": talk.station.tenant_id, "now": talk.now}
    tag = tags.add(talk.db, SYSTEM, value="CARD", **given)
    with pytest.raises(Conflict, match="The tag STRANGER is on no list"):
        talk.ask(Order.START_CHARGING, token="STRANGER")
    tag.status = TagStatus.BLOCKED
    with pytest.raises(Conflict, match="The tag CARD is blocked"):
        talk.ask(Order.START_CHARGING, token="CARD")
    tag.status = TagStatus.ACTIVE
    assert talk.ask(Order.START_CHARGING, token="CARD").arguments["token_kind"] == "id_tag"
    talk.station.mode = StationMode.OPEN
    assert talk.ask(Order.START_CHARGING, token="STRANGER")
