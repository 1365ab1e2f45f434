"""A station that is moved: what it charged before stays at the site where it was."""

import csv
import io
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import sites, stations
from app.extensions import db as flask_db
from app.models import Bill, Site
from app.queries.charging import session_rows
from app.queries.charging import sessions as of_sessions
from app.queries.money import bill_rows, bills
from app.uow import unit_of_work
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
    assert [row.site for row in bill_rows.rows(db, bills.Filter())] == ["Depot"]
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


def test_staff_of_the_old_site_see_the_bills_of_the_sessions_that_they_see(app):
    with unit_of_work() as db:
        made = seed.fill(db, NOW, history=3)
        session = made.sessions["finished"]
        made.people["viewer"].sites = [db.get_one(Site, session.site_id)]
        other = next(site for site in made.sites.values() if site.id != session.site_id)
        stations.edit(db, SYSTEM, session.station, site_id=other.id, now=NOW)
        bill = db.scalar(select(Bill.id).where(Bill.session_id == session.id))
        urls = f"/sessions/{session.id}", f"/bills/{bill}"
    for role, status, count in (("viewer", 404, 2), ("admin", 200, 4)):
        client = seed.signed_in(app, made.people[role])
        assert [client.get(url).status_code for url in urls] == [status, status]
        assert f"{count} in EUR" in client.get("/bills").text
        told = client.get("/bills?format=csv").data.decode("utf-8-sig")
        assert len(list(csv.DictReader(io.StringIO(told)))) == count
