"""Webhooks: signed, delivered at least once with one id, tried again, and given up in the end."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Conflict, Invalid, Taken
from app.domain.ground.vocabulary import SYSTEM, DeliveryState, SessionState
from app.domain.office import alert_rules, deliveries, webhooks
from app.extensions import db as flask_db
from app.mails import hooks
from app.mails.hooks import means
from app.models import Alert, AuditEntry, WebhookDelivery, WebhookEndpoint
from app.tasks.alerts import watch
from app.tasks.webhooks import gather, tell
from app.uow import unit_of_work
from tests.support import apps
from tests.support.by_hand import Network
from tests.support.chance import at_landing
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.webhook_receiver import Receiver

pytestmark = pytest.mark.parametrize("database", SQLITE_BY_DAY)

SOON, MINUTE, DAY = timedelta(seconds=5), timedelta(minutes=1), timedelta(days=1)
OURS = {"webhook_http": True, "webhook_networks": ("127.0.0.0/8",)}


@pytest.fixture
def hooked(database, migrated, tmp_path, request):
    """An application that may send to this computer."""
    given = {}
    if database == "sqlite":
        shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    else:
        given["database_url"] = request.getfixturevalue("postgres_url")
    with apps.running(tmp_path, **OURS, **given) as app:
        yield app


@pytest.fixture
def network(hooked):
    net = Network(flask_db.session(), datetime.now(UTC))
    flask_db.session.commit()
    return net


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def hook(network, url, *events, name="Portal", now=None):
    with unit_of_work() as db:
        return webhooks.add(
            db, SYSTEM, network.tenant.id, means(), now=now or datetime.now(UTC),
            name=name, url=url, events=events or ["session.started"],
        )  # fmt: skip


def begin(network, station=None, **given):
    station = station or network.station(f"CP-{network.count}")
    session = network.session(station, datetime.now(UTC), **given)
    network.db.commit()
    return session


def rows():
    flask_db.session.rollback()
    return flask_db.session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()


def deliver(now=None):
    """Send what is due, at a time of the test's."""
    at = now or datetime.now(UTC)
    return hooks.deliver_waiting(float("inf"), lambda: at)


def test_an_event_is_delivered_once_and_signed(network, receiver):
    _, secret = hook(network, receiver.url, "session.started")
    session = begin(network)
    tell()
    tell()
    (taken,) = receiver.taken
    assert taken.signed_by(secret)
    told = json.loads(taken.body)
    assert (told["type"], told["data"]["id"]) == ("session.started", session.id)
    assert told["data"]["station"] == "CP-0"
    (row,) = rows()
    assert (row.state, row.status, row.attempts) == (DeliveryState.DELIVERED, 204, 1)
    assert row.latency_ms > 0
    assert taken.headers["webhook-id"] == row.message_id


def test_the_library_of_the_standard_takes_the_signature(network, receiver):
    library = pytest.importorskip("standardwebhooks")
    _, secret = hook(network, receiver.url)
    begin(network)
    tell()
    (taken,) = receiver.taken
    assert library.Webhook(secret).verify(taken.body, taken.headers)["type"] == "session.started"
    with pytest.raises(library.WebhookVerificationError):
        library.Webhook(secret).verify(taken.body + b" ", taken.headers)


def test_an_alert_is_told_when_it_opens_and_when_it_is_over(network, receiver):
    hook(network, receiver.url, "alert.opened", "alert.closed")
    with unit_of_work() as db:
        made = alert_rules.add(
            db, SYSTEM, network.tenant.id, now=network.now, name="Gone", kind="station_offline"
        )
    network.station("CP-7", online=False, disconnected_at=network.now - DAY)
    network.db.commit()
    watch()
    tell()
    with unit_of_work() as db:
        alert_rules.archive(db, SYSTEM, made, now=datetime.now(UTC))
    watch()
    tell()
    told = [json.loads(taken.body) for taken in receiver.taken]
    assert [one["type"] for one in told] == ["alert.opened", "alert.closed"]
    assert told[1]["data"]["what"] == "CP-7 is offline"
    assert told[1]["data"]["closed_at"]


def test_nothing_is_told_of_other_organisations_other_kinds_or_before(network, receiver):
    begin(network)
    hook(network, receiver.url, "session.started")
    other = Network(network.db, network.now, "Theirs")
    begin(other, other.station("CP-X"))
    begin(network, state=SessionState.ENDED, stop_received_at=datetime.now(UTC))
    tell()
    assert [json.loads(taken.body)["data"]["station"] for taken in receiver.taken] == ["CP-1"]


def test_a_row_that_comes_late_with_a_lower_id_is_still_found(network, receiver):
    """A transaction that began earlier may end later."""
    now = datetime.now(UTC)
    hook(network, receiver.url, now=now - MINUTE)
    session = begin(network)
    number, session.id = session.id, session.id + 10
    network.db.commit()
    gather(endpoints(), now)
    late = begin(network)
    late.id = number
    network.db.commit()
    gather(endpoints(), now + SOON)
    assert [json.loads(row.body)["data"]["id"] for row in rows()] == [number + 10, number]


def endpoints():
    return deliveries.listening(flask_db.session())


def test_a_session_whose_assumed_end_is_replaced_is_told_of_again(network, receiver):
    hook(network, receiver.url, "session.ended")
    now = datetime.now(UTC)
    session = begin(network, state=SessionState.ENDED, stop_received_at=now, provisional=True)
    tell()
    session.provisional, session.stop_received_at = False, datetime.now(UTC)
    network.db.commit()
    tell()
    told = [json.loads(taken.body)["data"]["provisional"] for taken in receiver.taken]
    assert told == [True, False]


def test_failures_are_tried_again_for_a_day_and_then_no_more(network, receiver):
    receiver.status, receiver.text = 500, "Oh no. " * 200
    hook(network, receiver.url)
    begin(network)
    at = datetime.now(UTC)
    gather(endpoints(), at)
    spans = []
    while (row := rows()[0]).state is not DeliveryState.FAILED:
        deliver(at)
        row = rows()[0]
        spans.append(row.next_try_at - at)
        at = max(row.next_try_at, row.endpoint.retry_at)
    assert spans[: len(deliveries.BACK_OFF)] == list(deliveries.BACK_OFF)
    assert sum(deliveries.BACK_OFF, timedelta()) == pytest.approx(DAY, abs=timedelta(hours=1))
    assert len(receiver.taken) == len(deliveries.BACK_OFF) + 1
    assert len({taken.headers["webhook-id"] for taken in receiver.taken}) == 1
    assert row.error == "The answer was 500."
    assert row.answer.startswith("Oh no.")
    assert len(row.answer) == 500


def test_an_endpoint_in_trouble_gets_nothing_until_its_pause_is_over(network, receiver):
    receiver.status = 503
    hook(network, receiver.url)
    for _ in range(5):
        begin(network)
    at = datetime.now(UTC)
    gather(endpoints(), at)
    deliver(at)
    assert len(receiver.taken) == 1
    receiver.status = 204
    deliver(at + timedelta(seconds=4))
    assert len(receiver.taken) == 1
    deliver(at + SOON)
    assert len(receiver.taken) == 6
    assert rows()[0].endpoint.failing_since is None


@pytest.mark.parametrize("status", [404, *at_landing(302, 503)])
def test_a_receiver_that_takes_nothing_is_tried_ever_less_often_and_given_up(
    network, receiver, status
):
    """However many events there are: an hour apart in the end."""
    receiver.status = status
    hook(network, receiver.url)
    for _ in range(20):
        begin(network)
    at = began = datetime.now(UTC)
    gather(endpoints(), at)
    while (endpoint := rows()[0].endpoint).disabled_at is None:
        deliver(at)
        waiting = [row.next_try_at for row in rows() if row.state is DeliveryState.QUEUED]
        at = max(endpoint.retry_at or at, min(waiting, default=at + DAY))
        begin(network)
        gather(endpoints(), at)
    hour = timedelta(hours=1)
    assert 3 * DAY - hour < endpoint.disabled_at - began < 3 * DAY + hour
    assert len(receiver.taken) < 200
    assert endpoint.disabled_why == (
        f"It accepted nothing for three days; the last time: The answer was {status}."
    )


@pytest.mark.parametrize(
    ("status", "asked", "pause"),
    [
        (429, lambda at: "900", timedelta(minutes=15)),
        (503, lambda at: format_datetime(at + timedelta(hours=2), usegmt=True), timedelta(hours=2)),
        (503, lambda at: "99999999999", DAY),
        (503, lambda at: "soon", timedelta(seconds=5)),
        (503, lambda at: f"Wed, 21 Oct {'9' * 20} 07:28:00 GMT", timedelta(seconds=5)),
        (429, lambda at: f"Wed, 21 Oct 2026 07:28:00 +{'9' * 20}", timedelta(seconds=5)),
        (400, lambda at: "900", timedelta(0)),
    ],
)
def test_a_receiver_is_left_alone_for_as_long_as_it_asks(network, receiver, status, asked, pause):
    at = datetime.now(UTC).replace(microsecond=0)
    receiver.status, receiver.headers["Retry-After"] = status, asked(at)
    hook(network, receiver.url)
    begin(network)
    gather(endpoints(), at + timedelta(seconds=1))
    deliver(at + timedelta(seconds=1))
    until = rows()[0].endpoint.retry_at or at
    assert pause <= until - at <= pause + timedelta(seconds=1)


def test_an_event_that_was_refused_for_a_day_is_held_against_no_later_one(network, receiver):
    receiver.status = 422
    hook(network, receiver.url)
    begin(network)
    at = datetime.now(UTC)
    gather(endpoints(), at)
    while (row := rows()[0]).state is not DeliveryState.FAILED:
        deliver(at)
        at = max(rows()[0].next_try_at, rows()[0].endpoint.retry_at or at)
    assert row.endpoint.failing_since is None
    begin(network)
    gather(endpoints(), at + 5 * DAY)
    deliver(at + 5 * DAY)
    assert row.endpoint.disabled_at is None


def test_a_dead_receiver_that_rarely_hears_of_anything_is_given_up_too(network, receiver):
    """Each event is tried for a day, ten days after the one before; two at once are one day."""
    receiver.status = 503
    hook(network, receiver.url)
    at = datetime.now(UTC)
    for month in range(3):
        assert not month or rows()[0].endpoint.disabled_at is None
        at += 10 * DAY
        for minutes in range(2):
            with unit_of_work() as db:
                endpoint = db.scalars(select(WebhookEndpoint)).one()
                deliveries.ping(db, SYSTEM, endpoint, now=at + minutes * MINUTE)
        while waiting := [row.next_try_at for row in rows() if row.state is DeliveryState.QUEUED]:
            at = max(rows()[0].endpoint.retry_at or at, *waiting)
            deliver(at)
            if rows()[0].endpoint.disabled_at:
                break
    assert month == 2
    assert rows()[0].endpoint.disabled_why.startswith("It accepted nothing for three days")


def test_one_delivery_that_is_refused_holds_up_no_other(network, receiver):
    hook(network, receiver.url)
    receiver.disliked = b'"station":"CP-0"'
    for _ in range(3):
        begin(network)
    at = datetime.now(UTC)
    gather(endpoints(), at)
    deliver(at)
    refused, *others = rows()
    assert (refused.attempts, refused.state) == (1, DeliveryState.QUEUED)
    assert {row.state for row in others} == {DeliveryState.DELIVERED}
    assert refused.endpoint.retry_at is None


def test_an_endpoint_that_was_given_up_can_be_switched_on(network, receiver):
    receiver.status = 500
    endpoint, _ = hook(network, receiver.url)
    begin(network)
    at = datetime.now(UTC)
    gather(endpoints(), at)
    deliver(at)
    deliver(at + 4 * DAY)
    endpoint = flask_db.session.get(WebhookEndpoint, endpoint.id)
    assert endpoint.disabled_why.startswith("It accepted nothing for three days")
    with unit_of_work() as db, pytest.raises(Conflict):
        deliveries.ping(db, SYSTEM, endpoint, now=at)
    with unit_of_work() as db:
        webhooks.enable(db, SYSTEM, endpoint, now=at + 4 * DAY)
    receiver.status = 204
    deliver(at + 4 * DAY + 2 * MINUTE)
    assert rows()[0].state is DeliveryState.DELIVERED


def test_an_endpoint_that_is_gone_for_good_says_so(network, receiver):
    receiver.status = 410
    endpoint, _ = hook(network, receiver.url)
    begin(network)
    with unit_of_work() as db:
        alert_rules.add(
            db, SYSTEM, network.tenant.id, now=network.now, name="Off", kind="webhook_given_up"
        )
    tell()
    watch()
    assert flask_db.session.get(WebhookEndpoint, endpoint.id).disabled_at
    (alert,) = flask_db.session.scalars(select(Alert))
    assert alert.what == (
        "Deliveries to the webhook Portal have stopped. It answered 410: it wants nothing more."
    )


def test_whoever_is_killed_after_sending_sends_again_with_the_same_id(network, receiver):
    endpoint, _ = hook(network, receiver.url)
    begin(network)
    at = datetime.now(UTC)
    gather(endpoints(), at)
    with unit_of_work() as db:
        deliveries.claim(db, endpoint.id, now=at, limit=10)
    deliver(at)
    assert not receiver.taken
    with unit_of_work() as db:
        deliveries.take_back_stale(db, now=at + MINUTE)
    assert not deliver(at + MINUTE)
    with unit_of_work() as db:
        deliveries.take_back_stale(db, now=at + 4 * MINUTE)
    deliver(at + 4 * MINUTE)
    (taken,) = receiver.taken
    assert taken.headers["webhook-id"] == rows()[0].message_id


def test_for_a_day_two_secrets_sign(network, receiver):
    endpoint, old = hook(network, receiver.url)
    now = datetime.now(UTC)
    with unit_of_work() as db:
        new = webhooks.rotate(db, SYSTEM, db.get(WebhookEndpoint, endpoint.id), means(), now=now)
    begin(network)
    begin(network)
    gather(endpoints(), now + SOON)
    deliver(now + SOON)
    assert all(taken.signed_by(old) and taken.signed_by(new) for taken in receiver.taken)
    with unit_of_work() as db:
        deliveries.replay(db, SYSTEM, db.get(WebhookDelivery, rows()[0].id), now=now + DAY)
    deliver(now + DAY + SOON)
    last = receiver.taken[-1]
    assert last.signed_by(new)
    assert not last.signed_by(old)


def test_secrets_stand_nowhere_as_they_are(network, receiver):
    endpoint, secret = hook(network, receiver.url)
    with unit_of_work() as db:
        row = db.get(WebhookEndpoint, endpoint.id)
        new = webhooks.rotate(db, SYSTEM, row, means(), now=datetime.now(UTC))
    audit = flask_db.session.scalars(select(AuditEntry)).all()
    told = repr([(entry.before, entry.after, entry.note) for entry in audit])
    for one in (secret, new):
        assert one not in (row.secret, row.old_secret)
        assert one not in told
    assert row.secret not in told


def test_a_secret_of_another_key_is_said_and_not_sent_with(network, receiver):
    endpoint, _ = hook(network, receiver.url)
    flask_db.session.get(WebhookEndpoint, endpoint.id).secret = "gAAAAA"
    flask_db.session.commit()
    begin(network)
    tell()
    assert not receiver.taken
    assert rows()[0].error.startswith("Its secret was sealed with another key")


def test_a_test_is_delivered_and_can_be_replayed(network, receiver):
    endpoint, _ = hook(network, receiver.url)
    with unit_of_work() as db:
        deliveries.ping(db, SYSTEM, db.get(WebhookEndpoint, endpoint.id), now=datetime.now(UTC))
    tell()
    assert json.loads(receiver.taken[0].body)["data"] == {"webhook": "Portal"}
    with unit_of_work() as db:
        deliveries.replay(db, SYSTEM, db.get(WebhookDelivery, rows()[0].id), now=datetime.now(UTC))
    with unit_of_work() as db, pytest.raises(Conflict):
        deliveries.replay(db, SYSTEM, db.get(WebhookDelivery, rows()[0].id), now=datetime.now(UTC))
    tell()
    first, second = receiver.taken
    assert (first.body, first.headers["webhook-id"]) == (
        second.body, second.headers["webhook-id"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://ada:secret@example.com/"}, "url"),
        ({"url": "https:///hook"}, "url"),
        ({"url": "https://exa mple.com/"}, "url"),
        ({"url": "https://[::1/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["weather.changed"]}, "events"),
        ({"name": " "}, "name"),
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused(network, given, field):
    facts = {"name": "A", "url": "https://example.com/", "events": ["bill.issued"], **given}
    with unit_of_work() as db, pytest.raises(Invalid) as refused:
        webhooks.add(db, SYSTEM, network.tenant.id, means(), now=network.now, **facts)
    assert refused.value.field == field


def test_names_are_unique(network, receiver):
    hook(network, receiver.url)
    with pytest.raises(Taken):
        hook(network, receiver.url, name="PORTAL")
