"""Streams of events: what programs hear, what they hear again, and when they hear no more."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.api.office import _streams
from app.domain.ground.vocabulary import (
    PROGRESS,
    SYSTEM,
    Activity,
    Area,
    Availability,
    Right,
    Role,
    WebhookEvent,
)
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from app.models import MeterReading, Site, StatusEvent, User
from app.queries.office import heard
from app.queries.office.heard import Ear
from tests.api.client import Api, validator
from tests.support.by_hand import Network
from tests.support.happened import everything
from tests.support.wait import eventually


@pytest.fixture
def network(any_app):
    net = Network(flask_db.session(), datetime.now(UTC))
    net.user = net.add(
        User(tenant_id=net.tenant.id, email="a@b.c", email_key="a@b.c", name="Ada",
             password_hash="x", role=Role.VIEWER, created_at=net.now)
    )  # fmt: skip
    net.token, net.secret = api_tokens.issue(net.db, SYSTEM, net.user, name="p", now=net.now)
    net.db.commit()
    yield net
    if "events" in any_app.extensions:
        streams = any_app.extensions["events"]
        eventually(lambda: streams._thread is None, what="the reader is gone")


@pytest.fixture
def api(any_app, network):
    return Api(any_app, network.secret)


def events(text):
    """The events of a stream's text: (id, kind, data)."""
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in lines:
            yield lines.get("id"), lines["event"], json.loads(lines["data"])


def now_heard(api, query=""):
    """What is told of all that has happened already."""
    api.get(f"/events?seconds=0{query}")
    found = list(events(api.answer.text))
    api.answer.close()
    return found


def listening(api, query=""):
    """An open stream: its events, as they come."""
    api.answer = api.app.test_client().get(
        f"/api/v1/events?{query}", headers={"Authorization": f"Bearer {api.secret}"}
    )
    blocks = (block.decode() for block in api.answer.response)
    assert next(blocks).startswith("retry")
    return (one for block in blocks for one in events(block))


def a_minute_ago(network):
    return f"{int((network.now - timedelta(seconds=1)).timestamp() * 1e6)}.before"


def status(network, station, **given):
    now = datetime.now(UTC)
    network.add(
        StatusEvent(
            station_id=station.id, evse=1, availability=Availability.AVAILABLE,
            activity=Activity.NONE, status_word="Available", at=now, received_at=now, **given,
        )
    )  # fmt: skip
    network.db.commit()


def test_whatever_webhooks_are_told_is_heard_as_the_document_says(network, api):
    everything(network)
    network.db.commit()
    found = now_heard(api, f"&after={a_minute_ago(network)}")
    assert {kind for _, kind, _ in found} == set(WebhookEvent)
    fits = validator(("components", "schemas", "Event"))
    for number, kind, data in found:
        assert data["type"] == kind and heard.when(number)
        assert not [str(error) for error in fits.iter_errors(data)]


@pytest.mark.parametrize("ahead_s", [0, 0.5])
def test_an_open_stream_hears_what_comes_also_by_a_clock_behind(network, api, monkeypatch, ahead_s):
    ahead = timedelta(seconds=ahead_s)
    monkeypatch.setattr(_streams, "utc_now", lambda: datetime.now(UTC) + ahead)
    station = network.station("CP-1")
    network.db.commit()
    stream = listening(api, "kinds=connector.status")
    status(network, station)
    _, kind, told = next(stream)
    assert (kind, told["data"]["station"]) == ("connector.status", "CP-1")
    api.answer.close()


def test_a_stream_that_was_cut_off_goes_on_and_loses_nothing(network, api):
    station = network.station("CP-1")
    status(network, station)
    ((first, _, _),) = now_heard(api, f"&kinds=connector.status&after={a_minute_ago(network)}")
    status(network, station)
    again = now_heard(api, f"&kinds=connector.status&after={first}")
    # The minute before may come again, with the same ids.
    assert again[0][0] == first
    assert len({number for number, _, _ in again}) == len(again) == 2


def test_a_stream_that_was_cut_off_for_too_long_is_told_so(network, api):
    long_ago = int((network.now - heard.WINDOW - timedelta(minutes=1)).timestamp() * 1e6)
    assert now_heard(api, f"&after={long_ago}.x") == [(None, "gap", {"type": "gap"})]
    api.get("/events?after=none-of-ours", 422)


def test_kinds_and_a_station_may_be_chosen(network, api):
    one, other = network.station("CP-1"), network.station("CP-2")
    status(network, one)
    status(network, other)
    after = a_minute_ago(network)
    kinds = "kinds=connector.status,order.ended"
    found = now_heard(api, f"&station_id={other.id}&{kinds}&after={after}")
    assert [told["data"]["station"] for _, _, told in found] == ["CP-2"]
    assert api.get("/events?kinds=session.vanished", 422)["field"] == "kinds"


def test_nothing_is_heard_of_another_company(network, api):
    everything(Network(network.db, network.now, name="Theirs"))
    network.db.commit()
    assert now_heard(api, f"&after={a_minute_ago(network)}") == []


def test_nothing_is_heard_of_sites_out_of_reach(network, api):
    status(network, network.station("CP-1"))
    elsewhere = Site(
        tenant_id=network.tenant.id, name="Far", name_key="far", timezone="Europe/Berlin",
        currency="EUR", created_at=network.now,
    )  # fmt: skip
    network.user.sites = [network.add(elsewhere)]
    network.db.commit()
    assert now_heard(api, f"&after={a_minute_ago(network)}") == []
    status(network, network.station("CP-2", site_id=elsewhere.id))
    found = now_heard(api, f"&after={a_minute_ago(network)}&kinds=connector.status")
    assert [told["data"]["station"] for _, _, told in found] == ["CP-2"]


def test_a_token_hears_only_of_the_areas_that_it_may_read(network, api):
    everything(network)
    scope = {Area.MONEY: Right.READ}
    _, api.secret = api_tokens.issue(
        network.db, SYSTEM, network.user, name="m", now=network.now, scope=scope
    )
    network.db.commit()
    found = now_heard(api, f"&after={a_minute_ago(network)}")
    assert {kind.partition(".")[0] for _, kind, _ in found} == {"bill"}
    assert api.get("/events?kinds=order.ended", 403)["right"] == "commands:read"


def test_a_stream_ends_when_its_reach_is_decided_anew(network, api, monkeypatch):
    monkeypatch.setattr(_streams, "CHECK_S", 0.0)
    stream = listening(api)
    streams = api.app.extensions["events"]
    eventually(lambda: all(one.holder for one in streams._open), what="it was looked at")
    network.user.sites = [network.site]
    network.db.commit()
    assert list(stream) == []
    api.answer.close()


def test_running_sessions_say_where_they_stand(network, any_app):
    session = network.session(network.station("CP-1"))
    network.db.commit()
    ear, tenants = Ear(), {network.tenant.id}
    assert ear.listen(network.db, {PROGRESS}, tenants, now=network.now) == []
    for watts in (7_000.0, 11_000.0):
        network.add(
            MeterReading(
                station_id=session.station_id, session_id=session.id, evse=1,
                taken_at=network.now, received_at=network.now, power_w=watts, samples=[],
                digest=str(watts),
            )
        )  # fmt: skip
    network.db.commit()
    (one,) = ear.listen(network.db, {PROGRESS}, tenants, now=network.now)
    assert one.row["power_w"] == 11_000


def test_a_revoked_token_hears_no_more(network, api, monkeypatch):
    monkeypatch.setattr(_streams, "CHECK_S", 0.0)
    stream = listening(api)
    api_tokens.revoke(network.db, SYSTEM, network.token, now=network.now)
    network.db.commit()
    assert list(stream) == []
    api.answer.close()


def test_a_token_has_so_many_streams_at_once(network, api):
    opened = []
    for _ in range(_streams.MOST_OF_ONE):
        listening(api)
        opened.append(api.answer)
    api.get("/events", 429)
    assert api.answer.headers["Retry-After"]
    opened[0].close()
    assert now_heard(api) == []
    for answer in opened:
        answer.close()
