"""Sessions whose truth is known, told late, in any order and more than once, in part, or by a clock
that is wrong: the same bill, or none before somebody has looked.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.models import Station
from tests.money.test_truth_told import CHARGES, CUT, billed, true
from tests.support import sockets
from tests.support.truth import Does, Part, Teller, Truth, at_random
from worker.ocpp.versions import Version

pytestmark = pytest.mark.usefixtures("any_app")
MONEY = ("TransactionEvent", "MeterValues", "StopTransaction")


class Late:
    """What stands between a station and us: from some second on it keeps what costs money."""

    def __init__(self, teller: Teller, rng: random.Random, truth: Truth) -> None:
        self.talk, self.rng, self.start = teller.talk, rng, teller.start
        self.from_s = rng.randrange(1, truth.length_s + 1)
        self.kept: list[tuple[str, dict[str, Any]]] = []
        self.says, self.old = teller.talk.says, teller.old

    def __call__(self, action: str, payload: dict[str, Any], **given: Any) -> dict[str, Any]:
        away = self.talk.now >= self.start + timedelta(seconds=self.from_s)
        if not away or (action not in MONEY and action != "StatusNotification"):
            answer: dict[str, Any] = self.says(action, payload, **given)
            return answer
        if not self.kept:
            station = self.talk.db.get_one(Station, self.talk.station.id)
            sockets.close_connection(self.talk.db, station.connection_id or 0, now=self.talk.now)
        if action in MONEY:
            more = {} if self.old else {"offline": True}
            self.kept.append((action, payload | more))
        return {}

    def arrive(self) -> None:
        """All that was kept arrives, in any order, and some of it twice."""
        self.talk.now += timedelta(seconds=self.rng.randrange(700, 90_000))
        self.talk.connect()
        told = [*self.kept, *self.rng.sample(self.kept, len(self.kept) // 2)]
        if self.rng.random() < 0.7:
            self.rng.shuffle(told)
        for action, payload in told:
            self.talk.now += timedelta(seconds=1)
            self.says(action, payload)


SEEDS = [*range(2), *(pytest.param(n, marks=pytest.mark.nightly) for n in range(2, 60))]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("version", [Version.V16, Version.V21])
def test_a_truth_that_is_told_late_in_any_order_comes_to_the_same_bill(seed, version):
    """When it charged and stood is not compared where the statuses are lost, as by 1.6."""
    rng = random.Random(seed)
    truth = at_random(rng)

    def tell(teller: Teller) -> None:
        late = Late(teller, rng, truth)
        teller.talk.says = late  # type: ignore[method-assign]
        teller.tell(truth)
        late.arrive()

    energy_wh, charged, idle, doubts = billed(truth, version, tell)
    assert (energy_wh, doubts) == (truth.energy_wh, [])
    if version is Version.V16:
        return
    unseen = truth.every_s if truth.told_wh == 1_000 else 0
    assert idle == pytest.approx(true(truth)[2], abs=unseen)
    cut_s = truth.every_s if truth.spans(Does.DARK) else 0
    assert charged == pytest.approx(true(truth)[1], abs=unseen + cut_s)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("version", [Version.V16, Version.V21])
def test_a_truth_of_which_half_the_readings_are_never_taken_comes_to_the_same_energy(seed, version):
    rng = random.Random(seed)
    truth = at_random(rng)

    def tell(teller: Teller) -> None:
        reads = teller._reads
        teller._reads = lambda *of: reads(*of) if rng.random() < 0.5 else None  # type: ignore[method-assign]
        teller.tell(truth)

    energy_wh, charged, idle, doubts = billed(truth, version, tell)
    assert (energy_wh, doubts) == (truth.energy_wh, [])
    assert charged + idle <= truth.length_s


#: By how many seconds a clock is wrong.
OFF_S = (-35_000_000, -7_200, -1_200, -200, 200, 1_200, 3_600, 7_200, 172_800)
#: How well times are known where a clock was wrong: one within five minutes is believed.
NEAR_S = 320


def wrong_clock(rng: random.Random, teller: Teller, length_s: int) -> None:
    """A clock that is wrong, is put right, goes wrong, or begins anew in 1970."""
    off = timedelta(seconds=rng.choice(OFF_S))
    turn = teller.start + timedelta(seconds=rng.randrange(1, length_s))
    teller.clock = rng.choice(
        [
            lambda now: now + off,
            lambda now: now + off if now < turn else now,
            lambda now: now + off if now >= turn else now,
            lambda now: now if now < turn else datetime(1970, 1, 1, tzinfo=UTC) + (now - turn),
        ]
    )


#: By day two more: clocks that are put right, a slow one of which only readings told, and one that
#: is a little fast, before a power cut.
SLOW, FAST = 34, 109
CLOCKS = [*SEEDS[:SLOW], SLOW, *SEEDS[SLOW + 1 :], FAST]


@pytest.mark.parametrize("seed", CLOCKS)
@pytest.mark.parametrize("version", [Version.V16, Version.V21])
def test_a_truth_that_is_told_by_a_wrong_clock_comes_to_the_same_bill_or_is_held(seed, version):
    rng = random.Random(seed)
    truth = at_random(rng)

    def tell(teller: Teller) -> None:
        wrong_clock(rng, teller, truth.length_s)
        teller.tell(truth)

    energy_wh, charged, idle, doubts = billed(truth, version, tell)
    if doubts:
        return
    assert energy_wh == truth.energy_wh
    near = NEAR_S + (truth.every_s if truth.told_wh == 1_000 else 0)
    assert (charged, idle) == tuple(pytest.approx(each, abs=near) for each in true(truth)[1:3])


@pytest.mark.parametrize("off_s", [(-200, -200), (200, 200), (-200, 0), (0, 200), (-200, 200)])
@pytest.mark.parametrize("version", [Version.V16, Version.V21])
def test_a_power_cut_is_one_also_where_the_clock_is_a_little_off_or_set_after_it(version, off_s):
    truth = Truth((CHARGES, CUT, CHARGES))

    def tell(teller: Teller) -> None:
        back = teller.start + timedelta(seconds=CHARGES.seconds + CUT.seconds)
        teller.clock = lambda now: now + timedelta(seconds=off_s[now >= back])
        teller.tell(truth)

    assert billed(truth, version, tell) == true(truth)


@pytest.mark.parametrize("set_after_s", [465, None])
def test_what_a_plug_says_before_its_slow_clock_is_known_is_put_right(set_after_s):
    """The wait counted as charging: the word that ended it lay an hour before the session."""
    truth = Truth((Part(Does.WAITS, 196), CHARGES, Part(Does.STANDS, 8_500)), every_s=0)

    def tell(teller: Teller) -> None:
        at = teller.start + timedelta(seconds=set_after_s or truth.length_s + 1)
        teller.clock = lambda now: now if now >= at else now - timedelta(hours=1)
        teller.tell(truth)

    assert billed(truth, Version.V16, tell) == true(truth)
