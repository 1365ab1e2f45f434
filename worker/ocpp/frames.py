"""The five kinds of frame of OCPP-J: reading them leniently, writing them strictly.

Reading never raises: text that is no frame becomes a `BadFrame` that says what is wrong and, where
it can be made out, which call an error must answer.  Deviations that real chargers are known for
are repaired unless `strict`, and every repair is named on the frame.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from worker.ocpp import json_text
from worker.ocpp.fields import read_integer
from worker.ocpp.versions import DESCRIPTION_LIMIT, Fault, Version, fault_named

CALL, RESULT, ERROR, RESULT_ERROR, SEND = 2, 3, 4, 5, 6

#: Longest message id that is plain; the specification allows 36 characters.
MESSAGE_ID_LIMIT = 255
#: Longest name of an action that is taken for one.
ACTION_LIMIT = 64

#: The identifier of a message.  Strings by the specification; all else is echoed as it came.
MessageId = str | int | float | list[Any] | dict[str, Any] | None

Payload = dict[str, Any]


@dataclass(slots=True, eq=False)  # not frozen: made for every message, and freezing costs
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


@dataclass(slots=True, eq=False)
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

    With `of_result` it refuses one of our answers (OCPP 2.1, `[5, …]`).  With `unreadable` it is
    an answer in truth, whose payload is no object.
    """

    message_id: MessageId
    fault: Fault
    code: str
    description: str
    details: Payload
    of_result: bool = False
    text: str = ""
    notes: tuple[str, ...] = ()
    unreadable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class BadFrame:
    """Text that is no frame.

    `problem` is a sentence for a person.  `message_id` is set when an error can be sent to the
    call it spoils; `message_type` is the number of a frame of unknown kind; `action` is what the
    beginning of a spoilt call names.
    """

    problem: str
    fault: Fault
    message_id: MessageId = None
    message_type: int | None = None
    text: str = ""
    action: str = ""


Frame = Call | Send | Result | Error | BadFrame
#: So many odd messages of one text are repaired: that takes a hundred times as long as reading.
MOST_ODD = 20


def parse(data: str | bytes, version: Version, strict: bool = False) -> Frame | None:
    """Read one frame; None for an empty one, which is ignored (FIELD R7).

    Never raises.  `data` may be the bytes of a binary frame.  With `strict` no repair is made and
    known deviations of structure are refused.
    """
    if isinstance(data, bytes):
        try:
            data = data.decode()
        except UnicodeDecodeError:
            return BadFrame("The message is not UTF-8.", Fault.FRAMEWORK)
    text = data
    notes: tuple[str, ...] = ()
    if text[:1] == "\ufeff" or text[-1:] == "\0":
        text, notes = text.lstrip("\ufeff").rstrip("\0"), ("stray_bytes",)
    if not text or text.isspace():
        return None
    try:
        value, more = json_text.load(text, strict)
    except json_text.BadJson as error:
        message_type, message_id, action = _first_elements(text)
        fault = Fault.FRAMEWORK if message_id is None else Fault.FORMAT
        if isinstance(error, json_text.TooMuch) and message_id is not None:
            fault = Fault.OCCURRENCE
        return BadFrame(str(error), fault, message_id, message_type, data, action)
    if more:
        notes += more
    if _is_plain_call(value):
        return Call(value[1], value[2], value[3], data, notes)
    return _Reader(value, data, notes, version, strict).frame()


def parse_apart(text: str, version: Version) -> list[Frame]:
    """Read the messages of a text that holds several; few are repaired, and none is split."""
    found: list[Frame] = []
    odd = 0
    for piece in json_text.split_messages(text):
        if frame := parse(piece, version, strict=odd >= MOST_ODD):
            odd += isinstance(frame, BadFrame) or bool(getattr(frame, "notes", ()))
            found.append(frame)
    return found


def _is_plain_call(value: object) -> bool:
    """Whether the value is a call as the specification has it: most messages are."""
    return (
        type(value) is list
        and len(value) == 4
        and value[0] == CALL
        and type(value[1]) is str
        and len(value[1]) <= MESSAGE_ID_LIMIT
        and type(value[2]) is str
        and 0 < len(value[2]) <= ACTION_LIMIT
        and type(value[3]) is dict
    )


def encode_call(message_id: MessageId, action: str, payload: Payload) -> str:
    return json_text.dump([CALL, message_id, action, payload])


def encode_send(message_id: MessageId, action: str, payload: Payload) -> str:
    """The text of a message that wants no answer (OCPP 2.1)."""
    return json_text.dump([SEND, message_id, action, payload])


def encode_result(message_id: MessageId, payload: Payload) -> str:
    """The text of an answer."""
    return json_text.dump([RESULT, message_id, payload])


def encode_error(
    message_id: MessageId,
    fault: Fault,
    version: Version,
    description: str = "",
    of_result: bool = False,
) -> str:
    """The text of a refusal, its code spelled as `version` has it."""
    kind = RESULT_ERROR if of_result else ERROR
    code = fault.spelled(version)
    return json_text.dump([kind, message_id, code, description[:DESCRIPTION_LIMIT], {}])


class _Reader:
    """One parsed value on its way to a frame."""

    __slots__ = ("elements", "message_id", "message_type", "notes", "strict", "text", "version")

    def __init__(
        self, value: object, text: str, notes: tuple[str, ...], version: Version, strict: bool
    ) -> None:
        self.elements: Any = value
        self.text = text
        self.notes = notes
        self.version = version
        self.strict = strict
        self.message_type: int | None = None
        self.message_id: MessageId = None

    def frame(self) -> Frame:
        elements = self.elements
        if type(elements) is not list or not elements:
            return self._bad("The message is not a JSON array.", Fault.FRAMEWORK)
        self.message_type = elements[0] if type(elements[0]) is int else self._type(elements[0])
        if self.message_type is None:
            return self._bad("The message has no message type.", Fault.FRAMEWORK)
        if len(elements) < 2 or not _is_message_id(elements[1]):
            if self.strict or len(elements) < 3 or self.message_type not in (CALL, SEND):
                return self._bad("The message has no usable message id.", Fault.FRAMEWORK)
            null = elements[1] is None  # what it tells may be money, and comes but once
            self.notes += ("no_message_id" if null else "odd_message_id",)
        self.message_id = elements[1]
        if self.message_type == CALL:
            return self._call(Call)
        if self.message_type == RESULT:
            return self._result()
        if self.message_type == ERROR:
            return self._error()
        if self.version is Version.V21 and self.message_type == RESULT_ERROR:
            return self._error(of_result=True)
        if self.version is Version.V21 and self.message_type == SEND:
            return self._call(Send)
        return self._bad("The message type is not known.", Fault.MESSAGE_TYPE)

    def _type(self, said: object) -> int | None:
        """A message type that is written as a text or as a fraction."""
        if self.strict or type(said) not in (str, float):
            return None
        self.notes += ("message_type_spelling",)
        return read_integer(said)

    def _call(self, kind: type[Call] | type[Send]) -> Frame:
        elements = self.elements
        if len(elements) < 3 or type(elements[2]) is not str or not elements[2]:
            return self._bad("The call names no action.", Fault.FORMAT)
        if len(elements[2]) > ACTION_LIMIT:
            return self._bad("The name of the action is too long.", Fault.FORMAT)
        if len(elements) > 4:
            if self.strict:
                return self._bad("The call has more than four elements.", Fault.FORMAT)
            self.notes += ("extra_elements",)
        payload = self._payload(3)
        if type(payload) is not dict:
            return self._bad("The payload is not an object.", Fault.FORMAT)
        return kind(self.message_id, elements[2], payload, self.text, self.notes)

    def _result(self) -> Frame:
        payload = self._payload(2)
        if "\\u0000" in self.text:
            payload = json_text.without_nul(payload)
        if type(payload) is not dict:
            # Whoever waits for this answer learns now that it cannot be used.
            problem = "the answer is not an object"
            return Error(
                self.message_id, Fault.FORMAT, "", problem, {}, False, self.text, self.notes, True
            )
        return Result(self.message_id, payload, self.text, self.notes)

    def _error(self, of_result: bool = False) -> Error:
        """Errors come with three to five elements and all kinds of details (FIELD R4)."""
        code, description, details = [*self.elements[2:5], None, None, None][:3]
        if "\\u0000" in self.text:
            code, description, details = json_text.without_nul([code, description, details])
        return Error(
            self.message_id,
            fault_named(code),
            _words(code).strip() or Fault.GENERIC.value,
            _words(description),
            details if isinstance(details, dict) else {},
            of_result,
            self.text,
            self.notes,
        )

    def _payload(self, place: int) -> Any:
        payload = self.elements[place] if len(self.elements) > place else None
        if payload is None and not self.strict:
            self.notes += ("null_payload",)
            return {}
        if type(payload) is dict or self.strict:
            return payload
        found = json_text.object_in(payload)
        self.notes += ("no_object",) if found is not None else ()
        return payload if found is None else found

    def _bad(self, problem: str, fault: Fault) -> BadFrame:
        return BadFrame(problem, fault, self.message_id, self.message_type, self.text)


def _words(value: object) -> str:
    """A text, or what stands in its place as text; nothing for null."""
    return value if isinstance(value, str) else json_text.dump(value) if value is not None else ""


def _is_message_id(value: object) -> bool:
    if type(value) is str:
        return len(value) <= MESSAGE_ID_LIMIT
    return type(value) in (int, float)


_START = re.compile(
    rf'[\s,]*\[[\s,]*"?(\d{{1,3}})"?\s*,\s*({json_text.MESSAGE_ID})\s*,'
    r'(?:\s*"(\w{1,64})")?'
)


def _first_elements(text: str) -> tuple[int | None, MessageId, str]:
    """What can be made out of the start of text that is not JSON as a whole."""
    match = _START.match(text)
    if match is None:
        return None, None, ""
    try:
        message_type, message_id = orjson.loads(f"[{match[1]},{match[2]}]")
    except orjson.JSONDecodeError:
        return None, None, ""
    if message_type not in (CALL, SEND) and not _is_message_id(message_id):
        return message_type, None, ""
    return message_type, message_id, (match[3] or "") if message_type == CALL else ""
