"""What webhooks are told: each kind of event is found in its table, and told with all members."""

import importlib.util
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.domain.ground.safe import Safe
from app.domain.ground.vocabulary import (
    SYSTEM,
    AlertKind,
    CommandState,
    DeliveryState,
    Order,
    SessionState,
    WebhookEvent,
)
from app.domain.office import deliveries, webhooks
from app.domain.office.webhooks import Means, Reach
from app.extensions import db as flask_db
from app.models import Command, WebhookDelivery
from app.queries.office import conditions
from app.schemas.told import TOLD
from app.tasks.webhooks import gather
from app.uow import unit_of_work
from tests.support.by_hand import Network
from tests.support.fleet import statements
from tests.support.happened import everything

DOCS = Path(__file__).parents[2] / "docs"
HOUR = timedelta(hours=1)


@pytest.fixture
def network(any_app):
    net = Network(flask_db.session(), datetime.now(UTC))
    net.db.commit()
    return net


def hook(network, *events):
    with unit_of_work() as db:
        given = {"name": "Portal", "url": "https://example.com/", "events": events}
        return webhooks.add(
            db, SYSTEM, network.tenant.id, Means(Safe("key", "webhooks"), Reach()),
            now=network.now - HOUR, **given,
        )  # fmt: skip


def look(now=None):
    gather(deliveries.listening(flask_db.session()), now or datetime.now(UTC))


def bodies():
    flask_db.session.rollback()
    rows = flask_db.session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()
    return [json.loads(row.body) for row in rows]


def test_every_kind_of_event_is_told_once_with_all_its_members(network):
    hook(network, *WebhookEvent)
    everything(network)
    look()
    look()
    found = bodies()
    assert sorted(one["type"] for one in found) == sorted(WebhookEvent)
    for one in found:
        assert set(one["data"]) == set(TOLD[one["type"]].model_fields)
        assert one["timestamp"].endswith("Z")
    (held,) = [one for one in found if one["type"] == "bill.held"]
    assert held["data"]["reasons"] == ["no_price", "stop_missing"]


def test_what_was_found_is_sent_by_one_and_what_came_of_it_is_kept(network):
    endpoint, _ = hook(network, "session.started")
    network.session(network.station("CP-1"), now := network.now)
    network.db.commit()
    look()
    soon = now + HOUR
    with unit_of_work() as db:
        assert deliveries.due(db, now=soon) == [endpoint.id]
        [row] = deliveries.claim(db, endpoint.id, now=soon, limit=9)
        assert deliveries.claim(db, endpoint.id, now=soon, limit=9) == []
        answer = deliveries.Tried(500, 1.5, "no\x00t now")
        deliveries.note(db, row, answer, now=soon)
    with unit_of_work() as db:
        assert (row.answer, row.state, row.attempts) == ("not now", DeliveryState.QUEUED, 1)
        [row] = deliveries.claim(db, endpoint.id, now=row.next_try_at, limit=9)
    with unit_of_work() as db:
        late = row.next_try_at + deliveries.STALE + HOUR
        deliveries.take_back_stale(db, now=late)
        [row] = deliveries.claim(db, endpoint.id, now=late, limit=9)
        deliveries.note(db, row, deliveries.Tried(204, 1.5), now=late)
        assert deliveries.due(db, now=late + HOUR) == []


def test_an_order_is_told_of_when_it_ends_however_long_ago_it_was_given(network):
    hook(network, "order.ended")
    station, now = network.station("CP-1"), network.now
    asked = {
        "tenant_id": network.tenant.id, "station_id": station.id, "order": Order.CLEAR_CACHE,
        "arguments": {}, "requested_by": "Ada", "requested_at": now, "expires_at": now + HOUR,
    }  # fmt: skip
    slow = network.add(Command(**asked, state=CommandState.SENT))
    for _ in range(3):
        network.add(Command(**asked, state=CommandState.ACCEPTED, settled_at=now))
    network.db.commit()
    look(now)
    look(now + 2 * timedelta(minutes=1))
    slow.state, slow.settled_at = CommandState.REJECTED, now + timedelta(minutes=3)
    network.db.commit()
    look(now + timedelta(minutes=3))
    assert [one["data"]["id"] for one in bodies()][-1] == slow.id
    assert len(bodies()) == 4


def test_a_long_absence_of_the_round_is_made_up_for(network):
    hook(network, "session.ended", "connector.status")
    look(network.now - HOUR)
    everything(network)
    look(network.now + 5 * HOUR)
    assert {one["type"] for one in bodies()} == {"session.ended", "connector.status"}


def test_a_round_that_finds_more_than_it_takes_goes_on(network, monkeypatch):
    monkeypatch.setattr("app.queries.office.happenings.MOST", 3)
    hook(network, "session.started", "session.ended")
    station = network.station("CP-1")
    for number in range(10):
        at = network.now + timedelta(milliseconds=number)
        network.session(station, at, state=SessionState.ENDED, stop_received_at=at)
    network.db.commit()
    while gather(deliveries.listening(flask_db.session()), network.now + timedelta(seconds=9)):
        pass
    assert len(bodies()) == 20


@pytest.mark.parametrize("count", [2, 40])
def test_a_look_at_the_conditions_asks_the_same_of_few_stations_and_of_many(network, count):
    for number in range(count):
        station = network.station(f"CP-{number}", online=number % 2 == 0)
        station.disconnected_at = network.now - HOUR
        network.plug(station, availability="faulted")
        network.session(station, network.now - 100 * HOUR)
    network.db.commit()
    with statements(network.db) as asked:
        least = dict.fromkeys(AlertKind, timedelta())
        found = conditions.look(network.db, network.tenant.id, least, network.now).found
    assert len(found) >= 2 * count
    assert len(asked) <= 25


def test_the_committed_tables_of_events_are_current():
    spec = importlib.util.spec_from_file_location("webhook_tables", DOCS / "webhook_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run `make docs`"
