"""One OCPP-J conversation over one socket, as a calculator.

The owner feeds what was received (`receive_text`) and what time it is, and gets events.  It puts
the texts of `outgoing()` on the wire after each step and asks `next_deadline()` when it must call
`tick()` next.  Times are seconds on any steady clock of the owner's choice.

Both directions are kept in order: at most one of our calls waits for its answer at a time, the
others queue with deadlines of their own; calls of the peer are events in the order they came.
"""

import math
import uuid
from collections.abc import Callable
from typing import Any, Literal

from worker.ocpp import frames, schemas
from worker.ocpp.events import (
    Answered,
    Cancelled,
    Event,
    Expired,
    Malformed,
    OurCall,
    Refused,
    Repeated,
    Replies,
    Settled,
    Stray,
    TimedOut,
)
from worker.ocpp.frames import BadFrame, Call, Error, MessageId, Payload, Result, Send
from worker.ocpp.versions import CallFault, Fault, Version

#: Which side of the conversation we are.
Role = Literal["csms", "station"]

#: How many timed-out calls of ours are remembered for their late answers.
REMEMBERED = 8
#: How many calls of ours may queue behind one that waits.
QUEUE_LIMIT = 64
#: How long an answer to a call of ours may take once it is sent, unless said otherwise.
ANSWER_S = 30.0
#: For so long an answer is looked for that may have come while nothing was read.
UNREAD_S = 1.0


def _new_id() -> str:
    return str(uuid.uuid4())


class Connection:
    """The conversation over one socket, seen from one side.

    `strict` switches repairs of frames off.  All we send is held against its schema.
    `new_id` makes message ids unique beyond this connection.  Calls `afresh` are never copies.
    """

    __slots__ = (
        "_complains",
        "_expired",
        "_held_until",
        "_late",
        "_new_id",
        "_outgoing",
        "_queue",
        "_replies",
        "role",
        "strict",
        "version",
        "waiting",
    )

    def __init__(
        self,
        version: Version,
        role: Role,
        *,
        strict: bool = False,
        new_id: Callable[[], str] = _new_id,
        afresh: frozenset[str] = frozenset(),
    ) -> None:
        self.version = version
        self.role = role
        self.strict = strict
        self.waiting: OurCall | None = None
        self._new_id = new_id
        self._queue: list[OurCall] = []
        self._outgoing: list[str] = []
        self._held_until: float | None = None
        self._replies = Replies(afresh)
        self._late: dict[MessageId, OurCall] = {}
        self._expired: list[Settled] = []
        self._complains = strict and version is Version.V21  # a CALLRESULTERROR ends some clients

    # What comes in

    def receive_text(self, data: str | bytes, now: float) -> list[Event]:
        """Take one message from the wire; return what it means, usually one event.

        `data` is the text, or the bytes of a binary frame.  Never raises for what is in it.
        """
        frame = frames.parse(data, self.version, self.strict)
        if isinstance(frame, BadFrame) and not self.strict:
            apart = frames.parse_apart(frame.text, self.version)
            return [event for one in apart or [frame] for event in self._taken(one, now)]
        return [] if frame is None else self._taken(frame, now)

    def _taken(self, frame: frames.Frame, now: float) -> list[Event]:
        if isinstance(frame, Call):
            return [self._received_call(frame, now)]
        if isinstance(frame, BadFrame):
            return [self._malformed(frame)]
        if isinstance(frame, Result | Error):
            event = self._received_answer(frame, now)
            self._advance(now)
            return [event]
        self._name(frame)
        return [frame]

    def _received_call(self, call: Call, now: float) -> Event:
        self._name(call)
        known = self._replies.meet(call, now)
        if known is None:
            return call
        if known.text is not None:
            self._outgoing.append(known.text)
        return Repeated(call, known.text)

    def _name(self, call: Call | Send) -> None:
        """Give an action that is written otherwise its name."""
        meant = schemas.action_meant(self.version, call.action)
        if meant != call.action and meant is not None and not self.strict:
            call.action = meant
            call.notes += ("action_spelling",)

    def _received_answer(self, frame: Result | Error, now: float) -> Event:
        call = self.waiting
        if isinstance(frame, Error) and frame.of_result:
            return Stray(frame, "one of our answers was refused")
        if call is None or call.message_id != frame.message_id:
            late = self._late.pop(frame.message_id, None)
            why = "no call of ours has this id" if late is None else "the answer came too late"
            return Stray(frame, why, late)
        self.waiting = None
        latency_s = now - (call.asked_at if call.sent_at is None else call.sent_at)
        if isinstance(frame, Result):
            said_back = self._complaint(call, frame)
            return Answered(call, frame.payload, latency_s, frame.text, said_back, frame.notes)
        if frame.unreadable and self._complains:
            self._complain(frame.message_id, frame.fault, frame.description)
        return Refused(
            call, frame.fault, frame.code, frame.description, frame.details, latency_s, frame.text
        )

    def _complaint(self, call: OurCall, frame: Result) -> str | None:
        """The error that an answer deserves which its schema does not allow (2.1 part 4, 4.2.3)."""
        if not self._complains:
            return None
        problem = schemas.violation(self.version, call.action, "result", frame.payload)
        if problem is None or problem.fault is Fault.NOT_IMPLEMENTED:
            return None
        return self._complain(frame.message_id, problem.fault, problem.description)

    def _complain(self, message_id: MessageId, fault: Fault, description: str) -> str:
        text = frames.encode_error(message_id, fault, self.version, description, of_result=True)
        self._outgoing.append(text)
        return text

    def _malformed(self, frame: BadFrame) -> Malformed:
        """Decide whether a bad frame is answered: answers never are, or two peers could go on."""
        old = self.version is Version.V16
        fault, message_id = frame.fault, frame.message_id
        if fault is Fault.MESSAGE_TYPE:
            answered = not old
        else:
            answered = frame.message_type in (None, frames.CALL)
            if message_id is None and not old:
                message_id, fault = "-1", Fault.FRAMEWORK
        reply = None
        if answered and message_id is not None:
            reply = frames.encode_error(message_id, fault, self.version, frame.problem)
            self._outgoing.append(reply)
        return Malformed(frame, reply)

    # Answers to the peer's calls

    def answer(self, call: Call, payload: Payload) -> str:
        """The text of the answer to `call`, which is remembered in case the call is repeated.

        Raises `schemas.Violation` when the payload is not what the schema asks for.
        """
        if payload or not schemas.may_be_empty(self.version, call.action):
            self._check(call.action, "result", payload)
            payload = schemas.ordered(self.version, call.action, "result", payload)
        text = frames.encode_result(call.message_id, payload)
        self._replies.keep(call, text)
        return text

    def refuse(self, call: Call, fault: Fault, description: str = "") -> str:
        """The text of an error in answer to `call`; a repetition will be handled anew."""
        self.abandon(call)
        return frames.encode_error(call.message_id, fault, self.version, description)

    def abandon(self, call: Call) -> None:
        """Give no answer to `call`: when it comes again it counts as new."""
        self._replies.forget(call)

    # Calls of ours

    def call(
        self,
        action: str,
        payload: Payload,
        now: float,
        *,
        timeout_s: float = ANSWER_S,
        expires_at: float | None = None,
        context: Any = None,
        as_given: bool = False,
    ) -> OurCall:
        """Queue a call; it is in `outgoing()` as soon as it may be sent.

        With `as_given` the payload goes out exactly as it is: neither checked nor put in order.
        Raises `schemas.Violation` for a bad payload and CallFault when too many calls wait.
        """
        if not as_given:
            self._check(action, "call", payload)
            payload = schemas.ordered(self.version, action, "call", payload)
        if len(self._queue) >= QUEUE_LIMIT:
            raise CallFault(Fault.GENERIC, "too many calls wait for this peer")
        message_id = self._new_id()
        text = frames.encode_call(message_id, action, payload)
        ours = OurCall(message_id, action, payload, text, now, expires_at, timeout_s, context)
        self._queue.append(ours)
        self._advance(now)
        return ours

    def send(self, action: str, payload: Payload) -> None:
        """Send a message that wants no answer (2.1); it waits for nothing (part 4 section 4.2.4).

        Raises `schemas.Violation` for a bad payload.
        """
        self._check(action, "call", payload)
        payload = schemas.ordered(self.version, action, "call", payload)
        self._outgoing.append(frames.encode_send(self._new_id(), action, payload))

    def hold(self, until: float) -> None:
        """Send no calls of ours before `until` (FIELD B3: a charger that has not booted yet)."""
        self._held_until = until

    def outgoing(self) -> list[str]:
        """The texts to put on the wire now, in order; each is handed out once."""
        texts, self._outgoing = self._outgoing, []
        return texts

    # Time

    def tick(self, now: float, *, reads: bool = True) -> list[Settled]:
        """Let time pass: return the calls of ours that ended by it.

        While the owner does not read an answer may lie there: a call is spared once, until
        `reads_on`.
        """
        ended: list[Settled] = []
        call = self.waiting
        if call is None or call.reply_by is None or call.reply_by > now:
            pass
        elif not (reads or call.spared):
            call.spared, call.reply_by = True, math.inf
        else:
            self.waiting = None
            self._late[call.message_id] = call
            if len(self._late) > REMEMBERED:
                del self._late[next(iter(self._late))]
            ended.append(TimedOut(call))
        self._advance(now)
        ended += self._expired
        self._expired = []
        return ended

    def reads_on(self, now: float) -> None:
        """The owner reads again what comes."""
        if self.waiting is not None and self.waiting.reply_by == math.inf:
            self.waiting.reply_by = now + UNREAD_S

    def next_deadline(self) -> float | None:
        """When `tick` is due next; None while nothing can run out."""
        if self.waiting is None and not self._queue and not self._expired:
            return None
        due = [call.expires_at for call in self._queue if call.expires_at is not None]
        if self._expired:
            due.append(self._expired[0].call.asked_at)
        if self.waiting is not None and self.waiting.reply_by is not None:
            due.append(self.waiting.reply_by)
        elif self._queue and self._held_until is not None:
            due.append(self._held_until)
        return min(due, default=None)

    def end(self) -> list[Settled]:
        """The socket is gone: return every call of ours that was not settled."""
        calls = [self.waiting, *self._queue] if self.waiting else list(self._queue)
        ended, self._expired = self._expired, []
        self.waiting, self._queue, self._outgoing = None, [], []
        return ended + [Cancelled(call) for call in calls]

    def _advance(self, now: float) -> None:
        """Drop what expired in the queue and send the next call if none waits."""
        if not self._queue:
            return
        live: list[OurCall] = []
        for call in self._queue:
            if call.expires_at is not None and call.expires_at <= now:
                self._expired.append(Expired(call))
            else:
                live.append(call)
        self._queue = live
        held = self._held_until is not None and now < self._held_until
        if live and self.waiting is None and not held:
            call = self.waiting = live.pop(0)
            call.sent_at = now
            call.reply_by = now + call.timeout_s
            if call.expires_at is not None:
                call.reply_by = min(call.reply_by, call.expires_at)
            self._outgoing.append(call.text)

    def _check(self, action: str, kind: schemas.Kind, payload: Payload) -> None:
        problem = schemas.violation(self.version, action, kind, payload)
        if problem is not None:
            raise problem
