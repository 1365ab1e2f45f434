"""Reservations over OCPP 1.6: what the station hears, and what its words come to."""

import pytest

from app.domain.access import tag_groups, tags
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, ReservationState
from app.models import ChargingSession, Reservation
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture
def talk(db, now):
    talk = Dialogue(db, now, Version.V16)
    tenant_id = talk.station.tenant_id
    fleet = tag_groups.add(db, SYSTEM, tenant_id, now=now, name="Fleet")
    tags.add(db, SYSTEM, tenant_id, now=now, value="AB12", group_id=fleet.id)
    tags.add(db, SYSTEM, tenant_id, now=now, value="0" * 21)
    return talk


def reservation(talk):
    return talk.db.query(Reservation).one()


def test_the_station_hears_a_reservation(talk):
    talk.ask(Order.RESERVE, connector=1, token="ab12", minutes=30)
    assert talk.hears() == (
        "ReserveNow",
        {
            "connectorId": 1,
            "expiryDate": "2026-03-02T09:30:00Z",
            "idTag": "AB12",
            "parentIdTag": "FLEET",
            "reservationId": reservation(talk).id,
        },
    )


def test_connector_zero_is_any(talk):
    talk.ask(Order.RESERVE, token="AB12", minutes=30)
    assert talk.hears()[1]["connectorId"] == 0


@pytest.mark.parametrize(
    ("word", "state", "sentence"),
    [
        ("Accepted", ReservationState.ACTIVE, None),
        ("Faulted", ReservationState.REJECTED, "faulted"),
        ("Occupied", ReservationState.REJECTED, "occupied"),
        ("Rejected", ReservationState.REJECTED, "does not accept such reservations"),
        ("Unavailable", ReservationState.REJECTED, "out of service"),
    ],
)
def test_each_answer_has_its_meaning(talk, word, state, sentence):
    talk.ask(Order.RESERVE, connector=1, token="AB12", minutes=30)
    talk.answers({"status": word})
    row = reservation(talk)
    assert row.state is state
    assert sentence is None or sentence in row.sentence


def test_a_tag_that_is_too_long_is_said_and_not_cut(talk):
    command = talk.ask(Order.RESERVE, connector=1, token="0" * 21, minutes=30)
    with pytest.raises(ValueError, match="longer than the 20 characters"):
        talk.hears()
    assert command.state is CommandState.QUEUED


def test_cancelling_names_the_number(talk):
    talk.ask(Order.RESERVE, connector=1, token="AB12", minutes=30)
    talk.answers({"status": "Accepted"})
    number = reservation(talk).id
    talk.ask(Order.CANCEL_RESERVATION, reservation_id=number)
    assert talk.hears() == ("CancelReservation", {"reservationId": number})
    talk.answers({"status": "Accepted"})
    assert reservation(talk).state is ReservationState.CANCELLED


def start(talk, **more):
    payload = {"connectorId": 1, "idTag": "AB12", "meterStart": 5, **more}
    return talk.says("StartTransaction", {**payload, "timestamp": "2026-03-02T09:00:00Z"})


def test_a_start_with_its_number_uses_it(talk):
    talk.ask(Order.RESERVE, connector=1, token="AB12", minutes=30)
    talk.answers({"status": "Accepted"})
    start(talk, reservationId=reservation(talk).id)
    session = talk.db.query(ChargingSession).one()
    assert (reservation(talk).state, reservation(talk).session_id) == (
        ReservationState.USED,
        session.id,
    )


@pytest.mark.parametrize("more", [{}, {"reservationId": 0}], ids=["without", "zero"])
def test_reservation_zero(talk, more):
    """Some stations write 0 in every start (X16): it is no reservation."""
    start(talk, **more)
    assert talk.db.query(ChargingSession).one().reservation_id is None


def test_a_reserved_connector_that_faults_is_kept_no_longer(talk):
    talk.ask(Order.RESERVE, connector=1, token="AB12", minutes=30)
    talk.answers({"status": "Accepted"})
    for word, state in (("Reserved", "active"), ("Faulted", "faulted")):
        status = {"connectorId": 1, "errorCode": "NoError", "status": word}
        talk.says("StatusNotification", status)
        assert reservation(talk).state == state
