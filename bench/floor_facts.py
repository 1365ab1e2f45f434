"""What the floor makes of a message: the rows that the product writes, and the answer.

Nothing is decided: every tag is known and allowed, every session is in memory.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.floor_store import Rows, changed
from worker.ocpp.fields import read_instant

Payload = dict[str, Any]
#: The answer, rows to write by table, changes to sessions, and the session that it is about.
Told = tuple[Payload, dict[str, Rows], Rows, int | None]

_MEASURANDS = {
    "Power.Active.Import": "power",
    "Current.Import": "current",
    "Voltage": "voltage",
    "Energy.Active.Import.Register": "register",
}


@dataclass
class Running:
    """A session that goes on: its number, its first register in thousandths of a Wh."""

    number: int
    start_wh: int


@dataclass
class Station:
    """A station and what it has running, by its transaction."""

    number: int
    identity: str
    running: dict[str, Running] = field(default_factory=dict)


class Facts:
    """Turns messages into rows; `next_number` is the number of the next session."""

    def __init__(self, tags: dict[str, tuple[int, int]], next_number: int) -> None:
        self._tags = tags
        self._next = next_number

    def take(self, station: Station, action: str, call: Payload, now: str) -> Told:
        """Take in a call that came at `now` (as the database writes it)."""
        handler = getattr(self, f"_{action}", None)
        if handler is None:
            return (
                {"status": "Accepted", "currentTime": f"{now[:10]}T{now[11:]}Z", "interval": 300},
                {},
                [],
                None,
            )
        told: Told = handler(station, call, now)
        return told

    def _Authorize(self, station: Station, call: Payload, now: str) -> Told:
        new = "idToken" in call
        token = call["idToken"]["idToken"] if new else call["idTag"]
        row = self._decision(station, token, None, "authorize", now)
        answer = {"idTokenInfo" if new else "idTagInfo": {"status": "Accepted"}}
        return answer, {"authorisations": [row]}, [], None

    def _StartTransaction(self, station: Station, call: Payload, now: str) -> Told:
        number, at = self._number(), _at(call["timestamp"])
        start_wh, token = call["meterStart"] * 1000, call["idTag"]
        station.running[str(number)] = Running(number, start_wh)
        key = hashlib.sha256(f"{station.number}|{number}".encode()).hexdigest()[:40]
        rows = {
            "charging_sessions": [
                self._session(station, number, str(number), key, token, "id_tag", at, now, start_wh)
            ],
            "authorisations": [self._decision(station, token, number, "start", now)],
        }
        answer = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        return answer, rows, [], number

    def _MeterValues(self, station: Station, call: Payload, now: str) -> Told:
        number = call["transactionId"]
        rows = [_reading(station.number, number, value, now)[0] for value in call["meterValue"]]
        return {}, {"meter_readings": rows}, [], number

    def _StopTransaction(self, station: Station, call: Payload, now: str) -> Told:
        session = station.running.pop(str(call["transactionId"]))
        stop_wh, at = call["meterStop"] * 1000, _at(call["timestamp"])
        row = self._decision(station, call["idTag"], session.number, "stop", now)
        change = _ended(session, stop_wh, at, now, call["idTag"], None)
        answer = {"idTagInfo": {"status": "Accepted"}}
        return answer, {"authorisations": [row]}, [change], session.number

    def _TransactionEvent(self, station: Station, call: Payload, now: str) -> Told:
        kind, at = call["eventType"], _at(call["timestamp"])
        reference = call["transactionInfo"]["transactionId"]
        token = call.get("idToken", {}).get("idToken")
        session = station.running.get(reference) or Running(self._number(), -1)
        found = [_reading(station.number, session.number, one, now) for one in call["meterValue"]]
        register_wh = found[-1][1]
        rows: dict[str, Rows] = {
            "transaction_events": [_event(station.number, session.number, call, at, now)],
            "meter_readings": [row for row, _ in found],
        }
        changes: Rows = []
        answer: Payload = {}
        if token is not None:
            occasion = "start" if kind == "Started" else "stop"
            rows["authorisations"] = [self._decision(station, token, session.number, occasion, now)]
            answer = {"idTokenInfo": {"status": "Accepted"}}
        if kind == "Started":
            session.start_wh = register_wh
            station.running[reference] = session
            about = (session.number, reference, f"ref|{reference}", token, "iso14443")
            rows["charging_sessions"] = [self._session(station, *about, at, now, register_wh)]
        elif kind == "Ended":
            del station.running[reference]
            changes.append(_ended(session, register_wh, at, now, token, call["seqNo"]))
        else:
            changes.append(_progress(session, register_wh, at, call["seqNo"]))
        if kind != "Updated":
            rows["status_events"] = [_status(station.number, kind, at, now)]
        return answer, rows, changes, session.number

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _session(
        self,
        station: Station,
        number: int,
        reference: str,
        key: str,
        token: str,
        kind: str,
        at: str,
        now: str,
        start_wh: int,
    ) -> tuple[Any, ...]:
        why = "“Standard” version 1 applies because it is the price of the site Bench."
        return (
            *(number, 1, 1, station.number, 1, 1, reference, key, "charging", "open", token, kind),
            *(*self._tags[token], 0, "Europe/Berlin", "EUR", 1, why, at, now, start_wh, 0, 0),
            *(start_wh, at, "[]"),
        )

    def _decision(
        self, station: Station, token: str, session: int | None, occasion: str, now: str
    ) -> tuple[Any, ...]:
        facts = (
            f'{{"mode":"listed","tag":"{token}","status":"active",'
            '"expires_at":null,"limit":null,"group":null}'
        )
        sentence = f"The tag {token} is listed and allowed at {station.identity}."
        tag = self._tags[token][0]
        return (
            *(1, station.number, 1, token, tag, session, occasion, "accepted", "listed"),
            *(sentence, facts, now),
        )


def _at(text: str) -> str:
    found = read_instant(text)
    assert found is not None
    return found.at.replace(tzinfo=None).isoformat(" ")


def _reading(station: int, session: int, value: Payload, now: str) -> tuple[tuple[Any, ...], int]:
    """A row of meter_readings, and its register in thousandths of a Wh."""
    values, samples = {}, []
    for one in value["sampledValue"]:
        values[_MEASURANDS.get(one["measurand"])] = float(one["value"])
        unit = one.get("unit") or one.get("unitOfMeasure", {}).get("unit")
        more = (one.get("phase"), one.get("location"), one.get("context"), False)
        samples.append((one["measurand"], str(one["value"]), unit, *more))
    text = orjson.dumps(samples).decode()
    at = _at(value["timestamp"])
    digest = hashlib.blake2b(f"{session}|{at}|{text}".encode(), digest_size=16).hexdigest()
    register_wh = round(values["register"] * 1000)
    measured = (values.get("power"), values.get("current"), values.get("voltage"))
    return (station, session, 1, at, now, register_wh, *measured, 0, text, digest), register_wh


def _event(station: int, session: int, call: Payload, at: str, now: str) -> tuple[Any, ...]:
    token = call.get("idToken", {})
    text = orjson.dumps(call).decode()
    digest = hashlib.blake2b(f"{station}|{text}".encode(), digest_size=16).hexdigest()
    about = call["transactionInfo"]
    return (
        *(station, about["transactionId"], session, call["eventType"].lower(), call["seqNo"]),
        *(call["triggerReason"], at, now, 0, 1, 1, token.get("idToken")),
        *("iso14443" if token else None, about["chargingState"].lower(), "{}", "{}", text, digest),
    )


def _status(station: int, kind: str, at: str, now: str) -> tuple[Any, ...]:
    activity = "charging" if kind == "Started" else "idle"
    return (station, 1, 1, "available", activity, "Occupied", at, now)


def _ended(
    session: Running, stop_wh: int, at: str, now: str, token: str | None, seq_no: int | None
) -> tuple[Any, ...]:
    return changed(
        session.number,
        state="ended",
        ended_at=at,
        stop_received_at=now,
        meter_stop_wh=stop_wh,
        stop_reason="local",
        stop_word="Local",
        stop_token=token,
        energy_wh=stop_wh - session.start_wh,
        last_register_wh=stop_wh,
        last_power_w=0.0,
        last_seq_no=seq_no,
        last_reading_at=at,
    )


def _progress(session: Running, register_wh: int, at: str, seq_no: int) -> tuple[Any, ...]:
    return changed(
        session.number,
        state="charging",
        energy_wh=register_wh - session.start_wh,
        last_register_wh=register_wh,
        last_power_w=11_040.0,
        last_seq_no=seq_no,
        last_reading_at=at,
    )
