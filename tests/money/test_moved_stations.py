"""A station that is moved: what it charged before stays at the site where it was."""

import csv
import io
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.domain.ground.vocabulary import SYSTEM, Order
from app.domain.network import sites, stations
from app.extensions import db as flask_db
from app.models import (
    Authorisation,
    Bill,
    ChargingSession,
    Command,
    DriverQuestion,
    Message,
    MeterReading,
    Receipt,
    Review,
    Site,
    Station,
    User,
)
from app.queries.charging import session_rows
from app.queries.charging import sessions as of_sessions
from app.queries.money import bills
from app.queries.office import messages
from app.uow import unit_of_work
from app.web import scope
from tests.support import lone, seed
from tests.support.charging import STARTED, network
from tests.support.transactions import BEGAN, plugged_first

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.usefixtures("any_app")
def test_a_bill_and_the_files_name_the_site_where_the_session_was():
    with unit_of_work() as db:
        net = network(db)
        net.site.seller_name, old = "Depot Power Ltd", net.site.id
        session = net.session()
        about = {"name": "City", "timezone": "UTC", "currency": "CHF"}
        other = sites.add(db, SYSTEM, net.site.tenant_id, now=STARTED, **about)
        stations.edit(db, SYSTEM, net.station, site_id=other.id, now=NOW)
        lone.issue(db, session.id, now=NOW)
    bill = flask_db.session().scalars(select(Bill)).one()
    assert (bill.site_id, bill.facts["site"]) == (old, "Depot")
    assert bill.facts["address"] == "Hafenstraße 12, Hamburg"
    assert bill.facts["seller"]["name"] == "Depot Power Ltd"
    db = flask_db.session()
    assert [row.site for row in bills.rows(db, bills.Filter())] == ["Depot"]
    assert [row.site for row in session_rows.rows(db, of_sessions.Filter())] == ["Depot"]


@pytest.mark.usefixtures("any_app")
def test_a_session_whose_card_is_named_after_the_move_costs_what_it_does_where_it_began():
    with unit_of_work() as db:
        net = network(db)
        net.site.tariff_id = net.version.tariff_id
        first, *others = plugged_first()
        lone.take(db, net.station, first, now=BEGAN)
        about = {"name": "City", "timezone": "UTC", "currency": "CHF"}
        other = sites.add(db, SYSTEM, net.site.tenant_id, now=STARTED, **about)
        stations.edit(db, SYSTEM, net.station, site_id=other.id, now=NOW)
        for event in others:
            session = lone.take(db, net.station, event, now=NOW).session
        assert (session.site_id, session.currency) == (net.site.id, "EUR")
        assert session.tariff_version_id == net.version.id
        assert session.tariff_why.endswith("because it is the price of the site Depot.")
        assert "price_skipped" not in session.flags


@pytest.fixture
def moved(any_app):
    """A network whose finished session, all of it, lies at a site that its station has left."""
    with unit_of_work() as db:
        made = seed.fill(db, NOW, history=3)
        session = made.sessions["finished"]
        bill = db.scalars(select(Bill).where(Bill.session_id == session.id)).one()
        own = {"tenant_id": bill.tenant_id, "site_id": bill.site_id}
        if db.scalar(select(Review).where(Review.session_id == session.id)) is None:
            db.add(Review(session_id=session.id, reasons=[], opened_at=NOW, **own))
        about = {"bill_id": bill.id, "text": "Why?", "recipient": "a@b.c", "asked_at": NOW}
        db.add(DriverQuestion(**about, **own))
        made.old = db.get_one(Site, session.site_id)
        made.new = next(site for site in made.sites.values() if site is not made.old)
        stations.edit(db, SYSTEM, session.station, site_id=made.new.id, now=NOW)
        made.ids = {"session": session.id, "bill": bill.id, "station": session.station_id}
        return made


LOADED = [None, joinedload(ChargingSession.station), selectinload(ChargingSession.station)]


@pytest.mark.parametrize("whose", ["old", "new"])
def test_what_was_charged_before_is_for_staff_of_the_old_site_alone(moved, whose):
    db, seen = flask_db.session(), whose == "old"
    site, tenant = getattr(moved, whose), moved.old.tenant_id
    number, bill, station = moved.ids["session"], moved.ids["bill"], moved.ids["station"]
    theirs = (
        select(ChargingSession.id).where(ChargingSession.id == number),
        select(Bill.id).where(Bill.session_id == number),
        select(Review.id).where(Review.session_id == number),
        select(Receipt.id).where(Receipt.bill_id == bill),
        select(DriverQuestion.id).where(DriverQuestion.bill_id == bill),
    )
    scope.narrow(db, scope.Scope(tenant, frozenset({site.id})))
    try:
        assert [bool(db.scalar(query)) for query in theirs] == [seen] * 5
        for model in (MeterReading, Message, Authorisation, Command):
            of_it = select(model.id).where(model.session_id == number)
            assert bool(db.scalar(of_it)) == seen, "what was told of it is where it was"
        told = select(Message).where(Message.session_id == number)
        named = messages.stations_of(db, list(db.scalars(told)))
        assert set(named) == ({station} if seen else set())
        for model in (Authorisation, Command) if seen else ():
            one = db.scalars(select(model).where(model.session_id == number)).first()
            assert one.station.id == station, "it is named with what was told of it"
        for loaded in LOADED if seen else ():
            db.expunge_all()
            query = select(ChargingSession).where(ChargingSession.id == number)
            found = db.scalars(query.options(*filter(None, [loaded]))).one()
            assert found.station.id == station, "it is named with its session"
        db.expunge_all()
        assert bool(db.get(Station, station)) != seen
    finally:
        scope.narrow(db, None)


@pytest.mark.parametrize("whose", ["old", "new"])
def test_pages_and_files_show_it_to_staff_of_the_old_site_alone(any_app, moved, whose):
    db = flask_db.session()
    viewer = db.get_one(User, moved.people["viewer"].id)
    viewer.sites = [db.get_one(Site, getattr(moved, whose).id)]
    db.commit()
    number, bill = str(moved.ids["session"]), moved.ids["bill"]
    client, seen = seed.signed_in(any_app, viewer), whose == "old"
    pages = f"/sessions/{number}", f"/bills/{bill}", f"/bills/review/{number}"
    for address in (*pages, f"/bills/{bill}/receipt.pdf"):
        assert client.get(address).status_code == (200 if seen else 404)
    tag = db.scalar(select(Authorisation.tag_id).where(Authorisation.session_id == int(number)))
    assert client.get(f"/tags/{tag}").status_code == (200 if seen else 404)
    for address in ("/bills", "/sessions"):
        file = client.get(f"{address}?format=csv").data.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(file)))
        assert (number in {row["session"] for row in rows}) == seen
        assert client.get(address).status_code == 200
        assert not rows or f"{len(rows)} in " in client.get(address).text


def test_staff_of_the_old_site_order_nothing_of_a_station_that_left(any_app, moved):
    db = flask_db.session()
    operator = db.get_one(User, moved.people["operator"].id)
    operator.sites = [db.get_one(Site, moved.old.id)]
    db.commit()
    client, number = seed.signed_in(any_app, operator), moved.ids["session"]
    answer = client.post(f"/sessions/{number}/stop", follow_redirects=True)
    assert "Its station has been moved to a site that is not yours." in answer.text
    orders = select(Command.order).where(Command.station_id == moved.ids["station"])
    assert db.scalars(orders).all() == [Order.TRIGGER], "that of before"
