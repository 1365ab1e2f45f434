"""What the seeded network said and was told: messages, taps, commands, refused connections."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import CommandState, MessageOutcome, Order, Verdict
from app.models import (
    Authorisation,
    ChargingSession,
    Command,
    Deviation,
    HandshakeAttempt,
    Message,
    MeterReading,
    StationReport,
)


def fill(db: Session, made: Any) -> None:
    """Add the log of the finished and the running session, then what went wrong elsewhere."""
    with db.no_autoflush:
        _messages(db, made)
    _commands(db, made)
    _doorway(db, made)


def _messages(db: Session, made: Any) -> None:
    for name in ("finished", "running"):
        _session(db, made.sessions[name])
    _troubles(db, made)
    logged = sorted((row for row in db.new if isinstance(row, Message)), key=lambda row: row.at)
    for row in logged:
        db.expunge(row)
    db.add_all(logged)  # in the order of time: so do the log's ids go


def message(
    db: Session, station_id: int, at: datetime, action: str, request: Any, answer: Any, **given: Any
) -> Message:
    """Add an answered call; `given` are other columns of `Message`."""
    row = Message(
        **{
            "station_id": station_id,
            "at": at,
            "action": action,
            "message_id": f"{int(at.timestamp() * 1000):x}",
            "request": request if isinstance(request, str) else json.dumps(request),
            "response": None if answer is None else json.dumps(answer),
            "outcome": MessageOutcome.ANSWERED,
            "latency_ms": 3.2,
            **given,
        }
    )
    db.add(row)
    return row


def _session(db: Session, row: ChargingSession) -> None:
    own: dict[str, Any] = {"session_id": row.id}
    place, start = row.station_id, row.started_at
    accepted = {"idTagInfo": {"status": "Accepted"}}
    message(db, place, start - timedelta(seconds=9), "Authorize", {"idTag": row.token}, accepted)
    db.add(
        Authorisation(
            tenant_id=row.tenant_id,
            station_id=place,
            evse=row.evse,
            token=row.token,
            tag_id=row.tag_id,
            session_id=row.id,
            occasion="start",
            verdict=Verdict.ACCEPTED,
            reason="listed",
            sentence=f"Card {row.token} is active and may charge at every site.",
            at=start,
        )
    )
    begin = {"connectorId": 1, "idTag": row.token, "meterStart": int(row.meter_start_wh or 0)}
    begin["timestamp"] = _stamp(start)
    message(
        db, place, start, "StartTransaction", begin, {**accepted, "transactionId": row.id}, **own
    )
    state = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}
    message(db, place, start + timedelta(seconds=3), "StatusNotification", state, {})
    query = select(MeterReading).where(MeterReading.session_id == row.id)
    for said in db.scalars(query.order_by(MeterReading.taken_at)).all()[::2]:
        message(db, place, said.taken_at, "MeterValues", _meter(said), {}, **own)
    if end := row.ended_at:
        stop = {"transactionId": row.id, "meterStop": int(row.meter_stop_wh or 0)}
        stop |= {"timestamp": _stamp(end), "reason": "EVDisconnected"}
        message(db, place, end, "StopTransaction", stop, accepted, **own)


def _meter(said: MeterReading) -> dict[str, Any]:
    sampled = [
        {
            "value": value,
            "unit": unit,
            "measurand": measurand,
            **({"phase": phase} if phase else {}),
        }
        for measurand, value, unit, phase, *_ in said.samples
    ]
    values = [{"timestamp": _stamp(said.taken_at), "sampledValue": sampled}]
    return {"connectorId": 1, "transactionId": said.session_id, "meterValue": values}


def _troubles(db: Session, made: Any) -> None:
    now, place = made.now, made.stations["CP-03"].id
    fault = {"connectorId": 2, "status": "Faulted", "errorCode": "GroundFailure"}
    fault["vendorErrorCode"] = "0x31"
    message(db, place, now - timedelta(minutes=9), "StatusNotification", fault, {})
    message(
        db,
        place,
        now - timedelta(minutes=8),
        "UnlockConnector",
        {"connectorId": 2},
        {"status": "UnlockFailed"},
        outbound=True,
        latency_ms=2100.0,
    )
    message(
        db,
        place,
        now - timedelta(minutes=6),
        "TriggerMessage",
        {"requestedMessage": "StatusNotification", "connectorId": 2},
        {"status": "Accepted"},
        outbound=True,
        latency_ms=84.0,
    )
    message(
        db,
        made.stations["CP-02"].id,
        now - timedelta(minutes=5),
        "StatusNotification",
        {"connectorId": "two"},
        None,
        outcome=MessageOutcome.REFUSED,
        error_code="TypeConstraintViolation",
        error_description="connectorId must be an integer",
    )
    message(
        db,
        made.stations["CP-05"].id,
        now - timedelta(minutes=4),
        "GetConfiguration",
        {"key": ["HeartbeatInterval"]},
        None,
        outbound=True,
        outcome=MessageOutcome.TIMED_OUT,
        latency_ms=None,
    )
    message(
        db,
        made.stations["CP-05"].id,
        now - timedelta(minutes=3),
        "",
        '[3,"77"',
        None,
        outcome=MessageOutcome.STRAY,
        latency_ms=None,
        error_description="The frame ends before its payload.",
    )


def _commands(db: Session, made: Any) -> None:
    station = made.stations["CP-03"]
    at = made.sessions["finished"].started_at + timedelta(minutes=61)
    db.add(
        Command(
            tenant_id=station.tenant_id,
            station_id=station.id,
            order=Order.TRIGGER,
            arguments={"message": "meter_values", "evse": 1},
            state=CommandState.ACCEPTED,
            sentence="The station accepted.",
            action="TriggerMessage",
            request={"requestedMessage": "MeterValues", "connectorId": 1},
            answer={"status": "Accepted"},
            latency_ms=84.0,
            requested_by="Grace Hopper",
            requested_at=at,
            expires_at=at + timedelta(seconds=30),
            sent_at=at,
            settled_at=at + timedelta(milliseconds=84),
            session_id=made.sessions["finished"].id,
        )
    )
    db.add(
        Deviation(
            station_id=station.id,
            code="time_offset",
            count=211,
            first_at=made.now - timedelta(days=60),
            last_at=made.now - timedelta(minutes=2),
            example='"2026-03-02T08:02:11+01:00"',
        )
    )
    db.add(
        StationReport(
            station_id=station.id,
            kind="boot",
            word="Alfen Eve Double Pro",
            payload={"firmwareVersion": "6.4.0-4210"},
            at=made.now - timedelta(days=2, hours=3),
            received_at=made.now - timedelta(days=2, hours=3),
        )
    )


def _doorway(db: Session, made: Any) -> None:
    station = made.stations["CP-06"]
    db.add(
        HandshakeAttempt(
            tenant_id=station.tenant_id,
            station_id=station.id,
            identity=station.identity,
            path=f"/ocpp/{station.identity}",
            address="203.0.113.7",
            subprotocols="ocpp1.6",
            had_credentials=True,
            status=401,
            reason="wrong_password",
            sentence="The password is not the one of this station.",
            count=12,
            first_at=made.now - timedelta(minutes=14),
            last_at=made.now - timedelta(minutes=1),
        )
    )


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
