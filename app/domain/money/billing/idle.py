"""When a car took energy and when it only stood there, by the meter and by the words.  Pure.

The meter decides where it can: a stretch in which the register rises is never
idle, and one in which nothing flows while the cable is in is, whatever the last
status says.  Only time that the charger withholds (SuspendedEVSE) or cannot serve
(Reserved, Unavailable, Faulted) is never idle.  A status marks the instant where
the readings around it agree; where only readings speak, the last one that shows
a rise ends charging.  Where the meter is silent, the words count as ever.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import NamedTuple

from app.domain.charging.energy import DEFAULT_MAX_POWER_W, limit_wh
from app.domain.charging.energy.plausibility import JITTER_S, UNSEEN_POWER_W
from app.domain.money.billing.flow import Flow, Step, runs_of, without
from app.domain.money.tariffs.quote import Interval

#: Seen from the readings only: billed, or (by the tenant's rule) told and no more.
BY_METER = "idle_by_meter"
TOLD_ONLY = "idle_not_billed"
#: The register rose while the last status called the car idle.
REFUTED = "idle_refuted"
#: Meter and status disagree, or the status is too old, and no reading decides.
UNCLEAR = "idle_unclear"
UNCLEAR_UNPRICED = "idle_unclear_unpriced"
#: Those of them that are told and hold nothing.
TOLD = frozenset({BY_METER, TOLD_ONLY, REFUTED, UNCLEAR_UNPRICED})

#: A still stretch shorter than this is no idle time unless a status says so; nor
#: is this much of the time before the first energy (the handshake).
SHORT = timedelta(minutes=5)
#: How far a charger's statuses and its readings may be apart.
SLACK = timedelta(minutes=2)
#: A step between readings longer than this decides nothing about its inside.
COARSE = timedelta(minutes=20)
#: How much more than in its other steps a car may have drawn in a part of one.
_STEADY = Decimal("1.5")
_ABOUT = Decimal(2)


class Says(Enum):
    """What a status means; `NOTHING` names neither flow nor idleness (Preparing, EVConnected)."""

    CHARGING = "charging"
    IDLE = "idle"
    WITHHELD = "withheld"
    NOTHING = "nothing"


class Word(NamedTuple):
    """A status that the station told, by its own clock."""

    at: datetime
    says: Says


@dataclass(frozen=True, slots=True)
class Witness:
    """All that speaks of a session's flow.

    `words` are in order of time; `carried` is what the plug said when it began.  In a `blind`
    stretch the station was not connected: an older status says nothing of it or of what follows.
    In a `closed` one nothing counts as idle, in a `dark` one (the station had no power) nothing at
    all, unless the register, told in steps of `told_wh`, says that it flowed.  `greatest_w` is the
    plug's limit, None if it is not known; `believed_w` what is then believed of it where nothing in
    the session shows how fast it went.  `running`: the last step goes on; `fastest`: two that rise.
    """

    started_at: datetime
    ended_at: datetime
    steps: Sequence[Step] = ()
    words: Sequence[Word] = ()
    carried: Says = Says.CHARGING
    blind: Sequence[Interval] = ()
    closed: Sequence[Interval] = ()
    dark: Sequence[Interval] = ()
    greatest_w: Decimal | None = None
    running: bool = False
    believed_w: Decimal = UNSEEN_POWER_W
    told_wh: Decimal = Decimal(1)
    fastest: Sequence[Step] = field(init=False)

    def __post_init__(self) -> None:
        # A register that was too coarse to rise says nothing of how fast it went.
        flowing = (step for step in self.steps if step.flow is Flow.FLOWS and step.rise_wh)
        fastest = sorted(flowing, key=lambda step: step.power_w, reverse=True)
        object.__setattr__(self, "fastest", fastest[:2])


@dataclass(frozen=True, slots=True)
class Stood:
    """When a car charged and when it was idle; `by_meter` is idle that no status told.

    `codes` are doubts of the vocabulary.
    """

    charging: tuple[Interval, ...]
    idle: tuple[Interval, ...]
    by_meter: tuple[Interval, ...]
    codes: tuple[str, ...]


#: Where nobody asks.
UNTOLD = Stood((), (), (), ())


@dataclass(slots=True)
class _Said:
    """A stretch under one status; `lost`: it called the car idle before a blind stretch."""

    since: datetime
    until: datetime
    says: Says
    lost: bool = False


_since, _until = attrgetter("since"), attrgetter("until")


@dataclass(slots=True)
class _Work:
    witness: Witness
    said: list[_Said]
    charging: list[Interval] = field(default_factory=list)
    idle: list[Interval] = field(default_factory=list)
    by_meter: list[Interval] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    flowed: bool = False

    def within(self, since: datetime, until: datetime) -> Iterator[tuple[_Said, Interval]]:
        """The statuses of a stretch, each with its part of it."""
        first = bisect_right(self.said, since, key=_until)
        for number in range(first, len(self.said)):
            said = self.said[number]
            if said.since >= until:
                return
            yield said, (max(said.since, since), min(said.until, until))

    def by_words(self, says: Says, part: Interval) -> None:
        """Count a part as its status says."""
        if says is Says.CHARGING:
            _add(self.charging, part)
        elif says is Says.IDLE:
            _add(self.idle, part)


def stood(witness: Witness, *, billed: bool = True) -> Stood:
    """Tell charging from idle time; `billed` False: what only the meter shows stays untold.

    Charging and idle never overlap and never leave the session; idle never
    covers a step that flows, unless a status splits it and the rest explains it.
    """
    work = _Work(witness, list(_timeline(witness)))
    span = witness.started_at, witness.ended_at
    for run in runs_of(witness.steps, span, running=witness.running):
        if run[0].flow is Flow.FLOWS:
            _flows(work, run[0])
        elif run[0].flow is Flow.STILL:
            _still(work, run, billed)
        else:
            _open(work, run[0])
    shut = (*witness.closed, *witness.dark)
    idle, by_meter = without(work.idle, shut), without(work.by_meter, shut)
    if by_meter:
        work.codes.add(BY_METER if billed else TOLD_ONLY)
    return Stood(tuple(work.charging), idle, by_meter, tuple(sorted(work.codes)))


def carried_over(
    word: Word | None, following: Sequence[Word], blind: Sequence[Interval], started_at: datetime
) -> Says:
    """What a plug's last status before a session says of it: that it was suspended already, or
    (Preparing) not yet charging, where those that follow tell when it does.

    It says nothing where the station was not connected in between or at the start.
    """
    tells = any(each.says is Says.CHARGING for each in following)
    if word is None or word.says is Says.CHARGING or (word.says is Says.NOTHING and not tells):
        return Says.CHARGING
    away = any(until > word.at and since <= started_at for since, until in blind)
    return Says.CHARGING if away else word.says


def _timeline(witness: Witness) -> Iterator[_Said]:
    """The statuses one after another; a blind or dark stretch ends what was said before it."""
    start, end = witness.started_at, witness.ended_at
    marks: list[tuple[datetime, int, Says | None]] = [(start, 0, witness.carried)]
    marks += [(since, 1, None) for since, _ in witness.blind if start < since < end]
    marks += [(min(max(word.at, start), end), 2, word.says) for word in witness.words]
    for since, until in witness.dark:
        marks += [(since, 3, Says.WITHHELD), (until, 1, Says.CHARGING)]
    marks.sort(key=lambda mark: mark[:2])
    says, lost = witness.carried, False
    for index, (since, _, told) in enumerate(marks):
        if told is None:
            lost = lost or says is Says.IDLE
            says = Says.CHARGING if says is Says.IDLE else says
        else:
            says, lost = told, False
        until = marks[index + 1][0] if index + 1 < len(marks) else end
        if since < until:
            yield _Said(since, until, says, lost)


def _flows(work: _Work, step: Step) -> None:
    """A step with flow: as its statuses say if they explain the energy, else all of it charging."""
    parts = list(work.within(step.since, step.until))
    work.flowed = True
    if all(said.says is Says.CHARGING and not said.lost for said, _ in parts):
        _add(work.charging, (step.since, step.until))
        return
    told = [part for said, part in parts if said.says is Says.CHARGING and not said.lost]
    charged = sum((until - since for since, until in told), timedelta(0))
    most_wh = _most_wh(work.witness, step, charged)
    explained = charged and step.rise_wh <= most_wh
    # Whether the car may have taken that much in less than about all the step.
    most_w = _most_w(work.witness, step)
    hollow = step.until - step.since > COARSE and step.power_w * _STEADY < most_w
    if explained:
        for said, part in parts:
            work.by_words(said.says, part)
    else:
        dark = work.witness.dark
        if step.rise_wh > most_wh + work.witness.told_wh:  # else it was told late by no more
            had = timedelta(hours=float(step.rise_wh / most_w)) - charged
            dark = [(since + had, until) for since, until in dark if until - since > had + SLACK]
        for part in without([(step.since, step.until)], dark):
            _add(work.charging, part)
    if hollow and any(said.lost or (said.says is Says.IDLE and not explained) for said, _ in parts):
        work.codes.add(UNCLEAR)
    for said, _ in parts:
        said.lost = False
        # What was said before this step is wrong; what is said within it may tell its end.
        if explained or said.since >= step.since - SLACK or said.says is Says.WITHHELD:
            continue
        if said.says is Says.IDLE and not hollow:
            work.codes.add(REFUTED)
        said.says = Says.CHARGING


def _most_w(witness: Witness, step: Step, times: Decimal = Decimal(1)) -> Decimal:
    """The most power in a step: the plug's, and so many times the most of its other steps."""
    other = next((each for each in witness.fastest if each is not step), None)
    if other is None:
        return witness.greatest_w or witness.believed_w
    return min(witness.greatest_w or DEFAULT_MAX_POWER_W, other.power_w * times)


def _most_wh(witness: Witness, step: Step, charged: timedelta) -> Decimal:
    """The most that the car can have taken in a part of a step.

    Where no flow follows, the readings agree that it stopped about there, so a
    minute of the clock and twice the power are allowed for.
    """
    following = bisect_left(witness.steps, step.until, key=_since)
    stops = following == len(witness.steps) or witness.steps[following].flow is not Flow.FLOWS
    limit = _most_w(witness, step, _ABOUT if stops else _STEADY)
    return limit_wh(limit, Decimal(str(charged.total_seconds())) + (JITTER_S if stops else 1))


def _still(work: _Work, run: Sequence[Step], billed: bool) -> None:
    """A stretch without flow: idle, but where the charger withholds or hardly any time passes."""
    since, until = run[0].since, run[-1].until
    parts = list(work.within(since, until))
    silent: Interval | None = None
    for index, (said, part) in enumerate(parts):
        told = said.says is Says.IDLE or said.lost
        if told or said.says is Says.WITHHELD:
            _silent(work, silent, billed)
            silent = None
            work.by_words(Says.IDLE if told else Says.WITHHELD, part)
            continue
        following = parts[index + 1][0] if index + 1 < len(parts) else None
        marked = following is not None and following.says is Says.IDLE
        if marked and part[0] == since and part[1] <= max(run[0].until, since + SHORT):
            # A status right after the last rise marks the instant.
            work.by_words(said.says, part)
            continue
        silent = (silent[0] if silent else part[0], part[1])
    _silent(work, silent, billed)


def _silent(work: _Work, part: Interval | None, billed: bool) -> None:
    """A still stretch of which no status tells: from the meter, if it is long enough."""
    if part is None:
        return
    since, until = part
    if not work.flowed:
        since = max(since, min(work.witness.started_at + SHORT, until))
    seen = until - since >= SHORT
    if seen:
        _add(work.by_meter, (since, until))
    told = (part[0], since) if seen and billed else part
    for said, stretch in work.within(*told):
        work.by_words(said.says, stretch)
    if seen and billed:
        _add(work.idle, (since, until))


def _open(work: _Work, step: Step) -> None:
    """A stretch of which the meter says nothing: as its statuses say."""
    for said, part in work.within(step.since, step.until):
        work.by_words(said.says, part)
        if said.lost and part[1] - part[0] > COARSE:
            work.codes.add(UNCLEAR)


def _add(known: list[Interval], part: Interval) -> None:
    """Add a stretch, joined to the one before it where they touch."""
    if part[0] >= part[1]:
        return
    if known and known[-1][1] == part[0]:
        part = known.pop()[0], part[1]
    known.append(part)
