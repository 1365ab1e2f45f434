"""Guessing is slowed down; knowing is not."""

import pytest

from worker.ocpp.handshake import Reason
from worker.ocpp.throttle import Throttle


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


def test_memory_is_bounded():
    throttle = Throttle(limit=100)
    for n in range(1000):
        throttle.failed(f"10.0.{n // 250}.{n % 250}", "CP1", Reason.WRONG_PASSWORD, 0)
    assert len(throttle._pairs) <= 100
