"""Sites on the desk: adding, changing, putting away, and what charges there."""

import re

import pytest
from sqlalchemy import select

from app.models import Site, Tenant
from tests.support import seed

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")

NEW = {"name": "Harbour", "timezone": "Europe/Berlin", "currency": "EUR", "tariff_id": ""}


def named(db, name):
    db.expire_all()
    return db.scalar(select(Site).where(Site.name == name))


def test_the_list_shows_every_site_with_its_stations(viewer):
    text = viewer.get("/sites").text
    assert "Depot Nord" in text
    assert "of 5" in text
    assert "City Garage" in text


def test_the_list_is_narrowed_by_the_url(viewer):
    text = viewer.get("/sites?q=zürich").text
    assert "City Garage" in text
    assert "Depot Nord" not in text


def test_the_csv_holds_the_filter_and_no_formula(db, made, viewer):
    made.sites["Depot Nord"].address = "=HYPERLINK(1)"
    db.commit()
    answer = viewer.get("/sites?format=csv&q=depot")
    assert answer.mimetype == "text/csv"
    text = answer.text
    assert "'=HYPERLINK(1)" in text
    assert "City Garage" not in text


def test_an_operator_adds_a_site(db, operator):
    answer = operator.post("/sites/new", data=NEW)
    assert answer.status_code == 303
    site = named(db, "Harbour")
    assert answer.location == f"/sites/{site.id}"
    assert "Harbour" in operator.get(answer.location).text


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "depot nord", "There is a site called depot nord already."),
        ("timezone", "Berlin", "Berlin is no time zone"),
        ("currency", "XYZ", "XYZ is no currency"),
        ("latitude", "53.5", "belong together"),
    ],
)
def test_a_refused_form_says_why_beside_the_field(operator, field, value, sentence):
    answer = operator.post("/sites/new", data={**NEW, field: value})
    assert answer.status_code == 422
    text = answer.text
    assert sentence in text
    assert f'id="{field}-error"' in text


def test_a_site_is_changed(db, made, operator):
    number = made.sites["City Garage"].id
    assert 'value="City Garage"' in operator.get(f"/sites/{number}/edit").text
    given = {**NEW, "name": "City", "currency": "CHF", "supply_limit_kw": "120.5"}
    assert operator.post(f"/sites/{number}/edit", data=given).status_code == 303
    assert named(db, "City").supply_limit_kw == 120.5


def test_a_site_with_stations_stays_in_use(db, made, operator):
    number = made.sites["City Garage"].id
    answer = operator.post(f"/sites/{number}/archive", follow_redirects=True)
    assert "still has 1 station" in answer.text
    assert named(db, "City Garage").archived_at is None


def test_an_empty_site_is_put_away_and_taken_out(db, operator):
    operator.post("/sites/new", data=NEW)
    number = named(db, "Harbour").id
    assert operator.post(f"/sites/{number}/archive").status_code == 303
    assert f'/sites/{number}"' not in operator.get("/sites").text
    assert "Harbour" in operator.get("/sites?archived=yes").text
    assert operator.post(f"/sites/{number}/restore").status_code == 303
    assert named(db, "Harbour").archived_at is None


def test_a_viewer_changes_nothing(made, viewer):
    assert viewer.get("/sites/new").status_code == 403
    assert viewer.post("/sites/new", data=NEW).status_code == 403
    assert viewer.post(f"/sites/{made.sites['City Garage'].id}/archive").status_code == 403
    assert "Add a site" not in viewer.get("/sites").text


def test_an_unknown_site_is_not_found(viewer):
    assert viewer.get("/sites/4711").status_code == 404


def test_a_site_of_another_reach_is_not_found(app, made, db):
    person = made.people["operator"]
    person.sites.append(made.sites["City Garage"])
    db.commit()
    near, far = made.sites["City Garage"].id, made.sites["Depot Nord"].id
    client = seed.signed_in(app, person)
    # The test shares its session with the request: what it has loaded must not count.
    db.expunge_all()
    assert client.get(f"/sites/{near}").status_code == 200
    assert client.get(f"/sites/{far}").status_code == 404


def offered(client, **headers):
    """What the form of a new site comes with: time zone, currency, and why."""
    page = client.get("/sites/new", headers=headers).text
    zone = re.search('name="timezone"[^>]*value="([^"]*)"', page)
    currency = re.search('name="currency"[^>]*value="([^"]*)"', page)
    note = re.search(r'<p class="small muted" data-guess="(\w+)"[^>]*>([^<]*)<', page)
    return zone[1], currency[1], *note.groups()


def test_a_new_site_is_offered_what_the_last_one_has(admin, made):
    zone, currency, by, words = offered(admin)
    assert (by, zone, currency) == ("site", "Europe/Zurich", "CHF")
    assert words == "Time zone and currency are those of City Garage."


def test_the_first_site_is_offered_what_its_country_has(admin, made, db):
    for site in db.scalars(select(Site)):
        site.archived_at = made.now
    tenant = db.scalars(select(Tenant)).first()
    tenant.seller_tax_number = None
    db.commit()
    british = offered(admin, **{"Accept-Language": "en-GB,en;q=0.8"})
    assert british[:3] == ("Europe/London", "GBP", "country")
    tenant.seller_tax_number = "ATU12345678"
    db.commit()
    assert offered(admin)[:3] == ("Europe/Vienna", "EUR", "country")
    tenant.seller_tax_number = "12/345/67890"
    db.commit()
    several = offered(admin, **{"Accept-Language": "en-US"})
    assert several[2:] == ("country", "")
    assert offered(admin)[2] == "nothing"


def test_the_page_of_a_site_says_all_that_its_form_asks(db, made, operator):
    site = made.sites["Depot Nord"]
    given = {"seller_name": "Nord GmbH", "seller_tax_number": "12/345/67890"}
    operator.post(f"/sites/{site.id}/edit", data=NEW | {"name": site.name} | given)
    text = operator.get(f"/sites/{site.id}").text
    assert re.search(r"<dt>Seller</dt><dd>Nord GmbH</dd>", text)
    assert "12/345/67890" in text
    assert "Address of the seller" not in text, "what is not given takes no room"
