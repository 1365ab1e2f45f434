"""What became of what the chargers of `tests/support/teller.py` told: looked for in the tables."""

import json
from collections import Counter
from datetime import datetime

from sqlalchemy import select

from app.domain.ground.vocabulary import BillingState, ReceiptState, SessionState
from app.models import (
    Authorisation,
    Bill,
    ChargingSession,
    Message,
    MeterReading,
    Receipt,
    Station,
    StatusEvent,
    TransactionEvent,
)
from tests.support.wait import eventually


def answers(tellers):
    """How many calls were answered so far; raises what ended a charger."""
    failures = [teller.failure for teller in tellers if teller.failure]
    if failures:
        raise failures[0]
    return sum(len(teller.answered) for teller in tellers)


def more_answers(tellers, count=40):
    """Wait until the chargers were answered some more."""
    before = answers(tellers)
    eventually(lambda: answers(tellers) > before + count, what="the chargers are answered")


def finish(tellers):
    """Let the chargers tell the sessions that they are at to the end."""
    for teller in tellers:
        teller.ask_to_end()
    for teller in tellers:
        teller.join(120)
    assert not any(teller.is_alive() for teller in tellers)
    answers(tellers)


def wait_until_billed(site):
    """Wait until every session has its bill, and no mail waits."""

    def done():
        with site.read() as db:
            states = Counter(db.scalars(select(ChargingSession.billing)))
            receipts = Counter(db.scalars(select(Receipt.state)))
            assert set(states) == {BillingState.BILLED}, states
            assert not receipts[ReceiptState.QUEUED], receipts
            return True

    eventually(done, within=180, what="all sessions are billed")


class Seen:
    """Looks for what was answered since it last looked."""

    def __init__(self, tellers):
        self.tellers = dict.fromkeys(tellers, 0)

    def check(self, db):
        """Each answer has its row of the log, word for word, and what it answered is there."""
        for teller, number in self.tellers.items():
            told = teller.answered[number:]
            self.tellers[teller] = number + len(told)
            station = station_of(db, teller)
            query = select(Message.message_id, Message.response)
            of_these = Message.message_id.in_([one.number for one in told])
            rows = db.execute(query.where(Message.station_id == station.id, of_these))
            logged = {(name, same(json.loads(text or "null"))) for name, text in rows}
            there = Stored(db, station)
            for one in told:
                assert (one.number, same(one.answer)) in logged, one
                assert there.has(one), one


def same(answer):
    return json.dumps(answer, sort_keys=True)


class Stored:
    """What is stored of a station, and how often."""

    def __init__(self, db, station):
        query = select(ChargingSession).where(ChargingSession.station_id == station.id)
        self.made = db.scalars(query).all()
        self.sessions = {session.transaction_ref: session for session in self.made}
        read = select(MeterReading.taken_at).where(
            MeterReading.station_id == station.id, MeterReading.register_wh.is_not(None)
        )
        self.readings = Counter(db.scalars(read))
        changed = select(StatusEvent.at).where(StatusEvent.station_id == station.id)
        self.statuses = Counter(db.scalars(changed))
        events = select(TransactionEvent.transaction_ref, TransactionEvent.seq_no)
        events = events.where(TransactionEvent.station_id == station.id)
        self.events = Counter(map(tuple, db.execute(events)))

    def has(self, told):
        """Whether what an answered call told is there."""
        payload = told.payload
        match told.action:
            case "StartTransaction":
                session = self.sessions.get(str(told.answer["transactionId"]))
                return session and session.started_at == instant(payload["timestamp"])
            case "StopTransaction":
                session = self.sessions.get(str(payload["transactionId"]))
                return session and session.ended_at == instant(payload["timestamp"])
            case "MeterValues":
                return instant(payload["meterValue"][0]["timestamp"]) in self.readings
            case "TransactionEvent":
                about = payload["transactionInfo"]["transactionId"], payload["seqNo"]
                return about in self.events
            case "StatusNotification":
                return instant(payload["timestamp"]) in self.statuses
        return True


def check_once(db, teller, redone=0):
    """Whatever was told however often is there once.

    The log and the decisions about tags hold each call as often as it came, or was done once more
    by ourselves; a taken plug that says the same on a new connection is remembered once more.
    """
    station = station_of(db, teller)
    there = Stored(db, station)
    assert len(there.sessions) == len(there.made) == len(teller.sessions)
    for told in teller.sessions:
        session = there.sessions[told.reference]
        assert (session.state, session.started_at, session.ended_at) == (
            SessionState.ENDED,
            told.began,
            told.ended,
        )
        assert (session.meter_start_wh, session.meter_stop_wh) == (told.first_wh, told.last_wh)
        assert [there.readings[at] for at, _ in told.between()] == [1, 1]
    kept = select(Authorisation.session_id).where(Authorisation.station_id == station.id)
    decided = Counter(db.scalars(kept.where(Authorisation.occasion == "start")))
    told_events = 0
    for one in teller.answered:
        times = 1
        if one.action == "StatusNotification":
            times = there.statuses[instant(one.payload["timestamp"])]
        elif one.action == "StartTransaction":
            times = decided[there.sessions[str(one.answer["transactionId"])].id]
        elif one.action == "TransactionEvent":
            told_events += 1
        assert 1 <= times <= teller.sent[one.number] + redone, one
    assert len(there.events) == told_events
    assert set(there.events.values()) <= {1}
    sent = select(Message.message_id).where(Message.station_id == station.id, ~Message.outbound)
    for number, times in Counter(db.scalars(sent)).items():
        assert times <= teller.sent[number] + redone


def check_bills(db, tellers):
    """Each session has one bill, of what its charger metered, and at most one mail."""
    due = {
        (teller.identity, told.reference): told for teller in tellers for told in teller.sessions
    }
    query = select(Bill, ChargingSession, Station.identity).select_from(Bill)
    rows = db.execute(query.join(ChargingSession).join(Station)).all()
    found = [(name, session.transaction_ref) for _, session, name in rows]
    assert sorted(found) == sorted(due)
    for bill, session, name in rows:
        told = due[name, session.transaction_ref]
        assert session.energy_wh == told.last_wh - told.first_wh
        assert bill.gross_minor == told.gross_minor
    assert len({bill.number for bill, _, _ in rows}) == len(rows)
    # No transaction of a station of 1.6, whose ids are ours, has the id of another one.
    ours = [session.transaction_ref for _, session, _ in rows if session.transaction_ref.isdigit()]
    assert len(set(ours)) == len(ours)


def name_of(message_id):
    return message_id.strip("<>").partition("@")[0]


def check_mails(db, mails, refused=()):
    """Each mail arrived once; return how many receipts are in doubt, and how many of those came.

    `refused` are the Message-IDs of those that the mail server will never take: they have failed.
    """
    receipts = db.scalars(select(Receipt)).all()
    arrived = Counter(name_of(mail["Message-ID"]) for mail in mails)
    assert set(arrived.values()) == {1}
    known = {receipt.message_id.partition("@")[0]: receipt.state for receipt in receipts}
    assert len(known) == len(receipts)
    sent = {name for name, state in known.items() if state is ReceiptState.SENT}
    doubtful = {
        name
        for name, state in known.items()
        if state in (ReceiptState.SENDING, ReceiptState.UNKNOWN)
    }
    failed = {name for name, state in known.items() if state is ReceiptState.FAILED}
    assert failed <= {name_of(number) for number in refused} - set(arrived)
    assert sent | doubtful | failed == set(known)
    assert sent <= set(arrived) <= set(known)
    return len(doubtful), len(doubtful & set(arrived))


def station_of(db, teller):
    return db.scalar(select(Station).where(Station.identity == teller.identity))


def instant(text):
    return datetime.fromisoformat(text)
