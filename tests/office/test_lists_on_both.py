"""Saved filters and actions on many rows on either database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import Role, SessionState, TagStatus, Token
from app.extensions import db as flask_db
from app.models import AuditEntry, SavedFilter, Station, Tag, User
from app.text.numbers import duration
from tests.support import seed
from tests.support.by_hand import Network


@pytest.fixture
def client(any_app):
    """Somebody who may do everything, in a network with some of everything."""
    network = Network(flask_db.session(), datetime.now(UTC))
    admin = network.add(
        User(tenant_id=network.tenant.id, email="a@b.c", email_key="a@b.c", name="Ada",
             password_hash="x", role=Role.ADMIN, created_at=network.now)
    )  # fmt: skip
    for number in range(5):
        token = Token(f"MANY{number}")
        network.add(
            Tag(tenant_id=network.tenant.id, value=token.value, key=token.key,
                bare_key=token.bare_key, status=TagStatus.ACTIVE, created_at=network.now)
        )  # fmt: skip
    began = network.now - timedelta(hours=3)
    for number in range(3):
        station = network.station(f"CP-{number}")
        network.session(
            station, began, state=SessionState.ENDED, ended_at=began + timedelta(minutes=30)
        )
    network.db.commit()
    return seed.signed_in(any_app, admin)


def test_lists_their_filters_and_many_rows(client):
    saved = {"page": "sessions.index", "query": "when=7days", "name": "Week", "first": "1"}
    assert client.post("/lists/filters", data=saved).status_code == 303
    assert client.get("/sessions").headers["Location"] == "/sessions?when=7days"
    page = client.get("/sessions?when=7days").text
    assert "Week" in page
    assert duration(3 * 30 * 60) in page
    for address in ("/bills", "/bills/review?doubt=stop_missing", "/drivers", "/commands"):
        assert client.get(address).status_code == 200, address
    client.post("/tags/bulk?q=MANY", data={"action": "block", "all": "1"})
    client.post("/stations/bulk", data={"action": "archive", "all": "1"})
    session = flask_db.session()
    assert session.scalar(select(func.count(Tag.id)).where(Tag.status == TagStatus.BLOCKED)) == 5
    assert session.scalar(select(func.count(Station.id)).where(Station.archived_at.is_(None))) == 0
    entries = select(AuditEntry.before, AuditEntry.after).where(AuditEntry.action == "tag.block")
    assert {(before["status"], after["status"]) for before, after in session.execute(entries)} == {
        ("active", "blocked")
    }
    number = session.scalars(select(SavedFilter.id)).one()
    assert client.post(f"/lists/filters/{number}/delete").status_code == 303
    assert client.get("/sessions").status_code == 200
