"""Slow hashes are computed a few at a time, and the addresses that wait take turns."""

import gevent
import pytest

from app.domain.network import credentials
from worker.ocpp.refusals import Rate, Reason, Throttle
from worker.stretching import OF_ONE_CHARGER, Crowded, Stretching

STORED = credentials.hash_chosen("correct horse battery")


def compare(stretching, done, address, identity="CP1", password=b"a guess", again=False):
    try:
        found = stretching.matching(STORED, (password,), address, identity, again=again)
    except Crowded as crowded:
        found = crowded.refused
    done.append((address, found))


def all_at_once(stretching, *asking):
    """What each is answered, in the order in which they were."""
    done = []
    gevent.joinall([gevent.spawn(compare, stretching, done, *each) for each in asking])
    return done


def test_the_right_one_of_the_candidates_is_found():
    stretching = Stretching(Throttle())
    found = stretching.matching(STORED, (b"x", b"correct horse battery"), "192.0.2.1", "CP1")
    assert found == b"correct horse battery"
    assert stretching.matching(STORED, (b"x", b"y"), "192.0.2.1", "CP1") is None


@pytest.mark.landing
def test_one_address_with_many_guesses_delays_another_by_one_of_them():
    guesses = [("192.0.2.66", f"CP{number}") for number in range(20)]
    charger = ("198.51.100.7", "CP1", b"correct horse battery")
    done = all_at_once(Stretching(Throttle(), at_once=1), *guesses, charger)
    assert done.index(("198.51.100.7", charger[2])) < 4


@pytest.mark.landing
def test_a_password_that_comes_again_goes_before_guesses_from_everywhere():
    guesses = [(f"192.0.2.{number}", "CP1") for number in range(20)]
    charger = ("192.0.2.1", "CP1", b"correct horse battery", True)
    done = all_at_once(Stretching(Throttle(), at_once=1), *guesses, charger)
    assert done.index(("192.0.2.1", charger[2])) < 3


def test_guesses_at_one_station_wait_in_small_numbers():
    done = all_at_once(Stretching(Throttle()), *[("192.0.2.66", "CP1")] * 30)
    refused = [answer for _, answer in done if answer is not None]
    assert len(refused) == 30 - OF_ONE_CHARGER
    assert {answer.reason for answer in refused} == {Reason.THROTTLED}


def test_whoever_has_used_up_its_budget_is_hashed_no_more():
    throttle = Throttle(checks=Rate(burst=1, every_s=3600))
    for _ in range(100):
        throttle.failed("192.0.2.66", "CP1", Reason.WRONG_PASSWORD, gevent.get_hub().loop.now())
    stretching = Stretching(throttle)
    stretching.matching(STORED, (b"a",), "192.0.2.66", "CP1")
    with pytest.raises(Crowded):
        stretching.matching(STORED, (b"b",), "192.0.2.66", "CP1")
    # A password that came before and was not looked at has a budget of its own.
    right = b"correct horse battery"
    assert stretching.matching(STORED, (right,), "192.0.2.66", "CP1", again=True) == right
