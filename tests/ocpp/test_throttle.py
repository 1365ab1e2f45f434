"""Guessing is slowed down; knowing is not."""

import pytest

from worker.ocpp.refusals import Reason, Throttle, Turns, network_of


@pytest.fixture
def throttle():
    return Throttle()


def guess(throttle, times, now=0.0, address="198.51.100.7", identity="CP1"):
    return [
        refused
        for _ in range(times)
        if throttle.may_check(address, identity, now) is None
        and (refused := throttle.failed(address, identity, Reason.WRONG_PASSWORD, now))
    ]


def test_bruteforce_throttled(throttle):
    looked_at = guess(throttle, 1000)
    assert len(looked_at) < 12
    assert looked_at[0].reason is Reason.WRONG_PASSWORD
    assert looked_at[-1].reason is Reason.THROTTLED
    assert looked_at[-1].retry_after_s >= 1


def test_the_right_password_still_gets_in_after_failures(throttle):
    guess(throttle, 1000, now=0)
    assert throttle.may_check("198.51.100.7", "CP1", now=1) is None


def test_lockout_not_a_dos(throttle):
    guess(throttle, 1000, address="203.0.113.66")
    assert throttle.may_check("198.51.100.7", "CP1", 0) is None


def test_guessing_at_many_chargers_from_one_address_is_throttled(throttle):
    looked_at = sum(len(guess(throttle, 3, identity=f"CP{n}")) for n in range(1000))
    assert looked_at < 120


def test_a_charger_behind_the_same_address_has_a_budget_of_its_own(throttle):
    for n in range(30):
        guess(throttle, 3, identity=f"CP{n}")
    assert throttle.may_check("198.51.100.7", "CP-real", 5) is None


def test_success_forgives_the_chargers_own_failures(throttle):
    guess(throttle, 5)
    throttle.succeeded("198.51.100.7", "CP1")
    assert guess(throttle, 1)[0].reason is Reason.WRONG_PASSWORD


def test_time_forgives(throttle):
    guess(throttle, 1000)
    assert guess(throttle, 1, now=3600)[0].reason is Reason.WRONG_PASSWORD


def test_ipv6_is_counted_by_its_network(throttle):
    looked_at = sum(len(guess(throttle, 1, address=f"2001:db8::{n:x}")) for n in range(1, 100))
    assert looked_at < 12


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8::1:2:3:4", "2001:db8::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("", ""),
        ("no:address", "no:address"),
    ],
)
def test_what_one_customer_has(address, network):
    assert network_of(address) == network


def test_whoever_has_failed_too_often_is_known_before_anything_is_read(throttle):
    assert throttle.used_up("198.51.100.7", "CP1", 0) is None
    guess(throttle, 5)
    refused = throttle.used_up("198.51.100.7", "CP1", 0)
    assert (refused.status, refused.retry_after_s) == (429, 30)
    assert throttle.used_up("198.51.100.7", "CP2", 0) is None
    assert throttle.used_up("198.51.100.7", "CP1", 31) is None


def test_a_password_that_comes_again_has_a_budget_that_guesses_do_not_use(throttle):
    guess(throttle, 1000)
    assert throttle.may_check("198.51.100.7", "CP1", 0) is not None
    assert throttle.may_check("198.51.100.7", "CP1", 0, again=True) is None


def test_a_charger_that_comes_again_and_again_must_wait(throttle):
    assert [throttle.arrived("CP1", 0) for _ in range(60)] == [None] * 60
    assert throttle.arrived("cp1", 0).reason is Reason.RESTLESS
    assert throttle.arrived("CP2", 0) is None
    assert throttle.arrived("CP1", 2) is None


def test_a_charger_that_does_not_wait_still_gets_in_at_the_pace_of_one_that_does(throttle):
    for _ in range(60):
        throttle.arrived("CP1", 0)
    tries = [throttle.arrived("CP1", tenth / 10) for tenth in range(1, 201)]
    assert tries.count(None) == pytest.approx(20, abs=1)


def test_guesses_that_never_pause_leave_a_slow_comparison_each_second(throttle):
    guess(throttle, 1000)
    looked_at = [
        throttle.may_check("198.51.100.7", "CP1", tenth / 10) is None for tenth in range(1, 201)
    ]
    assert sum(looked_at) == pytest.approx(20, abs=1)


def test_memory_is_bounded():
    throttle = Throttle(limit=100)
    for n in range(1000):
        throttle.failed(f"10.0.{n // 250}.{n % 250}", "CP1", Reason.WRONG_PASSWORD, 0)
    assert len(throttle._pairs) <= 100


def test_those_sent_away_come_again_one_after_another():
    turns = Turns()
    told = [turns.next_s(0.0, every_s=0.5) for _ in range(6)]
    assert told == [2, 2, 3, 3, 4, 4]
    assert turns.next_s(100.0, every_s=0.5) == 2


def test_nobody_is_told_to_come_again_in_an_hour():
    turns = Turns(most_s=60.0)
    assert {turns.next_s(0.0, every_s=30.0) for _ in range(9)} == {31, 60}
