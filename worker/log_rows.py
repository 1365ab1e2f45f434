"""Rows of the message log: what a charger said, what it was told, and what was refused."""

from datetime import datetime, timedelta

import orjson

from app.domain.ground import redaction
from app.domain.ground.vocabulary import MessageOutcome
from app.domain.office import messages
from app.domain.office.messages import Row
from app.process.clock import utc_now
from worker.dialects import DIALECTS
from worker.ocpp.events import Answered, Malformed, Refused, Repeated, Settled, Stray, TimedOut
from worker.ocpp.frames import Call, MessageId, Payload, Send
from worker.ocpp.versions import CallFault, Fault
from worker.standing import Held

#: What is noted of a call that was answered before it was stored.
SPOOLED = "It waited in the spool while the database was away."


def number_of(message_id: MessageId) -> str:
    """A message's id as the log keeps it; some chargers give none."""
    return "" if message_id is None else str(message_id)[:255].replace("\x00", "")


def of_call(
    held: Held,
    call: Call | Send,
    received_at: datetime,
    response: Payload | None,
    session_id: int | None = None,
    fault: CallFault | None = None,
    now: datetime | None = None,
) -> Row:
    """The row of a charger's call: answered (at `now`), or refused with `fault`."""
    took_ms: float | None = ((now or utc_now()) - received_at).total_seconds() * 1000
    words = None if fault is None else fault.description[:300]
    if held.told is not None:
        response, took_ms, words = held.told, None, words or SPOOLED
    return Row(
        station_id=held.link.station.id,
        connection_id=held.connection_id,
        session_id=session_id,
        outbound=False,
        message_id=number_of(call.message_id),
        action=call.action[:60],
        request=_request(held, call),
        response=None if response is None else orjson.dumps(response).decode(),
        outcome=MessageOutcome.ANSWERED if fault is None else MessageOutcome.REFUSED,
        error_code=None if fault is None else fault.fault.spelled(held.link.version),
        error_description=words,
        at=received_at,
        latency_ms=took_ms,
    )


def _request(held: Held, call: Call | Send) -> str:
    """What a charger said: its payload, and before it the whole frame where that is not plain."""
    personal = _personal(held, call.action)
    payload = messages.text_of(call.payload, _written(call), personal)
    # The frame as it came may hold what is left out of the payload.
    plain = not call.notes or bool(personal)
    return payload if plain else messages.repaired(call.text, payload)


def _personal(held: Held, action: str) -> str:
    """The member of a charger's call that tells of a customer."""
    route = DIALECTS[held.link.version].routes.get(action)
    return route.personal if route is not None else ""


def _written(call: Call | Send) -> str:
    """The payload as JSON: as it came where that says it plainly, else written anew."""
    head, text = f'[2,"{call.message_id}","{call.action}",', call.text
    if text.startswith(head) and text.endswith("}]") and not call.notes and "\\" not in text:
        return text[len(head) : -1]
    return orjson.dumps(call.payload).decode()


def of_stray(held: Held, event: Stray | Repeated | Malformed) -> Row:
    """The row of a frame that changes nothing, with why."""
    text, action, message_id, why = _parts(held, event)
    beyond = isinstance(event, Malformed) and event.frame.fault is Fault.OCCURRENCE
    return Row(
        station_id=held.link.station.id,
        connection_id=held.connection_id,
        outbound=False,
        message_id=message_id[:255],
        action=action[:60],
        request=text,
        outcome=MessageOutcome.REFUSED if beyond else MessageOutcome.STRAY,
        error_description=redaction.redact_text(why)[:300],
        at=utc_now(),
    )


def _parts(held: Held, event: Stray | Repeated | Malformed) -> tuple[str, str, str, str]:
    """The text, the action, the message id and the reason of a stray frame."""
    if isinstance(event, Repeated):
        call = event.call
        return (
            _request(held, call),
            call.action,
            number_of(call.message_id),
            "it was answered before: the same again",
        )
    if isinstance(event, Stray):
        action = event.call.action if event.call is not None else ""
        text = messages.text_of_frame(event.frame.text)
        return text, action, number_of(event.frame.message_id), event.why
    bad = event.frame
    return messages.text_of_frame(bad.text), bad.action, number_of(bad.message_id), bad.problem


def of_settled(held: Held, event: Settled, latency_ms: float | None) -> Row:
    """The row of a call of ours, by how it ended."""
    call = event.call
    response = None
    if isinstance(event, Answered):
        response = messages.text_of(event.payload)
        if event.notes and event.text:
            response = messages.repaired(event.text, response)
    outcome = {
        Answered: MessageOutcome.ANSWERED,
        Refused: MessageOutcome.REFUSED,
        TimedOut: MessageOutcome.TIMED_OUT,
    }.get(type(event), MessageOutcome.LOST)
    ago = latency_ms or 0.0
    code, description = _complaint(event)
    return Row(
        station_id=held.link.station.id,
        connection_id=held.connection_id,
        outbound=True,
        message_id=number_of(call.message_id),
        action=call.action[:60],
        request=messages.text_of(call.payload),
        response=response,
        outcome=outcome,
        error_code=code,
        error_description=description,
        at=utc_now() - timedelta(milliseconds=ago),
        latency_ms=latency_ms,
    )


def _complaint(event: Settled) -> tuple[str | None, str | None]:
    """The code and the words with which one side refused what the other said; mostly nothing."""
    if isinstance(event, Refused):
        return event.code[:60], redaction.redact_text(event.description)[:300]
    if isinstance(event, Answered) and event.complaint is not None:
        _, _, code, description, _ = orjson.loads(event.complaint)
        return code, f"The answer was sent back: {description}"[:300]
    return None, None


def about(held: Held, call: Call | Send) -> dict[str, object]:
    """What is in the log of a message."""
    info = call.payload.get("transactionInfo")
    named = info if isinstance(info, dict) else call.payload
    fields = {
        "station": held.link.station.identity,
        "station_id": held.link.station.id,
        "action": call.action,
        "message_id": number_of(call.message_id) or None,
        "transaction": named.get("transactionId"),
    }
    return {name: value for name, value in fields.items() if value is not None}
