"""Secrets that chargers say and are told, in every version, stand nowhere afterwards."""

import contextlib
import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, select, text
from websockets.exceptions import InvalidStatus

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.models import Command, Message, Station
from tests.support.depot import furnish
from tests.support.raw_station import RawStation
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.landing, pytest.mark.timeout(300)]

#: Where a secret may stand for good: in no column in words.  This is how planted ones look.
PLANTED = re.compile(r"C4nary[0-9a-z]+")
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


class Planter:
    """Makes secrets that tell by their name where they were planted."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def at(self, place: str) -> str:
        secret = f"C4nary{len(self.places):03}x"
        self.places[secret] = place
        return secret


def texts_of(site):
    """Every text of every table, with where it stands; then the logs and mails."""
    with site.read() as db:
        for table in inspect(db.connection()).get_table_names():
            for row in db.execute(text(f'SELECT * FROM "{table}"')).mappings():
                for column, value in row.items():
                    yield f"{table}.{column}", str(value)
    for path in site.data_dir.rglob("*"):
        if path.is_file() and path.suffix in (".log", ".eml", ".csv", ".json"):
            yield path.name, path.read_text("utf-8", "replace")


def found(site, planter):
    return sorted(
        {
            f"{planter.places.get(secret, secret)} stands in {place}"
            for place, value in texts_of(site)
            for secret in PLANTED.findall(value)
        }
    )


def broken(station, planter):
    """Frames that are no frames, answers to nothing, and errors with details."""
    hidden = planter.at
    for said in (
        f'[2,"b1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{hidden("broken")}"',
        f"[2,'b2','DataTransfer',{{'password':'{hidden('single quotes')}'}}]",
        f'{{"password":"{hidden("no frame")}"}}',
        f'[9,"b4",{{"data":"secret={hidden("unknown type")}"}}]',
        json.dumps([3, "b5", {"configurationKey": [
            {"key": "AuthorizationKey", "readonly": False, "value": hidden("stray answer")}]}]),
        json.dumps([4, "b6", "InternalError", f"password={hidden('stray error')}",
                    {"apiKey": hidden("error details")}]),
        f"password={hidden('bare words')}",
        json.dumps([2, "b8", "NoSuchAction", {"password": hidden("unknown action")}]),
    ):  # fmt: skip
        station.socket.send(said)


def transfers(station, planter):
    """DataTransfer with texts of every kind."""
    hidden = planter.at
    for said in (
        json.dumps({"password": hidden("JSON in a text")}),
        f"user=x&password={hidden('a form')}",
        f"<c><password>{hidden('XML')}</password></c>",
        f"ftp://me:{hidden('an address')}@host/x",
        f"Authorization: Bearer {hidden('a header')}",
        f"user%3Dx%26password%3D{hidden('percent-coded')}",
    ):
        station.call("DataTransfer", {"vendorId": "acme", "data": said})
    with contextlib.suppress(AssertionError):  # an object is refused where it is not allowed
        payload = {"vendorId": "acme", "data": {"deep": [{"wifiPassword": hidden("an object")}]}}
        station.call("DataTransfer", payload)


def told_16(station, planter):
    hidden, at = planter.at, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    station.call("StatusNotification", {
        "connectorId": 1, "errorCode": "OtherError", "status": "Faulted", "timestamp": at,
        "info": f"password={hidden('status info')}", "vendorErrorCode": "x"})  # fmt: skip
    station.call("SecurityEventNotification", {
        "type": "InvalidMessages", "timestamp": at,
        "techInfo": f'{{"password":"{hidden("security event")}"}}'})  # fmt: skip
    with contextlib.suppress(AssertionError):
        station.call("StopTransaction", {
            "transactionId": 77, "meterStop": 1, "timestamp": at,
            "customData": {"vendorId": "x", "password": hidden("stray stop")}})  # fmt: skip


def told_2x(station, planter):
    hidden, at = planter.at, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    named = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    event = {
        "eventId": 1, "timestamp": at, "trigger": "Delta", "actualValue": hidden("NotifyEvent"),
        "eventNotificationType": "CustomMonitor", "techInfo": f"was {hidden('techInfo')}", **named,
    }  # fmt: skip
    more = {"vendorId": "acme", "token": "x", "password": hidden("customData")}
    said = {"generatedAt": at, "seqNo": 0, "eventData": [event], "customData": more}
    station.call("NotifyEvent", said)
    attribute = {"type": "Actual", "value": hidden("NotifyReport"), "mutability": "WriteOnly"}
    reported = {**named, "variableAttribute": [attribute]}
    said = {"requestId": 1, "generatedAt": at, "seqNo": 0, "reportData": [reported]}
    station.call("NotifyReport", said)
    station.call("SecurityEventNotification", {
        "type": "InvalidMessages", "timestamp": at,
        "techInfo": f"password={hidden('security event 2.x')}"})  # fmt: skip
    station.call("TransactionEvent", {
        "eventType": "Started", "timestamp": at, "triggerReason": "CablePluggedIn", "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"}, "evse": {"id": 1, "connectorId": 1},
        "customData": {"vendorId": "x", "secret": hidden("TransactionEvent")}})  # fmt: skip


def ordered(site, station, planter):
    """Orders with secrets, answered in ways that repeat them."""
    hidden, old = planter.at, station.socket.subprotocol == "ocpp1.6"
    named = {"component": {"name": "Modem"}, "variable": {"name": "ApnPassword"}}
    sent = [hidden(f"order {number}") for number in range(3)]
    raw = [
        ("ChangeConfiguration", {"key": "WifiPassword", "value": sent[0]}),
        ("DataTransfer", {"vendorId": "acme", "data": f"password={sent[1]}"}),
        ("ChangeConfiguration", {"key": "ApnPassword", "value": sent[2]}),
    ]
    if not old:
        for place in (0, 2):
            raw[place] = (
                "SetVariables",
                {"setVariableData": [{**named, "attributeValue": sent[place]}]},
            )
    for number, (action, payload) in enumerate(raw):
        given = {"action": action, "payload": payload, "check": False}
        with site.work() as db:
            query = select(Station).where(Station.identity == station.identity)
            row = commands.queue(
                *(db, SYSTEM, db.scalars(query).one(), Order.RAW, given),
                now=datetime.now(UTC),
                ttl_s=60,
            )
            command_id = row.id
        message_id, _ = station.hear(action)
        if number == 2:
            details = {"value": sent[2], "apiKey": hidden("our call refused")}
            error = [4, message_id, "InternalError", f"cannot take {sent[2]}", details]
            station.socket.send(json.dumps(error))
        else:
            info = {"reasonCode": "x", "additionalInfo": f"not {sent[number]}, really"}
            station.answer(message_id, {"status": "Rejected", "statusInfo": info})
        eventually(lambda number=command_id: _ended(site, number))


def _ended(site, number):
    with site.read() as db:
        return db.get(Command, number).state not in (CommandState.QUEUED, CommandState.SENT)


@pytest.mark.parametrize("version", VERSIONS)
def test_planted_secrets_are_found_nowhere(make_site, version):
    site, planter = make_site(processes=("worker",)), Planter()
    [(identity, password)] = furnish(site).stations
    station = RawStation(site, identity, password, version)
    station.boot()
    transfers(station, planter)
    (told_16 if version == "ocpp1.6" else told_2x)(station, planter)
    ordered(site, station, planter)
    broken(station, planter)
    with contextlib.suppress(OSError, InvalidStatus):
        query = f"{identity}?password={planter.at('the address of a handshake')}"
        RawStation(site, query, password, version)
    station.close()

    def logged():
        with site.read() as db:
            return len(db.scalars(select(Message.id)).all()) >= 16

    eventually(logged)
    site.processes["worker"].stop()
    assert found(site, planter) == []
