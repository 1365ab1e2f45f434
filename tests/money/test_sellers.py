"""Receipts name the seller: the tenant's, field by field replaced by the site's, and for ever."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor
from app.domain.money import billing, receipts
from app.domain.network import sites, tenants
from app.models import AuditEntry, Tenant
from tests.support import lone
from tests.support.charging import STARTED

GRACE = Actor("Grace Hopper", 7)
LATER = STARTED + timedelta(hours=2)
HAFEN = {
    "seller_name": "Hafenstrom GmbH",
    "seller_address": "Am Kai 7, Hamburg",
    "seller_tax_number": "DE123",
    "seller_contact": "billing@hafen.example",
}


@pytest.fixture
def tenant(db, net):
    return db.get_one(Tenant, net.site.tenant_id)


def test_a_bill_keeps_the_seller_it_was_issued_with(db, net, tenant):
    tenants.edit(db, GRACE, tenant, now=STARTED, **HAFEN)
    bill = lone.issue(db, net.session().id, now=LATER)
    tenants.edit(db, GRACE, tenant, now=LATER, seller_name="Another GmbH")
    db.expire_all()
    assert bill.facts["seller"] == {
        "name": "Hafenstrom GmbH",
        "address": "Am Kai 7, Hamburg",
        "tax_number": "DE123",
        "contact": "billing@hafen.example",
    }
    credit = billing.refund(db, GRACE, bill.session, reason="r", now=LATER)
    assert credit.facts["seller"] == bill.facts["seller"]


def test_a_site_replaces_field_by_field(db, net, tenant):
    tenants.edit(db, GRACE, tenant, now=STARTED, **HAFEN)
    sites.edit(db, GRACE, net.site, now=STARTED, seller_name="Kai eG", seller_contact="")
    bill = lone.issue(db, net.session().id, now=LATER)
    assert bill.facts["seller"]["name"] == "Kai eG"
    assert bill.facts["seller"]["address"] == "Am Kai 7, Hamburg"
    assert bill.facts["seller"]["contact"] == "billing@hafen.example"


def test_a_change_of_the_seller_is_audited_and_no_change_is_not(db, tenant):
    tenants.edit(db, GRACE, tenant, now=STARTED, **HAFEN)
    tenants.edit(db, GRACE, tenant, now=STARTED, **HAFEN)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "tenant.edit")).one()
    assert entry.after["seller_name"] == "Hafenstrom GmbH"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seller_name", "A\r\nBcc: everybody@example.org"),
        ("seller_name", "x" * 121),
        ("seller_address", "x" * 301),
        ("seller_contact", "a@example.org\nTo: b"),
        ("least_energy_wh", -1),
        ("least_duration_s", 86_401),
        ("late_below_minor", "ten"),
    ],
)
def test_what_no_receipt_may_carry_is_refused(db, net, tenant, field, value):
    with pytest.raises(Invalid) as refusal:
        tenants.edit(db, GRACE, tenant, now=STARTED, **{field: value})
    assert refusal.value.field == field
    if field.startswith("seller"):
        with pytest.raises(Invalid):
            sites.edit(db, GRACE, net.site, now=STARTED, **{field: value})


def test_a_seller_without_name_or_address_is_missed(db, net, tenant):
    assert tenants.lacks_seller(db, tenant.id)
    tenants.edit(db, GRACE, tenant, now=STARTED, seller_name="Hafenstrom GmbH")
    assert tenants.lacks_seller(db, tenant.id)
    sites.edit(db, GRACE, net.site, now=STARTED, seller_address="Am Kai 7")
    assert not tenants.lacks_seller(db, tenant.id)
    assert receipts.seller_is_named(receipts.seller_of(tenant, net.site))
