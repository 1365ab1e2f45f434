"""What a conversation tells its owner, and the last answers that it gave.

A message id alone proves neither that a call is a copy nor that it is new (FIELD R1): chargers
count from one again after a reboot or use one id for everything.  A copy is the same text, soon.
"""

from dataclasses import dataclass
from typing import Any

from worker.ocpp.frames import (
    MESSAGE_ID_LIMIT,
    BadFrame,
    Call,
    Error,
    MessageId,
    Payload,
    Result,
    Send,
)
from worker.ocpp.versions import Fault


@dataclass(slots=True, eq=False)
class OurCall:
    """A call of ours, from the moment it was asked for until it is settled.

    `expires_at` is the moment after which nothing may go out any more and nobody waits; it counts
    from when the call was asked for.  `timeout_s` is how long an answer may take once sent.
    `context` is the owner's (the id of a command, say).  `text` is the frame as it is sent.
    `spared`: its time was up while nothing was read, so its answer is looked for once more.
    """

    message_id: MessageId
    action: str
    payload: Payload
    text: str
    asked_at: float
    expires_at: float | None
    timeout_s: float
    context: Any = None
    sent_at: float | None = None
    reply_by: float | None = None
    spared: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The peer answered a call of ours.

    `complaint` is the error that goes back because the answer breaks its schema (in `outgoing()`
    already; OCPP 2.1 alone has such errors).  `notes` are the repairs that it needed.
    """

    call: OurCall
    payload: Payload
    latency_s: float
    text: str
    complaint: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """The peer answered a call of ours with an error; without a `code`, with no object at all."""

    call: OurCall
    fault: Fault
    code: str
    description: str
    details: Payload
    latency_s: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class TimedOut:
    """A call of ours was sent and nothing came back in time."""

    call: OurCall


@dataclass(frozen=True, slots=True, eq=False)
class Expired:
    """A call of ours was still waiting for its turn at its deadline; it was never sent."""

    call: OurCall


@dataclass(frozen=True, slots=True, eq=False)
class Cancelled:
    """The connection ended first.  `call.sent_at` tells whether the peer may have acted on it."""

    call: OurCall


#: How a call of ours can end: exactly one of these per call.
Settled = Answered | Refused | TimedOut | Expired | Cancelled


@dataclass(frozen=True, slots=True, eq=False)
class Stray:
    """An answer or error that no call of ours waits for (late, doubled or invented).

    `call` is ours when the answer is merely late, so that its result still can be used.
    """

    frame: Result | Error
    why: str
    call: OurCall | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """A call that was answered on this connection came again, the same to the letter.

    `reply` is the same answer once more (it is in `outgoing()` already); None while the first
    copy is still being worked on, whose answer will then do for both.
    """

    call: Call
    reply: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Malformed:
    """Text that is no frame.  `reply` is the error that goes back (in `outgoing()`), if any."""

    frame: BadFrame
    reply: str | None


#: What `receive_text` can yield.  A Call must be answered with `answer` or `refuse`.
Event = Call | Send | Answered | Refused | Stray | Repeated | Malformed


#: How long an answer is kept, in seconds.
REPLAY_S = 300.0
#: How many answers are kept per connection.
REMEMBERED = 8


class Reply:
    """The answer to a call: `text` is None while the call is worked on.

    Of the call only a fingerprint is kept, for thousands of connections share the memory.
    """

    __slots__ = ("at", "fingerprint", "text")

    def __init__(self, call: Call, at: float) -> None:
        self.fingerprint = hash(call.text)
        self.at = at
        self.text: str | None = None


class Replies:
    """A bounded memory of calls and their answers.

    Calls named in `afresh` are answered anew each time that they come, and those of longer ids
    than are plain: thousands of connections share the memory.
    """

    __slots__ = ("_afresh", "_replies")

    def __init__(self, afresh: frozenset[str]) -> None:
        self._afresh = afresh
        self._replies: dict[str, Reply] = {}

    def meet(self, call: Call, now: float) -> Reply | None:
        """The reply to the same call received before; None when it is new, which is noted."""
        number = str(call.message_id)
        known = self._replies.pop(number, None)
        if (
            known is not None
            and known.fingerprint == hash(call.text)
            and now - known.at <= REPLAY_S
            and call.action not in self._afresh
        ):
            self._replies[number] = known
            return known
        if len(number) > MESSAGE_ID_LIMIT:
            return None
        self._replies[number] = Reply(call, now)
        if len(self._replies) > REMEMBERED:
            del self._replies[next(iter(self._replies))]
        return None

    def keep(self, call: Call, text: str) -> None:
        """Remember the answer to `call`, unless a newer call took its place."""
        known = self._replies.get(str(call.message_id))
        if known is not None and known.fingerprint == hash(call.text):
            known.text = text

    def forget(self, call: Call) -> None:
        """Count a repetition of `call` as new."""
        known = self._replies.get(str(call.message_id))
        if known is not None and known.fingerprint == hash(call.text):
            del self._replies[str(call.message_id)]
