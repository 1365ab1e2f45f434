"""A crowd is let in one after another, at a pace that the connected do not feel."""

import pytest

from tests.support.ocpp_port import OcppPort, handshake_text
from worker import turnstile
from worker.pace import Lag
from worker.turnstile import LEAST, Turnstile


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
