"""Guessing is refused from memory, and whoever knows a password gets in beside it."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from websockets.exceptions import InvalidStatus

from app.domain.ground.vocabulary import SYSTEM, Registration
from app.domain.network import credentials, stations
from app.extensions import db as flask_db
from tests.support.gated import PASSWORD, gated, last_knock, login, station
from tests.support.ocpp_port import handshake_text
from tests.support.wait import eventually
from worker.ocpp.refusals import Rate, Throttle
from worker.server import networks


@pytest.fixture
def port(app):
    with gated(app) as running:
        yield running


@pytest.fixture
def secret():
    return credentials.generate()


@pytest.fixture
def made(app, db, secret):
    """A station whose password nobody chose."""
    return station(db, "MADE", password_hash=credentials.hash_generated(secret))


def status(port, identity, password, **headers):
    raw = port.raw(upgrade=False)
    headers = {name.replace("-", "_"): value for name, value in headers.items()}
    raw.socket.sendall(handshake_text(f"/ocpp/{identity}", **login(identity, password), **headers))
    head = raw.read_head()
    raw.socket.close()
    return int(head.split()[1]), head


def guess(port, identity, times=30):
    return [status(port, identity, f"guess {n}")[0] for n in range(times)]


def gets_in(port, identity, password):
    return status(port, identity, password)[0] == 101


@pytest.fixture
def reads(app):
    """The statements that the database is asked to run."""
    found = []

    def note(_connection, _cursor, statement, *_):
        if "FROM stations" in statement:
            found.append(statement)

    event.listen(flask_db.engine, "before_cursor_execute", note)
    yield found
    event.remove(flask_db.engine, "before_cursor_execute", note)


def test_whoever_guesses_too_often_is_told_to_wait(port, made):
    answers = guess(port, "MADE")
    assert answers[0] == 401
    assert answers[-1] == 429
    assert "Retry-After: " in status(port, "MADE", "another guess")[1]


def test_guesses_beyond_the_budget_cost_no_read_each(port, made, reads):
    guess(port, "MADE", 10)
    reads.clear()
    assert set(guess(port, "MADE", 60)) == {429}
    # What was read holds for two seconds; this much leaves room for a slow machine.
    assert len(reads) < 20


def test_the_right_password_gets_in_at_once_among_guesses_at_the_same_station(port, made, secret):
    for _ in range(5):
        guess(port, "MADE", 20)
        assert gets_in(port, "MADE", secret)


def test_another_charger_behind_the_same_address_gets_in(app, db, port, made, secret):
    station(db, "NEIGHBOUR")
    for n in range(150):
        status(port, f"NOBODY-{n}", "x" * 20)
    assert gets_in(port, "MADE", secret)
    assert gets_in(port, "NEIGHBOUR", PASSWORD)


@pytest.mark.landing
def test_a_chosen_password_that_was_right_passes_beside_any_number_of_guesses(app, db, port):
    station(db, "CHOSEN")
    assert gets_in(port, "CHOSEN", PASSWORD)
    guess(port, "CHOSEN", 40)
    assert gets_in(port, "CHOSEN", PASSWORD)


@pytest.mark.landing
def test_a_chosen_password_that_comes_again_is_looked_at_though_guesses_used_the_budget(
    app, db, port
):
    station(db, "CHOSEN")

    def arrives():
        # Twice in a row, with guesses all the time, as after a restart of the worker.
        guess(port, "CHOSEN", 12)
        return gets_in(port, "CHOSEN", PASSWORD)

    assert any(arrives() for _ in range(2))


def test_a_station_that_was_blocked_is_refused_at_once_also_among_guesses(
    app, db, port, made, secret
):
    guess(port, "MADE")
    assert gets_in(port, "MADE", secret)
    stations.set_registration(db, SYSTEM, made, Registration.BLOCKED, now=datetime.now(UTC))
    db.commit()
    assert status(port, "MADE", secret)[0] == 403


def test_a_station_that_is_registered_while_its_address_is_throttled_gets_in_soon(
    app, db, port, secret
):
    for _ in range(3):
        guess(port, "NEW", 40)
    station(db, "NEW", password_hash=credentials.hash_generated(secret))
    eventually(lambda: gets_in(port, "NEW", secret), what="the new station gets in")


def test_an_unknown_charger_keeps_its_name_when_it_is_slowed_down(app, port):
    guess(port, "NOBODY", 40)
    assert eventually(lambda: last_knock(app, "NOBODY", "throttled")).count


def test_a_new_password_holds_soon_also_among_guesses(app, db, port, made):
    guess(port, "MADE")
    fresh = credentials.generate()
    made.password_hash = credentials.hash_generated(fresh)
    db.commit()
    eventually(lambda: gets_in(port, "MADE", fresh), what="the new password is taken")


def test_a_charger_that_never_stays_is_slowed_down(port, made, secret):
    # Nobody comes as often as once in ten minutes, however slow the machine is.
    port.gate._throttle = Throttle(arrivals=Rate(burst=60, every_s=600))
    answers = [status(port, "MADE", secret)[0] for _ in range(90)]
    assert answers[:50] == [101] * 50
    assert 429 in answers


def test_nobody_comes_in_while_nothing_is_stored_and_no_try_counts(port, made, secret):
    batch, refused = port.gate._batch, ["it is read-only"]

    def ask(db):
        if refused:
            raise OperationalError("INSERT", {}, Exception(*refused))

    batch.ask_by(ask)
    port.within(lambda: batch._storage.failed(Exception(*refused)))
    port.gate._throttle = Throttle(arrivals=Rate(burst=1, every_s=600))
    assert {status(port, "MADE", secret)[0] for _ in range(5)} == {503}
    refused.clear()
    eventually(lambda: gets_in(port, "MADE", secret), what="the charger gets in")


def test_a_forged_forwarding_header_buys_no_new_budget(app, port, made):
    answers = [
        status(port, "MADE", f"guess {n}", **{"X-Forwarded-For": f"198.51.100.{n}"})[0]
        for n in range(30)
    ]
    assert answers[-1] == 429
    assert eventually(lambda: last_knock(app, "MADE", "throttled")).address == "127.0.0.1"


def test_behind_a_trusted_proxy_each_address_has_its_own_budget(app, made):
    with gated(app, trusted_proxies=networks(["127.0.0.0/8"])) as port:
        for n in range(20):
            status(port, "MADE", f"guess {n}", **{"X-Forwarded-For": "198.51.100.1"})
        other = {"X-Forwarded-For": "198.51.100.2"}
        with pytest.raises(InvalidStatus) as refused:
            port.connect("MADE", additional_headers={**login("MADE", "x" * 20), **other})
    assert refused.value.response.status_code == 401
