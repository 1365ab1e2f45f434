"""The organisation on the desk: the seller of receipts and the rules of billing."""

import pytest
from sqlalchemy import select

from app.models import Site, Tenant
from tests.support import seed

FILLED = {
    "seller_name": "Hafenstrom <b>GmbH</b>",
    "seller_address": "Am Kai 7, Hamburg",
    "seller_tax_number": "DE123",
    "seller_contact": "billing@hafen.example",
    "least_energy_wh": "200",
    "least_duration_s": "60",
    "late_below_minor": "5",
}


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=0)
    tenant = db.scalars(select(Tenant).order_by(Tenant.id)).first()
    tenant.seller_name = tenant.seller_address = None
    db.commit()
    return made


def tenant(db):
    db.rollback()
    db.expire_all()
    return db.scalars(select(Tenant).order_by(Tenant.id)).first()


def test_an_admin_names_the_seller_and_sets_the_rules(db, desk):
    assert desk["admin"].post("/organisation", data=FILLED).status_code == 303
    row = tenant(db)
    assert (row.seller_name, row.least_energy_wh) == ("Hafenstrom <b>GmbH</b>", 200)
    assert row.idle_from_readings is False
    page = desk["admin"].get("/organisation").text
    assert "Hafenstrom &lt;b&gt;GmbH" in page
    assert "<b>GmbH</b>" not in page


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("seller_name", "A\x07B", "control character"),
        ("seller_name", "x" * 121, "120"),
        ("least_energy_wh", "many", "Enter a number from 0 to 100000"),
        ("late_below_minor", "-1", "Enter a number from 0 to 1000000"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(db, desk, field, value, said):
    answer = desk["admin"].post("/organisation", data={**FILLED, field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert tenant(db).seller_name is None


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_only_admins_of_everything_open_it(desk, role):
    assert desk[role].get("/organisation").status_code == 403
    assert "/organisation" not in desk[role].get("/").text


def test_home_asks_for_the_seller_first_and_then_no_more(desk):
    assert "Receipts do not say who sells" in desk["admin"].get("/").text
    desk["admin"].post("/organisation", data=FILLED)
    assert "Receipts do not say who sells" not in desk["admin"].get("/").text


def test_a_site_has_another_seller(db, made, desk):
    site = db.scalar(select(Site).where(Site.name == "Depot Nord"))
    data = {
        "name": site.name, "timezone": site.timezone, "currency": site.currency,
        "tariff_id": str(site.tariff_id or ""), "seller_name": "Kai eG",
    }  # fmt: skip
    assert desk["operator"].post(f"/sites/{site.id}/edit", data=data).status_code == 303
    assert "Kai eG" in desk["admin"].get("/organisation").text
