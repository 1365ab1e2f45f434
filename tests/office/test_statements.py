"""What pages ask of the database does not grow with what there is to show."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from app.domain.ground.vocabulary import Role, SessionState, TagStatus, Token
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


def asked(client, address):
    """What a page asks of the database the second time: what is kept is kept."""
    found = []

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    client.get(address)
    flask_db.session.remove()
    event.listen(flask_db.engine, "before_cursor_execute", note)
    try:
        assert client.get(address).status_code == 200, address
    finally:
        event.remove(flask_db.engine, "before_cursor_execute", note)
    return found


def test_twenty_times_as_much_takes_as_many_statements(any_app, busy, monkeypatch):
    monkeypatch.setattr(kept, "monotonic", lambda: 1_000.0)  # a slow computer forgets no sooner
    number = busy.station("CP-EXTRA").id
    busy.db.commit()
    addresses = ["/", "/system/bar", "/search?q=CP-0", f"/stations/{number}/local-list"]
    client = seed.signed_in(any_app, busy.admin)
    few = {address: asked(client, address) for address in addresses}
    grow(busy, range(FEW, MANY))
    any_app.extensions.pop("kept")
    many = {address: asked(client, address) for address in addresses}
    for page, found in many.items():
        # A row of which something is still known is not read again: that is chance.
        assert len(found) <= len(few[page]) + 1, page
    assert len(many["/"]) <= 50
