"""What pages ask of the database does not grow with what there is to show."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import url_for

from app.domain.ground.vocabulary import (
    SYSTEM,
    Activity,
    Availability,
    MessageOutcome,
    Order,
    Role,
    SessionState,
    TagStatus,
    Token,
)
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from app.models import (
    Authorisation,
    Command,
    Driver,
    HandshakeAttempt,
    Message,
    MeterReading,
    Site,
    StationVariable,
    StatusEvent,
    Tag,
    TagGroup,
    User,
    WorkerNode,
)
from app.web import kept
from tests.support import seed
from tests.support.by_hand import Network
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.fleet import asked

FEW, MANY = 3, 60
#: How often a page asks is decided in Python; security/test_absurd.py opens all on PostgreSQL.
SAME_ON_BOTH = pytest.mark.parametrize("database", SQLITE_BY_DAY)


def there_for_long():
    """A network whose stations are connected however slow this computer is."""
    network = Network(flask_db.session(), datetime.now(UTC))
    network.db.get(WorkerNode, "w").beat_at += timedelta(days=1)
    return network


@pytest.fixture
def busy(any_app):
    """A network in which everything that happens happens at every station."""
    network = there_for_long()
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


#: Streams, redirections, and what is answered to those who are not signed in.
NOT_PAGES = re.compile(r"^/(live|static|api/docs|api/v1/events|sign|setup|metrics)")


def plain_pages(app):
    """The addresses of all pages and lists that are of no single row."""
    rules = (rule for rule in app.url_map.iter_rules() if "GET" in rule.methods)
    found = (rule.rule for rule in rules if not rule.arguments)
    return sorted(address for address in found if not NOT_PAGES.search(address))


def grown(few, many):
    """The pages that ask more statements of many rows, and how many of few and of many."""
    return {
        page: (len(few[page]), len(found))
        for page, found in many.items()
        # Where one page does not hold all it is asked, too, how many there are.
        if len(found) > len(few[page]) + 1
    }


@pytest.mark.landing
@SAME_ON_BOTH
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
    assert grown(few, many) == {}
    assert len(many["/"]) <= 50


@pytest.fixture
def one(any_app):
    """A network of which one station, driver, session and tag have a past, by their ids."""
    network = there_for_long()
    now, tenant_id = network.now, network.tenant.id
    network.admin = network.add(
        User(tenant_id=tenant_id, email="a@b.c", email_key="a@b.c", name="Ada",
             password_hash="x", role=Role.ADMIN, created_at=now)
    )  # fmt: skip
    network.place = network.station("CP-1", supported_orders=[order.value for order in Order])
    network.group = network.add(TagGroup(tenant_id=tenant_id, name="G", parent="G", created_at=now))
    network.driver = network.add(
        Driver(tenant_id=tenant_id, name="Ada", email="ada@b.c", email_key="ada@b.c",
               language="en", created_at=now)
    )  # fmt: skip
    began, over = now - timedelta(hours=2), {"state": SessionState.ENDED, "ended_at": now}
    network.charge = network.session(network.place, began, driver_id=network.driver.id, **over)
    token = Token("04A2FFFF")
    network.card = network.add(
        Tag(tenant_id=tenant_id, value=token.value, key=token.key, bare_key=token.bare_key,
            created_at=now, driver_id=network.driver.id, group_id=network.group.id)
    )  # fmt: skip
    for evse in (1, 2):
        network.plug(network.place, evse, "faulted")
    age(network, range(FEW))
    return network


def age(network, numbers):
    """Add to the past of the one of each kind."""
    now, tenant_id, place = network.now, network.tenant.id, network.place
    whose = {"driver_id": network.driver.id, "tag_id": network.card.id}
    for number in numbers:
        at, token = now - timedelta(minutes=number), Token(f"04A2{number:04}")
        network.bill(network.session(place, at, **whose), 100, recipient="ada@b.c")
        rows = (
            Tag(tenant_id=tenant_id, value=token.value, key=token.key, bare_key=token.bare_key,
                created_at=now, driver_id=network.driver.id, group_id=network.group.id),
            Command(tenant_id=tenant_id, station_id=place.id, order=Order.SEND_LOCAL_LIST,
                    requested_by="Ada", requested_at=at, expires_at=now,
                    session_id=network.charge.id, user_id=network.admin.id),
            Message(station_id=place.id, action="Heartbeat", at=at, message_id=f"m-{number}",
                    outcome=MessageOutcome.ANSWERED, session_id=network.charge.id),
            StatusEvent(station_id=place.id, evse=1, availability=Availability.FAULTED,
                        activity=Activity.NONE, status_word="Faulted", at=at, received_at=at),
            MeterReading(station_id=place.id, session_id=network.charge.id, evse=1, taken_at=at,
                         received_at=at, register_wh=number, samples=[], digest=f"{number}"),
            StationVariable(station_id=place.id, key=f"v{number}", variable=f"V{number}",
                            value="1", wanted="2", wanted_at=at, reported_at=at),
            Authorisation(tenant_id=tenant_id, station_id=place.id, token=token.value,
                          occasion="start", verdict="invalid", reason="unknown_tag",
                          sentence="…", at=at, tag_id=network.card.id),
        )  # fmt: skip
        for row in rows:
            network.add(row)
        network.station(f"CP-X{number:03}")
    network.db.commit()


#: Files of all that somebody did are written in pieces.
FILES = re.compile("/(file|support-bundle|statements/.*)$")


def pages_of(app, numbers):
    """The addresses of all pages of a row whose number is known."""
    for rule in app.url_map.iter_rules():
        if "GET" in rule.methods and rule.arguments and rule.arguments <= numbers.keys():
            with app.test_request_context():
                address = url_for(rule.endpoint, **{name: numbers[name] for name in rule.arguments})
            if not FILES.search(address):
                yield address


@pytest.mark.landing
@SAME_ON_BOTH
def test_a_long_past_takes_as_many_statements_on_the_page_of_each_row(any_app, one, monkeypatch):
    monkeypatch.setattr(kept, "monotonic", lambda: 1_000.0)
    client = seed.signed_in(any_app, one.admin)
    _, bearer = api_tokens.issue(one.db, SYSTEM, one.admin, name="t", now=one.now)
    one.db.commit()
    numbers = {
        "driver_id": one.driver.id, "group_id": one.group.id,
        "session_id": one.charge.id, "site_id": one.site.id, "station_id": one.place.id,
        "tag_id": one.card.id, "user_id": one.admin.id,
    }  # fmt: skip
    how = {"headers": {"Authorization": f"Bearer {bearer}"}}
    hows = {each: how if "/api/" in each else {} for each in sorted(pages_of(any_app, numbers))}
    # A review that nobody asked for, and the like, is not there.
    there = [each for each in hows if client.get(each, **hows[each]).status_code < 400]
    assert len(there) > 60

    def look():
        return {address: asked(client, address, **hows[address]) for address in there}

    few = look()
    for name in ("place", "site", "tenant", "driver", "card", "group", "charge", "admin"):
        one.db.add(getattr(one, name))
    age(one, range(FEW, MANY))
    any_app.extensions.pop("kept")
    many = look()
    assert grown(few, many) == {}


@pytest.mark.landing
@SAME_ON_BOTH
def test_twenty_plugs_in_trouble_take_as_many_statements_as_two(any_app, one, monkeypatch):
    monkeypatch.setattr(kept, "monotonic", lambda: 1_000.0)
    client = seed.signed_in(any_app, one.admin)
    number, before = one.place.id, one.now - timedelta(minutes=1)

    def trouble(evses):
        for evse in evses:
            what = ("faulted", "unavailable")[evse % 2]
            one.plug(one.place, evse, what)
            ended = {"state": SessionState.ENDED, "ended_at": one.now}
            one.session(one.place, before, **ended).evse = evse
        one.db.commit()
        any_app.extensions.pop("kept", None)
        return {page: asked(client, page) for page in pages}

    pages = sorted(pages_of(any_app, {"station_id": number}))
    pages = [page for page in pages if "/api/" not in page and client.get(page).status_code < 400]
    few = trouble((3, 4))
    one.db.add(one.place)
    many = trouble(range(5, 23))
    assert grown(few, many) == {}
    text = client.get(f"/stations/{number}").text
    assert "Why is connector 22 faulted?" in text
    assert text.count("60 s after session") == len(range(4, 23, 2))


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
