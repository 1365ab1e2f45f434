"""An OCPP message in one line of words: `4 samples · 22.41 kWh · 21.8 kW`.

WORDS is the table: action -> how its request (and its answer) is said.  An
action that is not in it is said by its first few fields.  What a charger sends
may be anything at all, so every look into it expects nothing.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.energy import POWER, REGISTER, at_outlet, to_base_unit
from app.domain.vocabulary import MessageOutcome
from app.models import Message
from app.presentation import FIXED, THIN, kw, kwh, number

DOT = " · "
_LONGEST = 80
_LONGEST_BODY = 40_000

#: How a call ended when it was not answered.
ENDS = {
    MessageOutcome.TIMED_OUT: "no answer in time",
    MessageOutcome.LOST: "the connection was lost before an answer",
    MessageOutcome.STRAY: "an answer that nobody waits for",
}


def in_words(message: Message) -> str:
    """Say a message and its answer in one line of plain text."""
    request, answer = parsed(message.request), parsed(message.response)
    said = WORDS.get(message.action, _fields)(_record(request), _record(answer))
    if not said and not isinstance(request, dict):
        said = short(message.request)
    end = _end(message, _record(answer))
    return " → ".join(part for part in (said, end) if part)


def _end(message: Message, answer: dict[str, Any]) -> str:
    if message.outcome is MessageOutcome.REFUSED:
        return DOT.join(filter(None, [message.error_code or "", message.error_description or ""]))
    if message.outcome in ENDS:
        return ENDS[message.outcome]
    status = answer.get("status")
    if status is None:
        status = _record(answer.get("idTagInfo")).get("status")
    return short(status) if status is not None else ""


def parsed(text: str | None) -> Any:
    """Read JSON text; None for what is none (or too deep to be read)."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def pretty(text: str | None) -> str:
    """Lay JSON text out in lines; anything else is given back as it came, and no more than fits."""
    value = parsed(text)
    laid_out = text or ""
    if value is not None:
        with suppress(RecursionError):
            laid_out = json.dumps(value, indent=2, ensure_ascii=False)
    if len(laid_out) > _LONGEST_BODY:
        laid_out = laid_out[:_LONGEST_BODY] + "\n… the export has the rest"
    # JSON may escape half of a character; no page can be made of that.
    return laid_out.encode("utf-8", "backslashreplace").decode()


def short(value: Any) -> str:
    """Write any value in a few characters of one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    kept = (c if c.isprintable() or c in THIN + FIXED else " " for c in text[: _LONGEST * 4])
    text = " ".join(filter(None, "".join(kept).split(" ")))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _record(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _records(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        exact = Decimal(str(value).strip()[:40])
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and abs(exact.adjusted()) < 18 else None


def _said(*parts: Any) -> str:
    return DOT.join(text for part in parts if (text := short(part)))


def _named(word: str, value: Any) -> str:
    """`word value`, or nothing when there is no value."""
    text = short(value)
    return f"{word} {text}" if text else ""


def _plug(request: dict[str, Any]) -> str:
    plug = request.get("connectorId")
    return "the station" if plug == 0 else _named("connector", plug)


def _register(word: str, value: Any) -> str:
    exact = _decimal(value)
    return f"{word} {kwh(exact)}" if exact is not None else _named(word, value)


def _fields(request: dict[str, Any], answer: dict[str, Any]) -> str:
    plain = [(key, value) for key, value in request.items() if not isinstance(value, dict | list)]
    return DOT.join(f"{short(key)} {short(value)}".strip() for key, value in plain[:4])


def _boot(request: dict[str, Any], answer: dict[str, Any]) -> str:
    who = f"{short(request.get('chargePointVendor'))} {short(request.get('chargePointModel'))}"
    return _said(
        who.strip(),
        _named("firmware", request.get("firmwareVersion")),
        _named("serial", request.get("chargePointSerialNumber")),
    )


def _status(request: dict[str, Any], answer: dict[str, Any]) -> str:
    error = request.get("errorCode")
    return _said(
        f"{_plug(request)} {short(request.get('status'))}".strip(),
        None if error == "NoError" else error,
        _named("vendor", request.get("vendorErrorCode")),
        request.get("info"),
    )


def _start(request: dict[str, Any], answer: dict[str, Any]) -> str:
    return _said(
        _plug(request),
        _named("tag", request.get("idTag")),
        _register("from", request.get("meterStart")),
        _named("session", answer.get("transactionId")),
    )


def _stop(request: dict[str, Any], answer: dict[str, Any]) -> str:
    return _said(
        _named("session", request.get("transactionId")),
        _register("at", request.get("meterStop")),
        request.get("reason"),
        _named("tag", request.get("idTag")),
    )


def _meter(request: dict[str, Any], answer: dict[str, Any]) -> str:
    samples = [
        sample
        for reading in _records(request.get("meterValue"))
        for sample in _records(reading.get("sampledValue"))
    ]
    count = f"{len(samples)} sample{'' if len(samples) == 1 else 's'}"
    energy, power, soc = _latest(samples, REGISTER), _latest(samples, POWER), None
    charge = _latest(samples, "SoC")
    if charge is not None:
        soc = f"{number(charge)} %"
    return _said(
        count,
        None if energy is None else kwh(energy),
        None if power is None else kw(power),
        soc,
        _plug(request) if not samples else None,
    )


def _latest(samples: list[dict[str, Any]], measurand: str) -> Decimal | None:
    """The last unphased value of a measurand, else the sum of the last phases; base unit."""
    phases: dict[str, Decimal] = {}
    for sample in samples:
        value = _decimal(sample.get("value"))
        location = sample.get("location")
        if value is None or (sample.get("measurand") or REGISTER) != measurand:
            continue
        if isinstance(location, str) and not at_outlet(location):
            continue
        unit = sample.get("unit")
        base, _ = to_base_unit(value, unit if isinstance(unit, str) else None, measurand)
        phases[short(sample.get("phase"))] = base
    return phases.get("", sum(phases.values())) if phases else None


def _heartbeat(request: dict[str, Any], answer: dict[str, Any]) -> str:
    return _named("clock given:", answer.get("currentTime"))


def _read_settings(request: dict[str, Any], answer: dict[str, Any]) -> str:
    keys = request.get("key")
    asked = _said(*keys[:3]) if isinstance(keys, list) and keys else "all settings"
    found = answer.get("configurationKey")
    unknown = answer.get("unknownKey")
    return _said(
        asked,
        f"{len(found)} told" if isinstance(found, list) else None,
        f"{len(unknown)} unknown" if isinstance(unknown, list) and unknown else None,
    )


def _words(*names: tuple[str, str] | str) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Say fields one after the other; a pair puts a word in front of its field."""

    def say(request: dict[str, Any], answer: dict[str, Any]) -> str:
        return _said(
            *(
                (_plug(request) if name == "connectorId" else request.get(name))
                if isinstance(name, str)
                else _named(name[0], request.get(name[1]))
                for name in names
            )
        )

    return say


WORDS: dict[str, Callable[[dict[str, Any], dict[str, Any]], str]] = {
    "Authorize": _words(("tag", "idTag")),
    "BootNotification": _boot,
    "DataTransfer": _words(("vendor", "vendorId"), "messageId", "data"),
    "DiagnosticsStatusNotification": _words("status"),
    "FirmwareStatusNotification": _words("status"),
    "Heartbeat": _heartbeat,
    "LogStatusNotification": _words("status", ("request", "requestId")),
    "MeterValues": _meter,
    "SecurityEventNotification": _words("type", "techInfo"),
    "SignCertificate": lambda request, answer: "a certificate request",
    "SignedFirmwareStatusNotification": _words("status", ("request", "requestId")),
    "StartTransaction": _start,
    "StatusNotification": _status,
    "StopTransaction": _stop,
    "ChangeAvailability": _words("connectorId", "type"),
    "ChangeConfiguration": _words("key", "value"),
    "ClearCache": lambda request, answer: "",
    "GetConfiguration": _read_settings,
    "RemoteStartTransaction": _words(("tag", "idTag"), "connectorId"),
    "RemoteStopTransaction": _words(("session", "transactionId")),
    "Reset": _words("type"),
    "TriggerMessage": _words("requestedMessage", "connectorId"),
    "UnlockConnector": _words("connectorId"),
}
