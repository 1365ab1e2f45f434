"""What pages ask of the database does not grow with what there is to show."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from app.domain.ground.vocabulary import SYSTEM, Role, SessionState, TagStatus, Token
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from app.models import Authorisation, HandshakeAttempt, Site, StationVariable, Tag, User
from app.web import kept
from tests.support import seed
from tests.support.by_hand import Network

FEW, MANY = 10, 200


@pytest.fixture
def busy(any_app):
    """A network in which everything that happens happens at every station."""
    network = Network(flask_db.session(), datetime.now(UTC))
    network.admin = network.add(
        User(tenant_id=network.tenant.id, email="a@b.c", email_key="a@b.c", name="Ada",
             password_hash="x", role=Role.ADMIN, created_at=network.now)
    )  # fmt: skip
    grow(network, range(FEW))
    return network


def grow(network, numbers):
    now, tenant = network.now, network.tenant.id
    for number in numbers:
        station = network.station(f"CP-{number:03}")
        network.plug(station, 1, "faulted")
        network.station(f"AWAY-{number:03}", online=False, disconnected_at=now - timedelta(hours=1))
        network.station(f"NEW-{number:03}", online=False, connected_at=None)
        for hours in (3, 4, 5):
            began = now - timedelta(hours=hours)
            network.session(
                station, began, state=SessionState.ENDED, ended_at=began + timedelta(minutes=30)
            )
        network.bill(network.session(station, now - timedelta(minutes=9), last_power_w=7.0), 500)
        network.add(
            StationVariable(
                station_id=station.id, key="heartbeatinterval", variable="HeartbeatInterval",
                value="1", wanted="2", wanted_at=now - timedelta(hours=1), reported_at=now,
            )
        )  # fmt: skip
        network.add(
            Authorisation(
                tenant_id=tenant, station_id=station.id, token=f"CARD{number}", occasion="start",
                verdict="invalid", reason="unknown_tag", sentence="…", at=now,
            )
        )  # fmt: skip
        network.add(
            HandshakeAttempt(
                identity=f"STRANGER-{number}", path="/ocpp/x", address="185.12.8.4", status=404,
                reason="unknown_identity", sentence="…", first_at=now, last_at=now,
            )
        )  # fmt: skip
        token = Token(f"04A2{number:04}")
        site = network.add(
            Site(tenant_id=tenant, name=f"S{number}", name_key=f"s{number}", timezone="UTC",
                 currency="EUR", created_at=now)
        )  # fmt: skip
        network.add(
            Tag(tenant_id=tenant, value=token.value, key=token.key, bare_key=token.bare_key,
                status=TagStatus.ACTIVE, created_at=now, sites=[site], stations=[station])
        )  # fmt: skip
    network.db.commit()


def asked(client, address, **how):
    """What a page asks of the database the second time: what is kept is kept."""
    found = []

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    client.get(address, **how)
    flask_db.session.remove()
    event.listen(flask_db.engine, "before_cursor_execute", note)
    try:
        answer = client.get(address, **how)
        assert answer.status_code < 400, (address, answer.status_code)
    finally:
        event.remove(flask_db.engine, "before_cursor_execute", note)
    return found


#: Streams, redirections, and what is answered to those who are not signed in.
NOT_PAGES = re.compile(r"^/(live|static|api/docs|api/v1/events|sign|setup|metrics)")


def plain_pages(app):
    """The addresses of all pages and lists that are of no single row."""
    rules = (rule for rule in app.url_map.iter_rules() if "GET" in rule.methods)
    found = (rule.rule for rule in rules if not rule.arguments)
    return sorted(address for address in found if not NOT_PAGES.search(address))


def test_twenty_times_as_much_takes_as_many_statements(any_app, busy, monkeypatch):
    monkeypatch.setattr(kept, "monotonic", lambda: 1_000.0)  # a slow computer forgets no sooner
    number = busy.station("CP-EXTRA").id
    busy.db.commit()
    client = seed.signed_in(any_app, busy.admin)
    _, bearer = api_tokens.issue(busy.db, SYSTEM, busy.admin, name="t", now=busy.now)
    busy.db.commit()
    addresses = [*plain_pages(any_app), "/search?q=CP-0", f"/stations/{number}/local-list"]

    def look():
        return {
            address: asked(client, address, headers={"Authorization": f"Bearer {bearer}"})
            if address.startswith("/api/")
            else asked(client, address)
            for address in addresses
        }

    few = look()
    grow(busy, range(FEW, MANY))
    any_app.extensions.pop("kept")
    many = look()
    # A row of which something is still known is not read again: that is chance.
    assert {
        page: (len(few[page]), len(found))
        for page, found in many.items()
        if len(found) > len(few[page]) + 1
    } == {}
    assert len(many["/"]) <= 50


def test_findings_are_found_once_until_something_changes(any_app, busy, monkeypatch):
    monkeypatch.setattr(kept, "monotonic", lambda: clock[0])
    clock = [1_000.0]
    any_app.extensions["live"].live = True
    client, tenant_id = seed.signed_in(any_app, busy.admin), busy.tenant.id

    def faulty():
        return "CP-NEW" in client.get("/").text

    try:
        client.get("/")
        station = busy.station("CP-NEW")
        busy.plug(station, 1, "faulted", since=busy.now + timedelta(seconds=9))
        busy.db.commit()
        clock[0] += 2.0
        assert not faulty()
        kept.of(any_app).hear(tenant_id, ["stations", "session:7"])
        clock[0] += 2.0
        assert faulty()
    finally:
        any_app.extensions["live"].live = False
