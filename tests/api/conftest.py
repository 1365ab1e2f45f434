"""A network, tokens for its people, and a client that holds every answer to the document."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from tests.api.client import Api
from tests.support import seed


@pytest.fixture
def now() -> datetime:
    """The API reads the clock, so its network plays now."""
    return seed.lately() - timedelta(seconds=2)


@pytest.fixture
def made(db: Any, now: datetime) -> seed.Seeded:
    """The seeded network, kept."""
    found = seed.fill(db, now, history=2)
    db.commit()
    return found


@pytest.fixture
def secret_of(db: Any, made: seed.Seeded, now: datetime) -> Callable[..., str]:
    """Make tokens: `secret_of("viewer")`."""

    def make(role: str, **given: Any) -> str:
        _, secret = api_tokens.issue(db, SYSTEM, made.people[role], name="test", now=now, **given)
        db.commit()
        return secret

    return make


@pytest.fixture
def api(app: Any, secret_of: Callable[..., str]) -> Api:
    """The API as an operator sees it."""
    return Api(app, secret_of("operator"))


@pytest.fixture
def admin_api(app: Any, secret_of: Callable[..., str]) -> Api:
    """The API as an admin sees it."""
    return Api(app, secret_of("admin"))
