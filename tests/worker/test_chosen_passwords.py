"""A chosen password that was right is known again, also by a worker that has just started."""

import pytest

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import credentials, stations
from app.models import Station
from tests.support.gated import PASSWORD, gated, login, station
from tests.support.wait import eventually
from worker.lookup import known_of
from worker.ocpp.handshake import Offer, Request, read_basic
from worker.ocpp.refusals import Reason, Refused, Throttle
from worker.proof import Proofs, Undecided
from worker.stretching import Stretching


@pytest.fixture
def chosen(app, db):
    """A station with a chosen password that has connected once, as its row is now."""
    made = station(db, "CHOSEN", password_hash=credentials.hash_chosen(PASSWORD))
    with gated(app) as port:
        with port.connect("CHOSEN", additional_headers=login("CHOSEN")):
            pass
        eventually(lambda: db.rollback() or made.password_proof)
    return made


@pytest.fixture
def at_once(app):
    """What a worker that has just started says without a slow comparison."""

    def checked(made: Station, password: str = PASSWORD, name: str = "CHOSEN", secret: str = ""):
        given = read_basic(login(name, password)["Authorization"], "CHOSEN")
        request = Request("CHOSEN", "/ocpp/CHOSEN", "192.0.2.1", Offer(None, None), given)
        key = secret or app.config["SETTINGS"].signing_key()
        proofs = Proofs("", Stretching(Throttle()), key)
        return proofs.check(request, known_of(made, "UTC", "strict"), at_once=True)

    return checked


@pytest.mark.landing
def test_the_right_one_needs_no_slow_comparison_after_a_restart(at_once, chosen):
    proof = at_once(chosen)
    assert proof.password_hash == chosen.password_hash and proof.to_keep is None


def test_another_one_needs_one_as_ever(at_once, chosen):
    with pytest.raises(Undecided):
        at_once(chosen, "a guess")


def test_what_is_kept_opens_nothing_without_the_secret_of_the_installation(at_once, chosen):
    assert PASSWORD not in chosen.password_proof
    with pytest.raises(Undecided):
        at_once(chosen, secret="another")


def test_a_new_password_makes_the_old_one_forgotten(at_once, chosen, db, now):
    old = chosen.password_proof
    stations.set_password(db, SYSTEM, chosen, "another that was chosen", now=now)
    db.commit()
    assert chosen.password_proof is None
    # Whatever is left of it, in a backup or a raced write, belongs to the old hash.
    chosen.password_proof = old
    with pytest.raises(Undecided):
        at_once(chosen)


def test_a_made_password_leaves_nothing_behind(app, db):
    secret = credentials.generate()
    made = station(db, "MADE", password_hash=credentials.hash_generated(secret))
    with gated(app) as port:
        with port.connect("MADE", additional_headers=login("MADE", secret)):
            pass
        with port.connect("MADE", additional_headers=login("MADE", secret)):
            pass
    db.rollback()
    assert made.password_proof is None


def test_a_wrong_user_name_is_refused_whatever_is_kept(at_once, chosen):
    refused = at_once(chosen, name="OTHER")
    assert isinstance(refused, Refused) and refused.reason is Reason.WRONG_USERNAME
