"""One session of 4.2 kWh as a station tells it, and the line over which it does."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.models import Bill, ChargingSession, Review
from tests.support import lone
from tests.support.line import Line

TAG = "04A2B3C4D5E680"


def at(now, minutes):
    return (now + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def by_16(now, transaction):
    """Start, reading and stop by OCPP 1.6; registers are whole."""
    reading = {"timestamp": at(now, -30), "sampledValue": [{"value": "3000", "unit": "Wh"}]}
    return [
        (
            "StartTransaction",
            {"connectorId": 1, "idTag": TAG, "meterStart": 1000, "timestamp": at(now, -60)},
        ),
        (
            "MeterValues",
            {"connectorId": 1, "transactionId": transaction, "meterValue": [reading]},
        ),
        (
            "StopTransaction",
            {"transactionId": transaction, "meterStop": 5200, "timestamp": at(now, -1)},
        ),
    ]


def by_201(now, transaction):
    """The same by OCPP 2.x."""

    def event(number, kind, minutes, register, trigger):
        sample = {"value": register, "context": "Sample.Periodic"}
        told: dict[str, Any] = (
            {"idToken": {"idToken": TAG, "type": "ISO14443"}} if number == 0 else {}
        )
        return "TransactionEvent", told | {
            "eventType": kind,
            "timestamp": at(now, minutes),
            "triggerReason": trigger,
            "seqNo": number,
            "transactionInfo": {"transactionId": str(transaction)},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": at(now, minutes), "sampledValue": [sample]}],
        }

    return [
        event(0, "Started", -60, 1000, "CablePluggedIn"),
        event(1, "Updated", -30, 3000, "MeterValuePeriodic"),
        event(2, "Ended", -1, 5200, "EVDeparted"),
    ]


@dataclass(frozen=True)
class Charger:
    """What speaks for a station, over a line of one version."""

    app: Any
    station: Any

    def __call__(self, version):
        return Line(self.app, self.station, version, strict=False)


def reasons_of(db, now):
    """Why the only session is held."""
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert db.scalar(select(Bill)) is None
    [review] = db.scalars(select(Review))
    return review.reasons


def play(line, calls, *without):
    """Say calls in order, without these members; the transaction of a start goes on to the next."""
    transaction = None
    for action, payload in calls:
        said = {name: value for name, value in payload.items() if name not in without}
        if "transactionId" in said:
            said["transactionId"] = transaction
        answer = line.ask(action, said)
        assert answer[0] == 3, answer
        transaction = answer[2].get("transactionId", transaction)
