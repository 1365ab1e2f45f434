"""Why a session ended, where the station gives no reason: our own order, or a driver there."""

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Order, StopReason
from app.models import ChargingSession
from tests.support import lone
from tests.support.dialogue import Dialogue
from worker.ocpp.fields import format_instant
from worker.ocpp.versions import Version


class Talk(Dialogue):
    """A station at which one session runs."""

    def begins(self) -> None:
        """A driver begins to charge."""
        at = format_instant(self.now)
        if self.version is Version.V16:
            start = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": at}
            self.says("StartTransaction", start)
        else:
            self.event("Started", 0, "Authorized", idToken={"idToken": "CARD", "type": "ISO14443"})

    def event(self, kind: str, number: int, trigger: str, **more: object) -> None:
        """Tell an event of the transaction."""
        about = {"transactionId": "tx-1", **more.pop("about", {})}
        event = {"eventType": kind, "seqNo": number, "triggerReason": trigger}
        at = format_instant(self.now)
        self.says(
            "TransactionEvent",
            {**event, "timestamp": at, "transactionInfo": about, "evse": {"id": 1}, **more},
        )

    def ends(self, reason: str | None = None, trigger: str = "StopAuthorized") -> ChargingSession:
        """The session ends; the station says why, or does not."""
        if self.version is Version.V16:
            number = self.session().transaction_ref
            stop = {
                "transactionId": int(number),
                "meterStop": 9,
                "timestamp": format_instant(self.now),
            }
            self.says("StopTransaction", {**stop, **({"reason": reason} if reason else {})})
        else:
            self.event("Ended", 1, trigger, about={"stoppedReason": reason} if reason else {})
        return self.session()

    def session(self) -> ChargingSession:
        """The one session."""
        return self.db.scalars(select(ChargingSession)).one()

    def is_told_to_stop(self, answer: str | None = "Accepted") -> None:
        """We order the end; None: the answer has not been taken in yet."""
        self.ask(Order.STOP_CHARGING, session_id=self.session().id)
        if answer is None:
            lone.claim(self.db, self.waiting()[0].id, "worker-a", now=self.now)
        else:
            self.answers({"status": answer})


@pytest.fixture(params=list(Version), ids=lambda version: version.value)
def talk(db, now, request):
    talk = Talk(db, now, request.param)
    talk.begins()
    talk.later(minutes=20)
    return talk


def why(session):
    return session.stop_reason, session.stop_word


@pytest.mark.parametrize("answer", ["Accepted", None])
def test_an_end_without_a_reason_after_our_order_is_remote(talk, answer):
    talk.is_told_to_stop(answer)
    talk.later(seconds=5)
    assert why(talk.ends()) == (StopReason.REMOTE, None)


def test_an_end_without_a_reason_is_a_drivers_where_we_ordered_nothing(talk):
    assert why(talk.ends()) == (StopReason.LOCAL, None)


def test_an_order_that_was_refused_ends_nothing(talk):
    talk.is_told_to_stop("Rejected")
    talk.later(seconds=5)
    assert why(talk.ends()) == (StopReason.LOCAL, None)


def test_an_end_from_before_our_order_is_not_its_doing(talk):
    ended_at = talk.now
    talk.later(minutes=30)
    talk.is_told_to_stop()
    talk.now = ended_at
    assert why(talk.ends()) == (StopReason.LOCAL, None)


def test_the_stations_own_reason_stands_whatever_we_ordered(talk):
    talk.is_told_to_stop()
    talk.later(seconds=5)
    assert why(talk.ends("EVDisconnected")) == (StopReason.EV_DISCONNECTED, "EVDisconnected")


def test_an_end_that_an_order_triggered_is_remote_whoever_gave_the_order(db, now):
    talk = Talk(db, now, Version.V201)
    talk.begins()
    assert why(talk.ends(trigger="RemoteStop")) == (StopReason.REMOTE, None)
