"""How a dialect puts an order on the wire, and how it reads what the station answers.

A dialect's table maps orders to encodings; an order without one is unsupported
over that version.  Encoders and decoders translate words; what an answer means
for the business is decided in the order's record (`app.domain.commands.orders`) by its facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.context import Payload

Arguments = dict[str, Any]
Facts = dict[str, Any]


class Unfit(ValueError):
    """An argument that this version cannot say; the text is a sentence for people.

    An encoder raises it; then nothing is sent, unless another form of the order
    is tried (`app.domain.commands.fallbacks`).
    """


@dataclass(frozen=True, slots=True)
class Encoding:
    """One order over one version.

    `action` is the message, or says it from the arguments (a signed update is
    another message than an unsigned one).  `good` are the statuses that are a
    yes and `sentences` say in words what a status means; one without a sentence
    is said as it is.  `facts` reads what the answer tells, in the domain's
    words, from the answer and the arguments.  `decode` replaces all of that for
    answers that are no status.  A station that `hangs_up` at it has obeyed (FIELD K4).
    """

    action: str | Callable[[Arguments], str]
    encode: Callable[[Arguments], Payload]
    good: frozenset[str] = frozenset({"Accepted"})
    sentences: Mapping[str, str] = field(default_factory=dict)
    facts: Callable[[Payload, Arguments], Facts] | None = None
    decode: Callable[[Payload, Arguments], Outcome] | None = None
    hangs_up: bool = False

    def action_for(self, arguments: Arguments) -> str:
        """The name of the message that these arguments become."""
        return self.action if isinstance(self.action, str) else self.action(arguments)

    def outcome(self, answer: Payload, arguments: Arguments) -> Outcome:
        """Say what an answer means."""
        if self.decode is not None:
            return self.decode(answer, arguments)
        status = str(answer.get("status", ""))
        state = CommandState.ACCEPTED if status in self.good else CommandState.REJECTED
        default = (
            "The charger accepted."
            if status == "Accepted"
            else f"The charger answered {status or 'nothing'}."
        )
        sentence = self.sentences.get(status) or default
        if why := _why(answer):
            sentence = f"{sentence} It says: {why}."
        facts = self.facts(answer, arguments) if self.facts else {}
        return Outcome(state, answer, sentence, facts, status)


def _why(answer: Payload) -> str:
    """The reason in a 2.x answer's `statusInfo`, cut."""
    info = answer.get("statusInfo")
    if not isinstance(info, dict):
        return ""
    parts = (info.get("reasonCode"), info.get("additionalInfo"))
    return ", ".join(str(part) for part in parts if part)[:200]


def accepted(answer: Payload, sentence: str, facts: Facts | None = None) -> Outcome:
    """A yes without a status, as an empty answer is."""
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts or {})


def without_blanks(payload: Mapping[str, Any]) -> Payload:
    """A payload without members that say nothing: they are left out on the wire (FIELD X12)."""
    return {
        name: value
        for name, value in payload.items()
        if value is not None and value != "" and value != [] and value != {}
    }


# The raw order, the same in every version: what was written is what is sent.


def _action(arguments: Arguments) -> str:
    return str(arguments["action"])


def _payload(arguments: Arguments) -> Payload:
    return dict(arguments["payload"])


def _decoded(answer: Payload, arguments: Arguments) -> Outcome:
    """An answer is an answer; only a status that is plainly a no counts as one."""
    status = str(answer.get("status", ""))
    refused = status in {"Rejected", "Failed", "NotSupported", "UnlockFailed", "Invalid"}
    state = CommandState.REJECTED if refused else CommandState.ACCEPTED
    return Outcome(state, answer, f"The charger answered {status or 'as shown'}.", {}, status)


ORDERS: dict[Order, Encoding] = {Order.RAW: Encoding(_action, _payload, decode=_decoded)}
