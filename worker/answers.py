"""What the end of a call of ours means for the command behind it, in words."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.commands.orders.spec import End
from app.domain.ground.redaction import REDACTED, redact
from app.domain.ground.vocabulary import Arguments, CommandState, Outcome
from worker.dialects import DIALECTS
from worker.dialects.records import Encoding
from worker.ocpp import repairs, schemas
from worker.ocpp.events import Answered, Cancelled, Expired, Refused, Settled, TimedOut
from worker.ocpp.frames import Payload
from worker.ocpp.versions import Fault, Version

log = logging.getLogger(__name__)

#: What left nobody's hand is neither failed nor timed out.
NEVER_SENT = "The connection ended before it could be sent; it will not be sent later."

#: Words of a refusal that another form of the same order will meet again.
_FINAL = frozenset({"NotImplemented", "NotSupported"})


def understood(event: Settled, version: Version, *, strict: bool) -> Settled:
    """An answer mended as calls are (`repairs`): also an `ACCEPTED` is a yes."""
    if strict or not isinstance(event, Answered):
        return event
    mended = repairs.mend(version, event.call.action, event.payload, "result")
    return replace(event, payload=mended.payload, notes=(*event.notes, *mended.repairs))


def outcome_of(
    version: Version,
    event: Settled,
    encoding: Encoding | None,
    arguments: Arguments,
    *,
    by_us: bool = False,
) -> Outcome:
    """How a command ended, by how its call did; without an encoding any answer is a yes.

    `by_us` says that a connection that ended was closed by this side.
    """
    match event:
        case Answered(call, payload):
            if encoding is None:
                return Outcome(CommandState.ACCEPTED, payload, "The charger answered.")
            return _answered(version, call.action, payload, encoding, arguments)
        case Refused():
            return _refused(event)
        case TimedOut(call):
            wait = round((call.reply_by or 0) - (call.sent_at or 0)) or round(call.timeout_s)
            sentence = f"The charger did not answer within {wait} s; it may still act on it."
            return Outcome(CommandState.TIMED_OUT, None, sentence)
        case Expired():
            sentence = "It waited too long for its turn and was dropped; it was never sent."
            return Outcome(CommandState.EXPIRED, None, sentence)
        case Cancelled(call):
            hangs_up = call.action in DIALECTS[version].hanging_up
            return _cancelled(hangs_up, call.sent_at is not None, by_us)


def end_of(event: Settled, outcome: Outcome) -> End | None:
    """How badly a form ended; None when another one is not worth a try."""
    if isinstance(event, TimedOut):
        return End.SILENT
    if isinstance(event, Refused) and outcome.state is CommandState.FAILED:
        return End.ERROR
    if isinstance(event, Answered) and outcome.state is CommandState.REJECTED:
        return None if outcome.word in _FINAL else End.REFUSED
    return None


def _answered(
    version: Version, action: str, payload: Payload, encoding: Encoding, arguments: Arguments
) -> Outcome:
    problem = schemas.violation(version, action, "result", payload)
    if problem is not None and encoding.decode is None and "status" not in payload:
        sentence = f"The charger's answer cannot be understood: {problem.description}."
        return Outcome(CommandState.FAILED, payload, sentence)
    try:
        return encoding.outcome(payload, arguments)
    except Exception as error:
        # Whatever it is that a charger answers, it has answered: its order ends here.
        log.info("the answer to %s cannot be understood: %r", action, error)
        told = problem.description if problem else "it lacks what was asked for"
        sentence = f"The charger's answer cannot be understood: {told}."
        return Outcome(CommandState.FAILED, payload, sentence)


def _refused(event: Refused) -> Outcome:
    known = event.fault not in (Fault.NOT_IMPLEMENTED, Fault.NOT_SUPPORTED)
    state = CommandState.FAILED if known else CommandState.UNSUPPORTED
    if not event.code:
        sentence = f"The charger's answer cannot be understood: {event.description}."
        return Outcome(CommandState.FAILED, None, sentence)
    said = f"The charger answered with the error {event.code}"
    answer: Payload = {"errorCode": event.code, "errorDescription": event.description}
    if event.details:
        answer["errorDetails"] = event.details
    text = f"{said}: {event.description}" if event.description else f"{said}."
    return Outcome(state, answer, text)


def _cancelled(hangs_up: bool, was_sent: bool, by_us: bool) -> Outcome:
    if hangs_up and was_sent and not by_us:
        sentence = "The charger hung up to restart, without an answer first."
        return Outcome(CommandState.ACCEPTED, None, sentence)
    if not was_sent:
        return Outcome(CommandState.EXPIRED, None, NEVER_SENT)
    sentence = "The connection ended before the answer came; the charger may have acted on it."
    return Outcome(CommandState.FAILED, None, sentence)


def discreet(event: Settled) -> Settled:
    """What came back, without the secrets that we sent: some stations repeat them in prose."""
    if not isinstance(event, Answered | Refused):
        return event
    secrets = secrets_in(event.call.payload)
    if not secrets:
        return event
    if isinstance(event, Answered):
        return replace(event, payload=without(event.payload, secrets), text="")
    told, details = without([event.description, event.details], secrets)
    return replace(event, description=told, details=details)


def secrets_in(payload: object) -> frozenset[str]:
    """The texts that are blotted out of a payload: what must not come back in an answer."""
    return frozenset(one for one in _lost(payload, redact(payload)) if len(one) >= 4)


def without(value: object, secrets: frozenset[str]) -> Any:
    """The value with each of these texts blotted out wherever it stands."""
    if isinstance(value, dict):
        return {name: without(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [without(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REDACTED)
    return value


def _lost(before: object, after: object) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _lost(value, after.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=False):
            yield from _lost(one, other)
    elif after == REDACTED:
        yield from _texts(before)
    elif isinstance(before, str) and isinstance(after, str) and after != before:
        yield from _lost_of_text(before, after)


def _lost_of_text(before: str, after: str) -> Iterator[str]:
    try:
        yield from _lost(json.loads(before), json.loads(after))
    except ValueError:
        kept = [re.escape(part) for part in after.split(REDACTED)]
        if len(kept) <= 5 and len(before) <= 4096:  # our own orders are short
            match = re.fullmatch("(.*?)".join(kept), before, re.DOTALL)
            yield from match.groups() if match else ()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
