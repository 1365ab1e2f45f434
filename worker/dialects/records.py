"""What a version of OCPP is made of: encodings for what we order, routes for what stations send.

Dispatch, links, calls and the message log read these records; nothing that is true of a message or
of a version stands elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from app.domain.charging.metering import Metered
from app.domain.ground.vocabulary import Arguments, CommandState, Facts, Order, Outcome
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version


class Unfit(ValueError):
    """An argument that this version cannot say; the text is a sentence for people.

    An encoder raises it; then nothing is sent, unless another form of the order
    is tried (`app.domain.commands.orders.spec`).
    """


@dataclass(frozen=True, slots=True)
class Encoding:
    """One order over one version: how it is put on the wire, and how the answer is read.

    What an answer means for the business is decided in the order's record
    (`app.domain.commands.orders`) by its facts.

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


def without_blanks(payload: Payload) -> Payload:
    """A payload without members that say nothing: they are left out on the wire (FIELD X12)."""
    return {
        name: value
        for name, value in payload.items()
        if value is not None and value != "" and value != [] and value != {}
    }


# The raw order, the same in every version: what was written is what is sent.


def _decoded(answer: Payload, arguments: Arguments) -> Outcome:
    """An answer is an answer; only a status that is plainly a no counts as one."""
    status = str(answer.get("status", ""))
    refused = status in {"Rejected", "Failed", "NotSupported", "UnlockFailed", "Invalid"}
    state = CommandState.REJECTED if refused else CommandState.ACCEPTED
    return Outcome(state, answer, f"The charger answered {status or 'as shown'}.", {}, status)


RAW_ORDERS: dict[Order, Encoding] = {
    Order.RAW: Encoding(
        lambda given: str(given["action"]), lambda given: dict(given["payload"]), decode=_decoded
    )
}


# What stations send.

Handler = Callable[[Fields, Context], Payload]


@dataclass(frozen=True, slots=True)
class Fact:
    """A message that is stored together with all others of its kind.

    `read` makes a fact of it, with the station's plain row in the context; `together` is the
    operation that gets an open unit of work and the facts of many stations, and returns a result
    for each; `answer` spells it.  A result that `wants` more before it is answered gets that by
    `after`, once it is stored and outside of its unit of work: it gets an open session, the results
    of several, and the time, and returns them finished.  Called, a fact does all that for one
    message alone.  `writes` says that it writes the row of its station.
    """

    read: Callable[[Fields, Context], Any]
    together: Callable[[Any, Sequence[Any]], Sequence[Any]]
    answer: Callable[[Any, Context], Payload]
    wants: Callable[[Any], bool] | None = None
    after: Callable[[Any, Sequence[Any], datetime], Sequence[Any]] | None = None
    writes: bool = False

    def unfinished(self, result: object) -> bool:
        """Whether a result has to be finished before it can be answered."""
        return self.wants is not None and self.wants(result)

    def __call__(self, call: Fields, ctx: Context) -> Payload:
        """Take one message in by itself; raises what made it fail."""
        [result] = self.together(ctx.db, [self.read(call, ctx)])
        if isinstance(result, Exception):
            raise result
        if self.after is not None and self.unfinished(result):
            [result] = self.after(ctx.db, [result], ctx.now)
        return self.answer(result, ctx)


def nothing(_result: object, _ctx: Context) -> Payload:
    """Answer that it was taken in, which is all there is to say."""
    return {}


def status(word: str) -> Callable[[Fields, Context], Payload]:
    """Answer with a status, whatever was said."""
    return lambda _call, _ctx: {"status": word}


@dataclass(frozen=True, slots=True)
class Bulk:
    """A hot message: it is read without a database and stored with many others at once."""

    read: Callable[[Fields, Context], Metered]
    answer: Payload


def _none_of(values: list[Any]) -> list[Any]:
    return []


@dataclass(frozen=True, slots=True)
class Long:
    """How a message whose list `member` is long is taken in pieces of `most` items each.

    `more` names the member that says that another message follows.  `samples` names the list
    within an element that may be shortened.  With `ahead` the pieces are readings, which are stored
    before the message is handled with only those that it cannot do without (`kept`); where it
    returns False, nothing is known yet of what they belong to, and they follow the message.
    """

    member: str
    most: int = 200
    more: str = ""
    samples: str = ""
    ahead: Callable[[Fields, Context], bool] | None = None
    kept: Callable[[list[Any]], list[Any]] = _none_of


@dataclass(frozen=True, slots=True)
class Outside:
    """A message that an outside service has to be asked about, before any unit of work opens.

    `ask` gets the message, its context without a database, and the services
    (`worker.providers.Providers`); what it returns is `Context.found` of `then`.
    Only this station's messages wait meanwhile.
    """

    ask: Callable[[Fields, Context, Any], Any]
    then: Handler


@dataclass(frozen=True, slots=True)
class Route:
    """All that is true of a message that stations send.

    `long` says how a long one is cut.  Behind one of `money` stand kilowatt-hours: it is never
    refused while those can be read.  One may come `before_boot` was accepted, and so may one that
    we asked for by the messages or the words of a trigger in `asked_by` (a trigger mostly names
    the message itself).  `without_storage` makes the answer while nothing can be stored, or None:
    then there is none.  One that is `spooled` tells something: it is kept on the disk before that
    answer, mostly an empty one, and stored later with the answer in `Context.told`.  An answer that
    is `afresh` is made anew for a copy of its call: a clock or a verdict that was right minutes ago
    may not be now.  `serial` leads to the serial number that must be the name on the station's
    certificate (2.0.1 B01.FR.11), and `personal` names a member that tells of a customer: it is
    read elsewhere than in the log, by admins only.
    """

    handler: Handler | Bulk | Fact | Outside
    long: Long | None = None
    money: bool = False
    before_boot: bool = False
    asked_by: tuple[str, ...] = ()
    without_storage: Callable[[Fields, Context], Payload | None] | None = None
    spooled: bool = False
    afresh: bool = False
    serial: tuple[str, str] | None = None
    personal: str = ""

    def away(self, call: Fields, ctx: Context) -> Payload | None:
        """The answer while nothing can be stored; None: there is none."""
        if self.without_storage is not None:
            return self.without_storage(call, ctx)
        return {} if self.spooled else None


@dataclass(frozen=True)
class Dialect:
    """One version: what it hears, by action, and what it can put, by order.

    What is not among the routes is not implemented; an order without encoding is unsupported.
    """

    version: Version
    routes: Mapping[str, Route]
    orders: Mapping[Order, Encoding]

    @cached_property
    def afresh(self) -> frozenset[str]:
        """The messages that are answered anew each time that they come."""
        return frozenset(action for action, route in self.routes.items() if route.afresh)

    @cached_property
    def hanging_up(self) -> frozenset[str]:
        """The messages of ours at which a station may hang up before it answers (FIELD K4)."""
        return frozenset(
            str(encoding.action) for encoding in self.orders.values() if encoding.hangs_up
        )

    @cached_property
    def _invited(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for action, route in self.routes.items():
            for asking in route.asked_by:
                found.setdefault(asking, set()).add(action)
        return found

    def invited(self, action: str, payload: Payload) -> set[str]:
        """The messages that may come before a boot was accepted, once the station accepted this."""
        asked = str(payload.get("requestedMessage", ""))
        return self._invited.get(action, set()) | self._invited.get(asked, {asked})
