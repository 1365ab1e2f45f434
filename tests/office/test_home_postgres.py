"""Home, search, staff and audit on PostgreSQL: the same sums and pages as on SQLite."""

from datetime import timedelta

import pytest

from app.extensions import db as flask_db
from app.queries.office import home
from tests.support import seed

pytestmark = pytest.mark.postgres


@pytest.fixture
def app(postgres_app):
    return postgres_app


@pytest.mark.landing
def test_the_pages_open_and_the_sums_are_exact(app, now):
    db = flask_db.session()
    made = seed.fill(db, now, history=6)
    db.commit()
    at = now + timedelta(hours=8)
    today = home.today(db, now=at, zone=seed.ZONE, before=home.past(db, now=at, zone=seed.ZONE))
    assert today.energy_wh.today == sum(
        one.energy_wh for one in made.sessions.values() if one.started_at.date() == now.date()
    )
    assert sum(home.network_now(db, now=now, zone=seed.ZONE).plugs.values()) == 12
    client = seed.signed_in(app, made.people["admin"])
    addresses = ("/", "/search?q=cp-0", "/search?q=7", "/staff?q=a&sort=-last", "/staff/tokens")
    for address in (*addresses, "/audit?q=x&noun=user&sort=subject", "/audit?format=csv"):
        assert client.get(address).status_code in (200, 303), address
