"""Other forms in which an order is tried when a station refuses the first (FIELD section 1.9).

An order's record names the steps, in turn.  A `Chain` walks them for one command: it is told how
each form ended and names the next one.  Everything that was tried is kept on the command
(`Command.attempts`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Arguments, CommandState, Outcome, SessionState
from app.domain.network import plugs
from app.models import ChargingSession, Command, Station


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
