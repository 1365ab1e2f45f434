"""Hanging sockets and wrong passwords, all at once, do not keep a charger out."""

import json
import subprocess
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from app.domain.network import credentials
from app.models import HandshakeAttempt
from bench import wire
from bench.door import attack
from bench.installation import python
from tests.support.gated import PASSWORD, station
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.landing]


@contextmanager
def attacked(port, identities):
    """Attack a worker; gives the list to which the attacker's own account is added at the end."""
    with subprocess.Popen(
        python("bench.flood"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        account = []
        try:
            process.stdin.write(json.dumps(attack(port, identities)) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "ready\n"
            yield account
            process.stdin.write("\n")
            process.stdin.flush()
            account.append(json.loads(process.stdout.readline()))
        finally:
            process.kill()


def knock(port, identity, password):
    wire.connect(port, identity, password).close()
    return True


def attempts(site):
    with site.read() as db:
        rows, count = db.execute(
            select(func.count(), func.sum(HandshakeAttempt.count)).where(~HandshakeAttempt.accepted)
        ).one()
        return rows, count or 0


def test_a_charger_gets_in_past_two_thousand_hanging_sockets_and_a_flood_of_guesses(make_site):
    site = make_site(processes=("worker",))
    port = site.settings.ocpp_port
    secret = credentials.generate()
    # Each in a unit of its own: after a commit within one, SQLite may not wait for other writers.
    for identity, facts in (
        ("CHOSEN", {}),
        ("MADE", {"password_hash": credentials.hash_generated(secret)}),
    ):
        with site.work() as db:
            station(db, identity, **facts)
    knock(port, "CHOSEN", PASSWORD)
    for _ in range(3):
        rows, count = attempts(site)
        with attacked(port, ["MADE", "CHOSEN"]) as account:
            for _ in range(10):
                knock(port, "MADE", secret)
                knock(port, "CHOSEN", PASSWORD)
            wanted = count + 1_500
            eventually(
                lambda wanted=wanted: attempts(site)[1] > wanted, what="1,500 more in the database"
            )
        (told,) = account
        if "503" not in told["statuses"]:
            break  # else other tests kept the computer so busy that turns at the gate ran out
    assert told["hanging"] > 1_000
    assert set(told["statuses"]) <= {"401", "404", "429"}
    assert told["statuses"]["429"] > 500
    assert attempts(site)[0] - rows < 700
