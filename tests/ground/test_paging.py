"""Lists of any length: each row once, forwards and back, counted no further than anybody reads."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import OperationalError

from app import uow
from app.domain.ground import texts
from app.domain.ground.vocabulary import MessageOutcome, Role, SessionState
from app.extensions import db as flask_db
from app.models import ChargingSession, Driver, Message, User
from app.queries.access import drivers as driver_lists
from app.queries.access.drivers import Use, use_by_driver
from app.queries.charging import sessions
from app.queries.ground import paging
from app.queries.ground.paging import Wish, fetch
from app.queries.money import bills
from app.queries.office import messages
from app.views.access import drivers
from app.web import kept, listing, scope
from tests.security.walk import body
from tests.support import seed
from tests.support.by_hand import Network
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.fleet import asked, statements

FEW, MANY = 10, 200
SORTS = {
    "started": ChargingSession.started_at,
    "ended": ChargingSession.ended_at,
    "energy": (ChargingSession.energy_wh, ChargingSession.token),
    "power": (ChargingSession.last_power_w, ChargingSession.ended_at),
    "state": ChargingSession.state,
    "id": ChargingSession.id,
}


@pytest.fixture
def network(any_app):
    network = Network(flask_db.session(), datetime.now(UTC))
    network.admin = network.add(
        User(tenant_id=network.tenant.id, email="a@b.c", email_key="a@b.c", name="Ada",
             password_hash="x", role=Role.ADMIN, created_at=network.now)
    )  # fmt: skip
    network.place = network.station("CP-1")
    return network


def grow(network, numbers):
    for number in numbers:
        began = network.now - timedelta(hours=number // 3)
        over = began + timedelta(minutes=30) if number % 4 else None
        row = network.session(
            network.place, began, ended_at=over, energy_wh=Decimal(number % 5),
            last_power_w=float(number % 3) if number % 2 else None,
            state=SessionState.ENDED if over else SessionState.CHARGING,
        )  # fmt: skip
        network.bill(row, 100, began, state="sent")
        network.add(
            Message(station_id=network.place.id, action="Heartbeat", at=began, message_id="m",
                    outcome=MessageOutcome.REFUSED if number % 7 else MessageOutcome.ANSWERED)
        )  # fmt: skip
    network.db.commit()


def walk(db, sort, size):
    """The ids of all pages from the first to the last, and those of the way back."""
    query, there, back, wish = select(ChargingSession), [], [], Wish(sort, size=size)
    while True:
        page = fetch(db, query, wish, SORTS, default="id")
        there.append([row.id for row in page])
        if not page.after:
            break
        wish = Wish(sort, page.page + 1, size, after=page.after)
    while page.before:
        page = fetch(db, query, Wish(sort, 1, size, before=page.before), SORTS, default="id")
        back.append([row.id for row in page])
    return there, back


def test_each_row_stands_on_one_page_forwards_and_back(network):
    grow(network, range(47))
    for sort in (*SORTS, *(f"-{key}" for key in SORTS)):
        there, back = walk(network.db, sort, 10)
        whole = paging.ordered(select(ChargingSession), sort, SORTS, "id")
        expected = [row.id for row in network.db.scalars(whole)]
        assert [number for page in there for number in page] == expected, sort
        assert back[::-1] == there[:-1], sort


def test_names_stand_where_people_look_for_them(network):
    names = (
        "Zoe",
        "Ärger & Söhne",
        "anna",
        "Émile",
        "Arno",
        "Özcan",
        "olga",
        "Straße",
        "Strasse 2",
    )
    for name in names:
        network.add(Driver(tenant_id=network.tenant.id, name=name, created_at=network.now))
    network.db.commit()
    found, wish = [], Wish("name", size=2)
    while not found or wish.after:
        page = fetch(network.db, select(Driver), wish, driver_lists.SORTS, default="name")
        found += [row.name for row in page]
        wish = Wish("name", page.page + 1, 2, after=page.after)
    assert found == [
        "anna", "Ärger & Söhne", "Arno", "Émile", "olga", "Özcan", "Straße", "Strasse 2", "Zoe",
    ]  # fmt: skip
    assert [texts.sorting(name) for name in found] == sorted(map(texts.sorting, names))


def test_a_page_is_found_where_it_was_when_rows_came_before_it(network):
    grow(network, range(20, 40))
    first = fetch(
        network.db, select(ChargingSession), Wish("-started", size=5), SORTS, default="id"
    )
    grow(network, range(10))
    wish = Wish("-started", 2, 5, after=first.after)
    second = fetch(network.db, select(ChargingSession), wish, SORTS, default="id")
    assert max(row.started_at for row in second) <= min(row.started_at for row in first)
    assert not {row.id for row in first} & {row.id for row in second}


@pytest.mark.parametrize("mark", ["x", "W10", "WzEsMl0", "WyJhIiwxXQ", "W251bGwsMV0", "é" * 9])
def test_a_mark_of_nobody_is_none(network, mark):
    grow(network, range(12))
    for wish in (Wish("-started", size=5, after=mark), Wish("-started", size=5, before=mark)):
        page = fetch(network.db, select(ChargingSession), wish, SORTS, default="id")
        assert len(page.rows) == 5


def test_what_is_many_is_not_counted_to_its_end(network, monkeypatch):
    grow(network, range(12))
    for most, total, more in ((11, 11, True), (12, 12, False)):
        monkeypatch.setattr(paging, "MOST_COUNTED", most)
        page = fetch(network.db, select(ChargingSession), Wish(size=5), SORTS, default="id")
        assert (page.total, page.more) == (total, more)


def test_sessions_of_a_fleet_are_counted_no_further_on_pages_and_whole_in_a_file(
    any_app, network, monkeypatch
):
    driver = Driver(tenant_id=network.tenant.id, name="Fleet", created_at=network.now)
    number, hour = network.add(driver).id, timedelta(hours=1)
    for hours, state in ((5, "ended"), (1, "charging"), (3, "ended"), (0, "no_show")):
        began = network.now - hours * hour
        network.session(network.place, began, driver_id=number, state=SessionState(state))
    network.db.commit()
    for most, count, more in ((2, 2, True), (3, 3, False), (None, 3, False)):
        used = Use(count, more, network.now - hour)
        assert use_by_driver(network.db, [number, number + 1], most) == {number: used}
    client = seed.signed_in(any_app, network.admin)
    monkeypatch.setattr(drivers, "MOST_COUNTED", 2)
    for url in ("/drivers", f"/drivers/{number}"):
        assert ">2+<" in body(client.get(url))
    [row] = csv.DictReader(io.StringIO(client.get("/drivers?format=csv").text.lstrip("\ufeff")))
    assert row["sessions"] == "3"


def test_a_long_list_begins_with_the_last_days_and_says_so(any_app, network, monkeypatch):
    grow(network, range(24))
    old = network.now - timedelta(days=listing.RECENT_DAYS + 1)
    row = network.session(network.place, old, state=SessionState.ENDED, ended_at=old)
    network.bill(row, 100, old)
    network.db.commit()
    client, many = seed.signed_in(any_app, network.admin), "as there are many"
    assert many not in body(client.get("/sessions"))
    for module in (paging, sessions, bills):
        monkeypatch.setattr(module, "MOST_COUNTED", 20)
    for url, unit in (("/sessions", "in all"), ("/bills", "in EUR")):
        assert many in body(client.get(url))
        assert f"24 {unit}" in body(client.get(url))
        everything = body(client.get(f"{url}?when=all"))
        assert many not in everything
        assert "20+" in everything
        assert "Sums need a period" in everything
        assert many not in body(client.get(f"{url}?since=2020-01-01"))
    assert many not in body(client.get(f"/sessions?q={row.id}"))
    assert many not in body(client.get(f"/bills?q={row.bills[0].number}"))


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_twenty_times_as_many_rows_take_as_many_statements(any_app, network, monkeypatch):
    monkeypatch.setattr(kept, "monotonic", lambda: 1_000.0)  # a slow computer forgets no sooner
    grow(network, range(FEW))
    addresses = [
        *("/sessions", "/sessions?sort=station", "/sessions?q=CP-1", "/bills", "/bills?q=CP-1"),
        *("/messages", "/messages?ended=problem", "/stations", "/commands", "/audit"),
        *("/firmware/jobs", "/reservations", "/drivers", "/tags"),
    ]
    client = seed.signed_in(any_app, network.admin)
    few = {address: asked(client, address) for address in addresses}
    network.db.add_all([network.tenant, network.site, network.place])
    grow(network, range(FEW, MANY))
    any_app.extensions.pop("kept")
    many = {address: asked(client, address) for address in few}
    for address, found in many.items():
        # A row of which something is still known is not read again: that is chance.
        assert len(found) <= len(few[address]) + 1, address


def plan(db, query):
    """How the database would find the rows of a query, were there many."""
    statement = query.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
    if db.get_bind().dialect.name == "sqlite":
        return " ".join(row[-1] for row in db.execute(text(f"EXPLAIN QUERY PLAN {statement}")))
    db.execute(text("SET LOCAL enable_seqscan = off"))
    db.execute(text("SET LOCAL enable_sort = off"))
    return " ".join(row[0] for row in db.execute(text(f"EXPLAIN {statement}")))


def test_long_lists_are_found_by_their_indexes(network):
    db = network.db
    grow(network, range(FEW))
    db.execute(text("ANALYZE"))
    tenant = ChargingSession.tenant_id == network.tenant.id
    if db.get_bind().dialect.name == "sqlite":  # PostgreSQL knows how few they are, and may choose
        running = sessions.Filter(state="charging").select(db).where(tenant)
        assert "ix_charging_sessions_running" in plan(db, running)
        named = select(ChargingSession.id).where(ChargingSession.transaction_ref == "77")
        assert "ix_charging_sessions_transaction_ref" in plan(db, named)
    own = {one["name"] for one in inspect(db.connection()).get_indexes("charging_sessions")}
    assert {"ix_charging_sessions_running", "ix_charging_sessions_transaction_ref"} <= own
    problems = messages.Filter(ended="problem").select()
    assert "ix_messages_unanswered" in plan(db, problems.with_only_columns(Message.id))
    newest = bills.Filter().select(db).where(bills.Bill.tenant_id == network.tenant.id)
    narrow = newest.with_only_columns(bills.Bill.issued_at, bills.Bill.gross_minor)
    assert "ix_bills_issued_sums" in plan(db, narrow.order_by(bills.Bill.issued_at.desc()).limit(5))


def test_details_of_a_station_are_seen_with_it_and_by_nobody_else(network):
    db = network.db
    grow(network, range(3))
    other = Network(db, network.now, "Theirs")
    other.place = other.station("CP-2")
    grow(other, range(4))
    for reach, seen in (
        (scope.Scope(network.tenant.id), 3),
        (scope.Scope(other.tenant.id), 4),
        (scope.Scope(network.tenant.id, frozenset({network.site.id})), 3),
        (scope.Scope(network.tenant.id, frozenset({other.site.id})), 0),
    ):
        scope.narrow(db, reach)
        for model in (ChargingSession, Message):
            assert paging.count_up_to(db, select(model), 99) == seen
    scope.narrow(db, None)


SLOW = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 99999999) "
    "SELECT max(n) FROM s",
    "postgresql": "SELECT pg_sleep(600)",
}


def test_a_read_that_nobody_waits_for_is_ended(network, database):
    db = network.db
    db.commit()
    uow.patience_s.set(0.2)
    try:
        with pytest.raises(OperationalError) as caught:
            db.execute(text(SLOW[database]))
    finally:
        uow.patience_s.set(None)
        db.rollback()
    assert uow.took_too_long(caught.value)
    assert db.scalar(text("SELECT 1")) == 1


def test_a_page_that_takes_too_long_says_so(any_app, network, database, monkeypatch):
    network.db.commit()
    client = seed.signed_in(any_app, network.admin)
    monkeypatch.setattr("app.web.security.PAGE_PATIENCE_S", 0.3)
    monkeypatch.setattr(sessions, "running", lambda db: db.scalar(text(SLOW[database])))
    answer = client.get("/sessions/running")
    assert answer.status_code == 503
    assert "takes too long" in body(answer)
    assert uow.patience_s.get() is None


@pytest.mark.parametrize("key", ["energy", "-energy", "power", "-ended"])
def test_what_no_index_sorts_is_sorted_within_the_first_of_a_long_list(network, monkeypatch, key):
    db = network.db
    grow(network, range(60))
    monkeypatch.setattr(paging, "MOST_COUNTED", 20)
    monkeypatch.setattr(paging, "MOST_SORTED", 40)
    query = select(ChargingSession)

    def pages(**how):
        after = ""
        while True:
            wish = Wish(key, size=15, after=after, **how)
            yield (page := fetch(db, query, wish, SORTS, default="-started"))
            after = page.after
            if not after:
                return

    newest = [row.id for row in fetch(db, query, Wish(size=40), SORTS, default="-started")]
    whole = [row.id for page in pages() for row in page]
    partly = [row.id for page in pages(sorts_all=False) for row in page]
    assert len(whole) == 60 and partly == [number for number in whole if number in newest]
    assert {page.sorted_of for page in pages(sorts_all=False)} == {40}
    assert {page.sorted_of for page in pages()} == {None}
    by_index = fetch(db, query, Wish("started", sorts_all=False), SORTS, default="-started")
    assert by_index.sorted_of is None


def test_a_page_says_that_it_did_not_sort_all(network, any_app, monkeypatch):
    grow(network, range(60))
    monkeypatch.setattr(paging, "MOST_COUNTED", 20)
    monkeypatch.setattr(paging, "MOST_SORTED", 40)
    client = seed.signed_in(any_app, network.admin)
    assert "the first 40 in the usual order" in client.get("/sessions?sort=energy&when=all").text
    assert "in the usual order" not in client.get("/sessions?when=all").text


def test_what_fits_on_the_first_page_is_not_counted_by_a_statement_of_its_own(network):
    grow(network, range(FEW))
    for size in (FEW, FEW - 1):
        with statements(network.db) as found:
            page = fetch(network.db, select(ChargingSession), Wish(size=size), SORTS, default="id")
        selects = [statement for statement in found if statement.startswith("SELECT")]
        assert (page.total, len(selects)) == (FEW, 2 if size == FEW else 3)


def test_a_search_finds_a_text_in_capitals_or_not_and_letters_as_they_are_spelled(any_app, network):
    network.admin.name = "Jürgen Groß 100%"
    network.db.commit()
    for typed, found in {"groß": 1, "JÜRGEN": 1, "gross": 0, "100%": 1, "1%0": 0, "_": 0}.items():
        condition = paging.alike(paging.like(typed), User.email, User.name)
        count = len(flask_db.session.scalars(select(User.id).where(condition)).all())
        assert count == found, typed


@pytest.mark.parametrize("name", ["Özil Übersee", "özil übersee", "ÖZIL ÜBERSEE"])
def test_a_search_finds_letters_with_dots_however_they_are_written(any_app, network, name):
    network.admin.name = name
    network.db.commit()
    for typed in ("Özil", "özil üb", "ÜBERSEE", "zil Ü"):
        condition = paging.alike(paging.like(typed), User.name)
        assert flask_db.session.scalars(select(User.id).where(condition)).all(), typed
