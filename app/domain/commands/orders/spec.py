"""What an order is: all that is true of it, whatever the version of the protocol, in one record.

`SPECS` holds every order's record.  It lies below all that orders do, so that commands are queued
and settled by it without knowing a noun; the nouns, which queue commands themselves, are entered
from above (`app.domain.commands.orders.catalogue`).

A record names other forms in which the order is tried when a station refuses the first (FIELD
section 1.9).  A `Chain` walks them for one command: it is told how each form ended and names the
next one.  Everything that was tried is kept on the command (`Command.attempts`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import (
    Actor,
    Arguments,
    CommandState,
    Json,
    Order,
    Outcome,
    SessionState,
)
from app.domain.network import plugs
from app.models import ChargingSession, Command, Station
from app.schemas.typed import Argument


class End(StrEnum):
    """How a form can end badly: refused, an error, silence, or not to be said in this version."""

    REFUSED = "refused"
    ERROR = "error"
    SILENT = "silent"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Situation:
    """What the choice of a form depends on: the station's plugs, whether a car charges, quirks."""

    evses: tuple[int, ...] = ()
    charging: bool = False
    quirks: Mapping[str, Any] | None = None


Forms = Callable[[Arguments, Situation], Sequence[Arguments]]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try next: `words` name it, `after` says when, `forms` makes it from the first.

    Several forms are sent one after another and count as one: all of them must
    succeed.  No form means that the step does not apply.  A station with the
    quirk `at_once` is not bothered with the forms before.
    """

    words: str
    after: frozenset[End]
    forms: Forms
    at_once: str = ""


def situation(db: Session, station: Station) -> Situation:
    """Look up what the choice of a form depends on."""
    charging = select(ChargingSession.id).where(
        ChargingSession.station_id == station.id, ChargingSession.state == SessionState.CHARGING
    )
    evses = sorted({plug.evse for plug in plugs.of(station) if plug.evse > 0})
    return Situation(tuple(evses), db.scalar(charging.limit(1)) is not None, station.quirks)


class Chain:
    """The forms of one order: the one that is tried now, and what is left.

    `current` are the arguments to put on the wire, `words` how this form is
    called (empty for the first).
    """

    def __init__(self, steps: Iterable[Step], arguments: Arguments, there: Situation) -> None:
        self.current = dict(arguments)
        self.words = ""
        self._first = dict(arguments)
        self._there = there
        self._steps = [] if arguments.get("exact") else list(steps)
        self._left: list[Arguments] = []
        self._done: list[tuple[Arguments, Outcome]] = []
        self._skip_what_is_known_to_fail()

    def next(self, end: End | None, outcome: Outcome) -> bool:
        """Tell how the current form ended (None: well); True when `current` is another to try."""
        if self._several:
            self._done.append((self.current, outcome))
            if self._left and end is not End.SILENT:
                self.current = self._left.pop(0)
                return True
            return False
        while end is not None and self._steps:
            step = self._steps.pop(0)
            if end in step.after and self._begin(step):
                return True
        return False

    def outcome(self, last: Outcome) -> Outcome:
        """What all of it comes to: the last form's end, or that of several forms together."""
        if len(self._done) < 2:
            return replace(last, facts={**last.facts, "form": self.current}) if self.words else last
        refused = [(form, end) for form, end in self._done if end.state != CommandState.ACCEPTED]
        if not refused and not self._left:
            sentence = f"The charger accepted {self.words}: {_numbers(self._done)}."
            return replace(last, sentence=sentence)
        if not refused:
            return last
        worst = refused[-1][1]
        sentence = f"Tried {self.words}; not for {_numbers(refused)}: {worst.sentence}"
        return replace(worst, sentence=sentence)

    @property
    def _several(self) -> bool:
        return bool(self._left or self._done)

    def _begin(self, step: Step) -> bool:
        forms = [form for form in step.forms(self._first, self._there) if form != self._first]
        if not forms:
            return False
        self.words = step.words
        self.current, *self._left = forms
        return True

    def _skip_what_is_known_to_fail(self) -> None:
        quirks = self._there.quirks or {}
        for number, step in enumerate(self._steps):
            if step.at_once and quirks.get(step.at_once) and self._begin(step):
                self._steps = self._steps[number + 1 :]
                return


def _numbers(ended: Sequence[tuple[Arguments, Outcome]]) -> str:
    return "connector " + ", ".join(str(form.get("connector")) for form, _ in ended)


def attempts_sentence(command: Command) -> str:
    """What was tried before the form that stands, in one sentence for people."""
    tried: dict[str, list[str]] = {}
    for attempt in command.attempts:
        said = (attempt.get("answer") or {}).get("status") or attempt["state"].replace("_", " ")
        tried.setdefault(attempt["words"] or "as written", []).append(str(said))
    parts = [f"{words} ({', '.join(said)})" for words, said in tried.items()]
    return f"First asked {', then '.join(parts)}; then as it stands above."


class Ask(NamedTuple):
    """An order before it is queued: who asks it of which station, and the checked arguments."""

    db: Session
    actor: Actor
    station: Station
    given: Json
    now: datetime


@dataclass(frozen=True, slots=True)
class Prepared:
    """The arguments as the dialects get them, and what the command is about."""

    arguments: Arguments
    subject: str | None = None
    session_id: int | None = None


#: What has to be made or looked up before an order can be queued: it returns the arguments
#: completed, with the row that the command is about ("reservation:7") and the session that it
#: concerns.  It may raise any error of `app.domain.ground.errors`; then nothing is queued.
Preparation = Callable[[Ask], Prepared]

#: What the end of a command means for the business: called in the unit of work that settles it, for
#: every end that it can have.  `outcome.state` tells which, `outcome.facts` what the station told
#: (put there by the dialect's decoder, in the domain's words).
Consequence = Callable[[Session, Command, Outcome, datetime], None]


def as_given(ask: Ask) -> Prepared:
    """The preparation of an order for which nothing has to be made or looked up."""
    return Prepared(ask.given)


def numbered(ask: Ask) -> Prepared:
    """Give a request the number by which what the station tells of it is known again."""
    return Prepared({**ask.given, "number": texts.request_number(ask.now)})


Row = TypeVar("Row")
#: How many of the last commands of an order a number is looked for among.
_RECENT = 50


def subject_of(db: Session, command: Command, noun: str, kind: type[Row]) -> Row | None:
    """The row that a command is about, where that is one of a kind: its subject is "noun:id"."""
    its, _, number = (command.subject or "").partition(":")
    return db.get(kind, int(number)) if its == noun else None


def asked(
    db: Session,
    station: Station,
    orders: Collection[Order],
    name: str,
    number: int,
    states: Collection[CommandState] = frozenset(CommandState),
) -> Command | None:
    """The newest of the late commands of some orders whose argument `name` is a number."""
    recent = select(Command).where(Command.station_id == station.id, Command.order.in_(orders))
    for command in db.scalars(recent.order_by(Command.id.desc()).limit(_RECENT)):
        if command.state in states and command.arguments.get(name) == number:
            return command
    return None


def clear_missing(
    db: Session, model: Any, shown: str, command: Command, sentence: str, now: datetime
) -> None:
    """Put away what a station left out of its answer to a command that asked for all it has."""
    since = command.sent_at or command.requested_at
    old = (model.state == shown, model.changed_at < since)
    for row in db.scalars(select(model).where(model.station_id == command.station_id, *old)):
        row.state, row.sentence, row.changed_at = "cleared", sentence, now
    db.flush()


@dataclass(frozen=True, slots=True)
class Spec:
    """One order.

    `label` is what people call it; `words` put it with its checked arguments in a few words, safe
    to show and to keep in the audit (the label where that says it all).
    `together` completes the arguments, each of which has been read by itself, or raises `Invalid`.
    `question` is what the desk asks before it interrupts somebody or cannot be taken back;
    `{identity}` is the station's, and `{Their}`, `{They}` and `{their}` are said of one or of many.
    `ends_sessions` comes between the sessions that it may end and the end of the sentence on them.
    `raw` are the messages that amount to it when they are sent as written.
    `after_boot`: not for a station before its boot was accepted, which may be asked and configured,
    but not charge (OCPP 1.6 section 4.2, 2.x B02.FR.05).
    `single`: about one session, reservation or certificate, so it makes no sense for many stations.
    `without_message`: the worker that holds the socket carries it out itself.
    """

    order: Order
    label: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    words: Callable[[Arguments], str] | None = None
    together: Callable[[Json], Json] | None = None
    question: str = ""
    ends_sessions: str = ""
    raw: tuple[str, ...] = ()
    after_boot: bool = False
    single: bool = False
    without_message: bool = False
    prepare: Preparation = as_given
    after: Consequence | None = None
    fallbacks: tuple[Step, ...] = ()

    def question_to(self, identity: str) -> str:
        """What is asked before it goes to one station."""
        return self.question.format(identity=identity, Their="Its", They="It", their="its")

    def question_to_many(self, count: int) -> str:
        """What is asked before it goes to so many stations."""
        if count == 1:
            return self.question_to("1 station")
        many = f"{count} stations"
        return self.question.format(identity=many, Their="Their", They="They", their="their")


#: Every order's record, in the order in which the desk shows them.
SPECS: dict[Order, Spec] = {}


def arguments(order: Order, given: Mapping[str, Any]) -> Json:
    """Check the arguments of an order; raises `Invalid` naming the first that cannot be used."""
    spec = SPECS[order]
    for name in given:
        if name not in spec.arguments:
            raise Invalid(f"{spec.label} takes no {name}.", field=name)
    found: Json = {}
    for name, argument in spec.arguments.items():
        value = given.get(name)
        blank = value is None or value in ("", [])
        # A setting may be made empty; everything else that is blank was left out.
        if value is None or (blank and not argument.blank):
            if argument.required:
                # As people see it beside its field.
                raise Invalid(f"“{argument.called(name)}” is missing.", field=name)
            continue
        found[name] = argument.taken(name, value)
    return spec.together(found) if spec.together else found


def describe(order: Order, given: Arguments) -> str:
    """An order with its arguments in a few words, safe to show and to keep in the audit.

    A stored row may hold what no order is asked with any more: then only the order is named, for
    one such row must not take away a list.
    """
    spec = SPECS[order]
    try:
        return spec.words(given) if spec.words else spec.label
    except (AttributeError, LookupError, TypeError, ValueError):
        return spec.label


def meant(order: Order, given: Arguments) -> Spec:
    """The record of an order; of a raw message, that of the order which it amounts to."""
    if order is Order.RAW:
        action = given.get("action")
        return next((spec for spec in SPECS.values() if action in spec.raw), SPECS[order])
    return SPECS[order]
