"""Long messages are taken in pieces: what they say comes to the same as if they were short."""

import copy
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import MessageOutcome, SessionState, StationMode
from app.extensions import db as flask_db
from app.models import (
    ChargingSession,
    Deviation,
    DeviceEvent,
    Message,
    MeterReading,
    StationVariable,
    StrayStop,
    TransactionEvent,
)
from tests.support.charging import any_app as app
from tests.support.gated import station
from tests.support.line import Line
from worker import checks
from worker.away import Unstored
from worker.batch import Batch
from worker.ocpp.versions import Version

__all__ = ["app"]

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


def at(second):
    return (BEGIN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def readings(count, wh=2, context=None):
    """Registers of 2.0.1, or of 1.6 as texts, a second apart."""
    more = {} if context is None else {"context": context}
    return [
        {"timestamp": at(n), "sampledValue": [{"value": n * wh, **more}]}
        for n in range(1, count + 1)
    ]


def as_16(values):
    values = copy.deepcopy(values)
    for value in values:
        for sample in value["sampledValue"]:
            sample["value"] = str(sample["value"])
    return values


@pytest.fixture
def lines(app):
    """Makes booted stations of any version."""
    made = []

    def line(version=Version.V16, *, strict=False):
        identity = f"CP-{len(made)}"
        row = station(flask_db.session(), identity, mode=StationMode.OPEN)
        found = Line(app, row, version, strict=strict)
        found.number = row.id
        made.append(found)
        about = (
            {"chargePointVendor": "Acme", "chargePointModel": "Long"}
            if version is Version.V16
            else {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Long"}}
        )
        assert found.ask("BootNotification", about)[0] == 3
        return found

    yield line
    for found in made:
        found.end()


def count(model, *conditions):
    flask_db.session.remove()
    return flask_db.session.scalar(select(func.count()).select_from(model).where(*conditions))


def session_of(line):
    flask_db.session.remove()
    query = select(ChargingSession).where(ChargingSession.station_id == line.number)
    return flask_db.session.scalars(query).one()


def stored(line):
    """What a station's readings come to, without what only tells when they were stored."""
    flask_db.session.remove()
    mine = MeterReading.station_id == line.number
    rows = flask_db.session.scalars(
        select(MeterReading).where(mine).order_by(MeterReading.taken_at)
    )
    return [
        (r.taken_at, r.register_wh, r.samples, r.evse, r.session_id is not None, r.assumed_time)
        for r in rows
    ]


def start_16(line):
    said = {"connectorId": 1, "idTag": "04A2", "meterStart": 0, "timestamp": at(0)}
    return line.ask("StartTransaction", said)[2]["transactionId"]


def event(kind, number, second, values=(), **more):
    said = {
        "eventType": kind, "timestamp": at(second), "triggerReason": "MeterValuePeriodic",
        "seqNo": number, "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 1, "connectorId": 1}, **more,
    }  # fmt: skip
    return {**said, "meterValue": list(values)} if values else said


@pytest.mark.landing
@pytest.mark.parametrize("version", [Version.V16, Version.V201], ids=["1.6", "2.0.1"])
def test_meter_values_come_to_the_same_in_one_message_and_in_many(lines, version):
    long, short = lines(version), lines(version)
    values = readings(1_000) if version is Version.V201 else as_16(readings(1_000))
    place = {"evseId": 1} if version is Version.V201 else {"connectorId": 1}
    assert long.ask("MeterValues", {**place, "meterValue": values})[2] == {}
    for begin in range(0, len(values), 100):
        short.ask("MeterValues", {**place, "meterValue": values[begin : begin + 100]})
    assert len(stored(long)) == 1_000
    assert stored(long) == stored(short)
    assert count(Message, Message.action == "MeterValues", Message.station_id == long.number) == 1


def in_capitals(value):
    if isinstance(value, list):
        return [in_capitals(one) for one in value]
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: in_capitals(one) for name, one in value.items()}
    return value


def test_a_long_list_in_other_letters_is_taken_in_pieces(lines):
    line = lines()
    told = {"connectorId": 1, "meterValue": as_16(readings(6_000))}
    assert line.ask("MeterValues", in_capitals(told))[2] == {}
    assert len(stored(line)) == 6_000
    strict = lines(strict=True)
    assert strict.ask("MeterValues", in_capitals(told))[0] == 4


def test_an_event_that_is_sent_without_waiting_for_an_answer_is_taken_in(lines):
    line = lines(Version.V21)
    first = event("Started", 0, 1, readings(1))
    assert line.tell("transactionevent", first) is MessageOutcome.ANSWERED
    assert session_of(line).transaction_ref == "tx-1"
    assert line.tell("StartTransaction", {}) is MessageOutcome.REFUSED
    strict = lines(Version.V21, strict=True)
    assert strict.tell("TransactionEvent", first) is MessageOutcome.REFUSED


def test_a_long_stop_comes_to_the_same_as_a_short_one(lines):
    long, short = lines(), lines()
    values = as_16(readings(900))
    for line in (long, short):
        number = start_16(line)
        stop = {"transactionId": number, "meterStop": 1_800, "timestamp": at(901)}
        if line is short:
            for begin in range(0, len(values), 100):
                said = {"connectorId": 1, "transactionId": number}
                line.ask("MeterValues", {**said, "meterValue": values[begin : begin + 100]})
            line.ask("StopTransaction", stop)
        else:
            assert line.ask("StopTransaction", {**stop, "transactionData": values})[0] == 3
    a, b = session_of(long), session_of(short)
    assert (a.state, a.energy_wh, a.meter_stop_wh, a.ended_at) == (
        *(b.state, b.energy_wh, b.meter_stop_wh, b.ended_at),
    )
    assert [row[:3] for row in stored(long)] == [row[:3] for row in stored(short)]
    assert all(row[4] for row in stored(long))


@pytest.mark.landing
@pytest.mark.parametrize("version", [Version.V201, Version.V21], ids=["2.0.1", "2.1"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_a_long_end_of_a_transaction_is_all_stored_and_keeps_its_last_register(
    lines, version, known
):
    line = lines(version)
    if known:
        line.ask("TransactionEvent", event("Started", 0, 0))
    ended = event("Ended", 1, 901, readings(900), triggerReason="EVDeparted")
    for _ in range(2):
        assert line.ask("TransactionEvent", ended)[0] == 3
    assert len(stored(line)) == 900
    assert all(row[4] for row in stored(line))
    assert count(TransactionEvent, TransactionEvent.kind == "ended") == 1
    if known:
        session = session_of(line)
        assert (session.state, session.meter_stop_wh) == (SessionState.ENDED, 1_800)


def test_a_long_update_begins_its_session_and_is_stored(lines):
    line = lines(Version.V201)
    assert line.ask("TransactionEvent", event("Updated", 4, 901, readings(900)))[0] == 3
    assert len(stored(line)) == 900
    assert all(row[4] for row in stored(line))
    assert count(TransactionEvent) == 1


class Dying(Batch):
    """A writer that dies after so many works."""

    left = 3

    def do(self, work, within_s=None):
        if self.left == 0:
            raise Unstored("killed")
        self.left -= 1
        return super().do(work, within_s)


@pytest.mark.parametrize("after", [1, 2, 4])
def test_what_dies_between_two_pieces_is_whole_when_it_comes_again(lines, monkeypatch, after):
    line = lines()
    number = start_16(line)
    stop = {"transactionId": number, "meterStop": 1_800, "timestamp": at(901)}
    stop["transactionData"] = as_16(readings(900))
    writer = line._dispatch._batch
    with monkeypatch.context() as patch:
        patch.setattr(writer, "__class__", Dying)
        writer.left = after
        assert line.ask("StopTransaction", stop) is None
    assert 0 < len(stored(line)) <= 900
    assert session_of(line).state is SessionState.CHARGING
    assert line.ask("StopTransaction", stop)[0] == 3
    assert len(stored(line)) == 900
    assert session_of(line).energy_wh == 1_800
    assert count(StrayStop) == 0


def test_lists_of_other_messages_are_taken_in_pieces_too(lines):
    line = lines(Version.V201)
    named = {"component": {"name": "Fan"}}
    events = [
        {
            "eventId": n, "timestamp": at(n), "trigger": "Delta", "actualValue": str(n),
            "eventNotificationType": "CustomMonitor", **named, "variable": {"name": f"V{n}"},
        }
        for n in range(90)
    ]  # fmt: skip
    told = {"generatedAt": at(0), "seqNo": 0, "eventData": events}
    assert line.ask("NotifyEvent", told)[0] == 3
    report = [
        {**named, "variable": {"name": f"V{n}"}, "variableAttribute": [{"value": str(n)}]}
        for n in range(1_000)
    ]
    told = {"requestId": 1, "generatedAt": at(0), "seqNo": 0, "reportData": report}
    assert line.ask("NotifyReport", told)[0] == 3
    assert count(DeviceEvent) == 90
    assert count(StationVariable) == 1_000
    assert count(Message, Message.action.in_(["NotifyEvent", "NotifyReport"])) == 2


def test_a_mistake_far_back_in_a_list_refuses_it_before_anything_is_stored(lines):
    line = lines(Version.V201)
    report = [
        {"component": {"name": "Fan"}, "variable": {"name": f"V{n}"},
         "variableAttribute": [{"value": str(n)}]}
        for n in range(1_000)
    ]  # fmt: skip
    del report[-1]["component"]
    told = {"requestId": 1, "generatedAt": at(0), "seqNo": 0, "reportData": report}
    assert line.ask("NotifyReport", told)[:3:2] == [4, "OccurrenceConstraintViolation"]
    assert count(StationVariable) == 0


def test_an_instant_of_too_many_samples_is_shortened_and_said_so(lines):
    line = lines()
    samples = [{"value": "1", "measurand": "Power.Active.Import"}] * (checks.HEAVIEST + 1)
    value = {"timestamp": at(1), "sampledValue": samples}
    assert line.ask("MeterValues", {"connectorId": 1, "meterValue": [value]})[2] == {}
    [(_, _, kept, *_)] = stored(line)
    assert len(kept) == checks.HEAVIEST
    line.end()
    assert count(Deviation, Deviation.code == "too_many_samples") == 1


@pytest.mark.parametrize(
    ("version", "action", "said", "code"),
    [
        (Version.V16, "MeterValues", {"connectorId": 1}, "OccurenceConstraintViolation"),
        (Version.V201, "MeterValues", {"evseId": 1}, "OccurrenceConstraintViolation"),
        (Version.V201, "DataTransfer", {"vendorId": "x"}, "OccurrenceConstraintViolation"),
    ],
)
def test_what_is_beyond_all_bounds_is_refused_and_told(
    lines, monkeypatch, version, action, said, code
):
    monkeypatch.setattr(checks, "MOST_ITEMS", 700)
    line = lines(version)
    many = as_16(readings(701)) if action == "MeterValues" else list(range(6_000))
    member = "meterValue" if action == "MeterValues" else "data"
    answer = line.ask(action, {**said, member: many})
    assert answer[:3:2] == [4, code]
    line.end()
    rows = flask_db.session.scalars(select(Message).where(Message.action == action)).all()
    assert [(row.outcome, row.error_code) for row in rows] == [(MessageOutcome.REFUSED, code)]
    assert "more than" in rows[0].error_description
    assert count(MeterReading) == 0


def test_a_short_list_in_a_long_text_is_handled_as_ever(lines):
    line = lines(Version.V21)
    assert line.tell("NotifyPeriodicEventStream", {
        "id": 1, "pending": 0, "basetime": at(0),
        "data": [{"t": n, "v": "x" * 2_000} for n in range(5)],
    }) is MessageOutcome.ANSWERED  # fmt: skip
    assert count(DeviceEvent) == 5
