"""Reservations over OCPP 2.0.1 and what is new in 2.1: frames out, words in."""

import pytest

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, Order, ReservationState
from app.models import Reservation, StationReport
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture(params=[Version.V201, Version.V21], ids=["2.0.1", "2.1"])
def talk(request, db, now):
    talk = Dialogue(db, now, request.param)
    tenant_id = talk.station.tenant_id
    tags.add(db, SYSTEM, tenant_id, now=now, value="AB12")
    tags.add(db, SYSTEM, tenant_id, now=now, value="X" * 40)
    return talk


@pytest.fixture
def kept(talk):
    talk.ask(Order.RESERVE, connector=1, token="AB12", minutes=30)
    talk.answers({"status": "Accepted"})
    return talk.db.query(Reservation).one()


def test_the_station_hears_a_reservation(talk):
    talk.ask(Order.RESERVE, connector=1, token="ab12", plug_type="ccs_2", minutes=30)
    assert talk.hears() == (
        "ReserveNow",
        {
            "id": talk.db.query(Reservation).one().id,
            "expiryDateTime": "2026-03-02T09:30:00Z",
            "idToken": {"idToken": "AB12", "type": "ISO14443"},
            "connectorType": "cCCS2",
            "evseId": 1,
        },
    )


def test_any_connector_is_one_that_is_not_named(talk):
    talk.ask(Order.RESERVE, token="AB12", token_kind="emaid", minutes=30)
    _, heard = talk.hears()
    assert "evseId" not in heard
    assert heard["idToken"]["type"] == "eMAID"


def test_each_version_says_what_it_has_words_for(talk):
    newer = talk.version is Version.V21
    for given, sentence in (
        ({"token": "X" * 40}, "36 characters"),
        ({"token": "AB12", "token_kind": "vin"}, "no token of the kind vin"),
        ({"token": "AB12", "plug_type": "mcs"}, "no word for that kind of plug"),
    ):
        talk.ask(Order.RESERVE, connector=len(talk.waiting()) % 2 + 1, minutes=30, **given)
        if newer:
            assert talk.hears()
        else:
            with pytest.raises(ValueError, match=sentence):
                talk.hears()
        talk.fails()


def test_a_reason_is_told_along(talk):
    talk.ask(Order.RESERVE, connector=1, token="AB12", minutes=30)
    info = {"reasonCode": "NoFreeEVSE", "additionalInfo": "until noon"}
    command = talk.answers({"status": "Occupied", "statusInfo": info})
    assert command.sentence.endswith("It says: NoFreeEVSE, until noon.")
    assert talk.db.query(Reservation).one().state is ReservationState.REJECTED


@pytest.mark.parametrize(
    ("word", "state"),
    [("Expired", ReservationState.EXPIRED), ("Removed", ReservationState.REMOVED)],
)
def test_the_station_tells_how_it_ended(talk, kept, word, state):
    update = {"reservationId": kept.id, "reservationUpdateStatus": word}
    assert talk.says("ReservationStatusUpdate", update) == {}
    assert kept.state is state
    assert talk.db.query(StationReport).filter_by(kind="reservation").one().word == word


def test_a_reservation_of_nobody_is_kept_as_a_report_only(talk, kept):
    update = {"reservationId": kept.id + 9, "reservationUpdateStatus": "Removed"}
    assert talk.says("ReservationStatusUpdate", update) == {}
    assert kept.state is ReservationState.ACTIVE


@pytest.mark.parametrize("talk", [Version.V21], indirect=True, ids=["2.1"])
def test_one_that_was_used_without_charging_is_over(talk, kept):
    update = {"reservationId": kept.id, "reservationUpdateStatus": "NoTransaction"}
    talk.says("ReservationStatusUpdate", update)
    assert kept.state is ReservationState.USED
    assert "no charging followed" in kept.sentence


def event(kind, number, trigger, **more):
    return {
        "eventType": kind,
        "timestamp": "2026-03-02T09:00:00Z",
        "triggerReason": trigger,
        "seqNo": number,
        "transactionInfo": {"transactionId": "tx-1"},
        **more,
    }


def test_a_transaction_that_names_it_uses_it(talk, kept):
    token = {"idToken": "AB12", "type": "ISO14443"}
    talk.says(
        "TransactionEvent",
        event("Started", 0, "Authorized", evse={"id": 1}, idToken=token, reservationId=kept.id),
    )
    assert kept.state is ReservationState.USED
    assert kept.session_id


def test_one_that_begins_with_the_cable_uses_it_when_the_tag_comes(talk, kept):
    token = {"idToken": "AB12", "type": "ISO14443"}
    talk.says("TransactionEvent", event("Started", 0, "CablePluggedIn", evse={"id": 1}))
    talk.says(
        "TransactionEvent", event("Updated", 1, "Authorized", idToken=token, reservationId=kept.id)
    )
    assert kept.state is ReservationState.USED


def test_a_reserved_connector_that_faults_is_kept_no_longer(talk, kept):
    status = {"timestamp": "2026-03-02T09:00:00Z", "evseId": 1, "connectorId": 1}
    talk.says("StatusNotification", {**status, "connectorStatus": "Faulted"})
    assert kept.state is ReservationState.FAULTED
