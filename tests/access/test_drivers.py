"""Drivers: addresses are unique within a tenant, archiving takes the tags along."""

import pytest
from sqlalchemy import select

from app.domain.access import drivers, tags
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import SYSTEM
from app.models import AuditEntry, Tenant

ADA = {"name": "Ada Lovelace", "email": "ada@example.org"}


def add(db, facts, tenant, now):
    return drivers.add(db, SYSTEM, tenant.id, now=now, **facts)


def test_a_driver_is_added_with_an_audit_entry(db, tenant, now):
    driver = add(db, ADA, tenant, now)
    entry = db.scalar(select(AuditEntry))
    assert (entry.action, entry.subject_id, entry.subject) == (
        "driver.add",
        driver.id,
        "Ada Lovelace",
    )
    assert driver.language == "en"


def test_an_address_belongs_to_one_driver_whatever_its_case(db, tenant, now):
    add(db, ADA, tenant, now)
    with pytest.raises(Taken, match="Ada Lovelace has this e-mail address") as refused:
        add(db, {"name": "Somebody Else", "email": "ADA@Example.org"}, tenant, now)
    assert refused.value.field == "email"


def test_another_tenant_may_know_the_same_person(db, tenant, now):
    add(db, ADA, tenant, now)
    other = Tenant(name="Another", created_at=now)
    db.add(other)
    db.flush()
    assert add(db, ADA, other, now).tenant_id == other.id


def test_drivers_without_an_address_do_not_collide(db, tenant, now):
    add(db, {"name": "Nobody's mail"}, tenant, now)
    add(db, {"name": "Nobody's mail either", "email": "  "}, tenant, now)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": "   "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "Ada\r\nBcc: x@example.org"}, "name"),
        ({"name": "Ada", "email": "ada"}, "email"),
        ({"name": "Ada", "email": "ada@example"}, "email"),
        ({"name": "Ada", "email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"name": "Ada", "email": "Ada <ada@example.org>"}, "email"),
        ({"name": "Ada", "email": "ada@example.org, eve@example.org"}, "email"),
        ({"name": "Ada", "language": "fr"}, "language"),
    ],
)
def test_what_cannot_be_used_is_refused_by_field(db, tenant, now, facts, field):
    with pytest.raises(Invalid) as refused:
        add(db, facts, tenant, now)
    assert refused.value.field == field


def test_a_tariff_must_be_the_tenants(db, tenant, now):
    with pytest.raises(Invalid):
        add(db, {**ADA, "tariff_id": 99}, tenant, now)


def test_the_audit_of_an_edit_holds_what_changed(db, tenant, now):
    driver = add(db, ADA, tenant, now)
    drivers.edit(db, SYSTEM, driver, now=now, language="de")
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "driver.edit"))
    assert (entry.before, entry.after) == ({"language": "en"}, {"language": "de"})


def test_an_edit_that_changes_nothing_leaves_no_trace(db, tenant, now):
    driver = add(db, ADA, tenant, now)
    drivers.edit(db, SYSTEM, driver, now=now, **ADA)
    assert db.scalar(select(AuditEntry).where(AuditEntry.action == "driver.edit")) is None


def test_archiving_a_driver_archives_their_tags(db, tenant, now):
    driver = add(db, ADA, tenant, now)
    card = tags.add(db, SYSTEM, tenant.id, now=now, value="04A2B3", driver_id=driver.id)
    assert drivers.archive(db, SYSTEM, driver, now=now) == 1
    assert drivers.archive(db, SYSTEM, driver, now=now) == 0
    assert card.archived_at == now


def test_a_tag_comes_back_only_after_its_driver(db, tenant, now):
    driver = add(db, ADA, tenant, now)
    card = tags.add(db, SYSTEM, tenant.id, now=now, value="04A2B3", driver_id=driver.id)
    drivers.archive(db, SYSTEM, driver, now=now)
    with pytest.raises(Conflict, match="restore the driver first"):
        tags.restore(db, SYSTEM, card, now=now)
    drivers.restore(db, SYSTEM, driver, now=now)
    tags.restore(db, SYSTEM, card, now=now)
    assert card.archived_at is None


def test_an_archived_drivers_address_leads_to_a_hint(db, tenant, now):
    drivers.archive(db, SYSTEM, add(db, ADA, tenant, now), now=now)
    with pytest.raises(Taken, match="restore them instead"):
        add(db, ADA, tenant, now)


@pytest.mark.parametrize(
    "text", ["ada@example.org", " ADA@example.org ", "Ada Lovelace <ada@example.org>"]
)
def test_a_driver_is_found_by_address_or_name(db, tenant, now, text):
    driver = add(db, ADA, tenant, now)
    assert drivers.named(db, tenant.id, text) is driver
    assert drivers.named(db, tenant.id, "Ada Lovelace") is driver


def test_a_name_that_two_have_is_refused(db, tenant, now):
    add(db, ADA, tenant, now)
    add(db, {"name": "Ada Lovelace"}, tenant, now)
    with pytest.raises(Conflict):
        drivers.named(db, tenant.id, "Ada Lovelace")
    with pytest.raises(NotFound):
        drivers.named(db, tenant.id, "Nobody")
