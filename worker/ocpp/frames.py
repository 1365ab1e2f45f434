"""The five kinds of frame of OCPP-J: reading them leniently, writing them strictly.

Reading never raises: text that is no frame becomes a `BadFrame` that says what is wrong and, where
it can be made out, which call an error must answer.  Deviations that real chargers are known for
are repaired unless `strict`, and every repair is named on the frame.
"""

from dataclasses import dataclass
from typing import Any

from worker.ocpp.faults import Fault

#: The identifier of a message.  Strings by the specification; numbers are echoed as they came.
MessageId = str | int | float

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A request (`[2, id, action, payload]`).

    `text` is the raw frame for the message log; `notes` names the repairs that were needed to
    read it and other peculiarities worth recording on the station.
    """

    message_id: MessageId
    action: str
    payload: Payload
    text: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Send:
    """A request that wants no answer (OCPP 2.1, `[6, id, action, payload]`)."""

    message_id: MessageId
    action: str
    payload: Payload
    text: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The answer to a call (`[3, id, payload]`)."""

    message_id: MessageId
    payload: Payload
    text: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Error:
    """The refusal of a call (`[4, id, code, description, details]`).

    With `of_result` it refuses one of our answers (OCPP 2.1, `[5, …]`).
    """

    message_id: MessageId
    fault: Fault
    code: str
    description: str
    details: Payload
    of_result: bool = False
    text: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class BadFrame:
    """Text that is no frame.

    `problem` is a sentence for a person.  `message_id` is set when an error can be sent to the
    call it spoils; `message_type` is the number of a frame of unknown kind.
    """

    problem: str
    fault: Fault
    message_id: MessageId | None = None
    message_type: int | None = None
    text: str = ""


Frame = Call | Send | Result | Error | BadFrame
