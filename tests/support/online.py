"""Fixtures of pages that compare with the clock: a network whose stations are online now."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from tests.support import seed


@pytest.fixture
def now() -> datetime:
    """Whether a station is connected depends on the clock."""
    return seed.lately()


@pytest.fixture
def made(app: object, db: Session, now: datetime) -> seed.Seeded:
    """The seed, online and ready for every order."""
    found = seed.fill_online(db, now)
    db.commit()
    return found
