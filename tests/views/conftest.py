"""The desk on a seeded network, and its people signed in; a test that needs another has its own."""

import pytest

from tests.support import seed


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return made


@pytest.fixture
def viewer(app, made):
    return seed.signed_in(app, made.people["viewer"])


@pytest.fixture
def operator(app, made):
    return seed.signed_in(app, made.people["operator"])


@pytest.fixture
def admin(app, made):
    return seed.signed_in(app, made.people["admin"])
