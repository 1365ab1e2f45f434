"""A crowd is let in one after another, at a pace that the connected do not feel."""

from itertools import pairwise

import gevent
import gevent.event
import pytest
from sqlalchemy.exc import TimeoutError as TooSlow

from tests.support.ocpp_port import OcppPort, handshake_text
from worker import lookup, pace, turnstile
from worker.lookup import Lookup
from worker.pace import Lag, others_turn
from worker.turnstile import FIRST, LEAST, Turnstile


@pytest.fixture
def slow(monkeypatch):
    """Two chargers a second."""
    for name in ("FIRST", "LEAST", "MOST", "BURST"):
        monkeypatch.setattr(turnstile, name, 2.0)


def test_who_comes_in_a_crowd_waits_its_turn_or_is_told_when_to_come_again(slow):
    with OcppPort(patience_s=4.0) as port:
        crowd = [port.raw(upgrade=False) for _ in range(30)]
        for number, raw in enumerate(crowd):
            raw.socket.sendall(handshake_text(f"/ocpp/CP{number}"))
        heads = [raw.read_head() for raw in crowd]
    refused = [head for head in heads if head.startswith("HTTP/1.1 503 ")]
    let_in = [head for head in heads if head.startswith("HTTP/1.1 101 ")]
    assert len(refused) + len(let_in) == len(crowd)
    assert len(refused) >= 10
    assert len(let_in) >= 3
    assert all("Retry-After: " in head for head in refused)


def test_the_pace_falls_while_commits_are_slow_and_grows_again(monkeypatch):
    lag = Lag()
    monkeypatch.setattr(turnstile, "LAG", lag)
    gate = Turnstile(patience_s=8.0)
    lag.stored(1.0)
    for _ in range(100):
        gate.adapt(gate.fell_at + 1.0, 0.1)
    assert gate.pace == LEAST
    for _ in range(40):
        lag.seen(0.0)
    gate.adapt(gate.fell_at + 1.0, 1.0)
    assert gate.pace > LEAST


def test_who_is_sent_away_comes_by_the_usual_pace_and_not_by_that_of_a_bad_moment(monkeypatch):
    lag = Lag()
    monkeypatch.setattr(turnstile, "LAG", lag)
    gate = Turnstile(patience_s=8.0)
    lag.stored(1.0)
    for _ in range(10):
        gate.adapt(gate.fell_at + 1.0, 0.02)
    assert gate.pace == LEAST
    assert gate.usual > 0.9 * FIRST
    for _ in range(100):
        gate.adapt(gate.fell_at + 1.0, 1.0)
    assert gate.usual < 1.1 * LEAST


@pytest.fixture
def small_bites(monkeypatch):
    """One of a crowd at a time."""
    monkeypatch.setattr(pace, "BITE_S", -1.0)


def in_turns(wait):
    """Who went on in which order: five that wait at once, and the others beside them."""
    seen = []

    def charger():
        wait()
        seen.append("charger")

    def others():
        while seen.count("charger") < 5:
            seen.append("others")
            others_turn()

    gevent.joinall([*(gevent.spawn(charger) for _ in range(5)), gevent.spawn(others)])
    return seen


def alternate(seen):
    """Whether the others had a turn between any two of the crowd."""
    return ("charger", "charger") not in pairwise(seen)


def test_the_handshakes_of_a_crowd_are_looked_at_in_bites(small_bites):
    assert alternate(in_turns(Turnstile(patience_s=8.0).line_up))


@pytest.fixture
def read(monkeypatch):
    """The lists of whom a lookup reads; none of them is known."""
    found = []
    monkeypatch.setattr(Lookup, "_read", lambda self, keys: found.append(keys) or {})
    return found


def test_a_crowd_that_one_read_answers_goes_on_in_bites(small_bites, read):
    asked = Lookup(None)
    assert alternate(in_turns(lambda: asked.find("CP")))
    assert read == [["CP"]]


def test_nobody_is_looked_for_whose_asker_has_gone(monkeypatch):
    monkeypatch.setattr(Lookup, "_read", lambda self, keys: gevent.event.Event().wait())
    monkeypatch.setattr(lookup, "PATIENCE_S", 0.0)
    asked = Lookup(None)
    for _ in range(2):
        with pytest.raises(TooSlow):
            asked.find("CP")
    assert not asked._wanted
