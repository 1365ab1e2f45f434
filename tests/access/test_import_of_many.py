"""Files of many rows: looked through without a statement for each, written in sets and in units."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from app import uow
from app.domain.access import drivers, tags
from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings, sheet
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options
from app.domain.ground.vocabulary import Actor
from app.domain.network import sites, tenants
from app.extensions import db as flask_db
from app.models import AuditEntry, Driver, Tag, tag_sites
from app.uow import in_units, unit_of_work
from tests.support import fleet

ADA = Actor("Ada")


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def tenant_id(any_app, now):
    with unit_of_work() as db:
        tenant = tenants.first(db, now=now)
        given = {"timezone": "UTC", "currency": "EUR", "now": now}
        sites.add(db, ADA, tenant.id, name="Depot", **given)
        drivers.add(db, ADA, tenant.id, name="Ada Lovelace", email="ada@example.org", now=now)
        return tenant.id


def tag_file(count, first=0):
    rows = (
        f"04{number:06X};card {number};ada@example.org;Fleet;active;Depot"
        for number in range(first, first + count)
    )
    return "tag;label;driver;group;status;sites\n" + "\n".join(rows)


def plan(text, tenant_id, now):
    table = sheet.read(text, headings.TAGS)
    options = Options(make_groups=True)
    return tag_import.plan(flask_db.session(), table, tenant_id=tenant_id, now=now, options=options)


def write(planned, tenant_id, now):
    def some(db, rows):
        tag_import.carry_out(db, ADA, planned, rows, tenant_id=tenant_id, now=now)

    in_units([*planned.rows], some)


def imported(text, tenant_id, now):
    """Import a file; return its plan and what it took to look through and to write."""
    made = []
    looked = fleet.cost(flask_db.session(), lambda: made.append(plan(text, tenant_id, now)))
    written = fleet.cost(flask_db.session(), lambda: write(made[0], tenant_id, now))
    return made[0], looked, written


def test_new_tags_take_as_many_statements_as_a_few(tenant_id, now):
    _, few_looked, few_written = imported(tag_file(10), tenant_id, now)
    planned, looked, written = imported(tag_file(190, first=1000), tenant_id, now)
    assert planned.count("add") == 190
    assert looked <= few_looked
    assert written <= few_written
    db = flask_db.session()
    assert db.scalar(select(func.count(Tag.id))) == 200
    assert db.scalar(select(func.count()).select_from(tag_sites)) == 200
    noted = select(func.count(AuditEntry.id)).where(AuditEntry.action == "tag.add")
    assert db.scalar(noted) == 200
    _, again, _ = imported(tag_file(190, first=1000), tenant_id, now)
    assert again <= few_looked


def test_what_a_set_of_tags_is_told_in_the_audit_is_what_one_is_told(tenant_id, now):
    imported(tag_file(2), tenant_id, now)
    with unit_of_work() as db:
        tag = tags.named(db, tenant_id, "04000001")
        given = {**tags.held(db, tag), "status": tag.status}
        tags.add(db, ADA, tenant_id, value="04000009", now=now, **given)
    db = flask_db.session()
    entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "tag.add")).all()
    first, last = entries[1].after, entries[-1].after
    apart = {"id", "value", "key", "bare_key"}
    assert {k: v for k, v in first.items() if k not in apart} == {
        k: v for k, v in last.items() if k not in apart
    }
    assert (entries[1].subject, entries[-1].subject) == (
        tags.named(db, tenant_id, "04000001").label or "04000001",
        tags.named(db, tenant_id, "04000009").label or "04000009",
    )


def test_a_long_file_is_written_in_units_of_work(tenant_id, now, monkeypatch):
    monkeypatch.setattr(uow, "UNIT", 3)
    planned = plan(tag_file(8), tenant_id, now)
    with fleet.statements(flask_db.session()) as asked:
        write(planned, tenant_id, now)
    assert sum("INSERT INTO tags" in one for one in asked) == 3
    assert flask_db.session().scalar(select(func.count(Tag.id))) == 8


def test_who_came_on_the_list_meanwhile_is_an_error_of_that_row_alone(tenant_id, now):
    planned = plan(tag_file(9), tenant_id, now)
    with unit_of_work() as db:
        tags.add(db, ADA, tenant_id, value="04000004", now=now)
    write(planned, tenant_id, now)
    assert [(error.number, error.value) for error in planned.errors] == [(6, "04000004")]
    assert planned.count("add") == 8
    assert flask_db.session().scalar(select(func.count(Tag.id))) == 9


@pytest.mark.landing
def test_a_file_may_have_more_than_five_thousand_rows(tenant_id, now):
    planned = plan(tag_file(5_400), tenant_id, now)
    assert planned.count("add") == 5_400
    assert not planned.errors


def test_drivers_come_in_sets_too(tenant_id, now):
    def take(count, first):
        rows = (f"Driver {n},driver{n}@example.org" for n in range(first, first + count))
        table = sheet.read("name,email\n" + "\n".join(rows), headings.DRIVERS)
        planned = driver_import.plan(flask_db.session(), table, tenant_id=tenant_id)
        with fleet.statements(flask_db.session()) as asked:
            in_units(
                [*planned.rows],
                lambda db, part: driver_import.carry_out(
                    db, ADA, planned, part, tenant_id=tenant_id, now=datetime.now(UTC)
                ),
            )
        return len(asked)

    assert take(180, 100) <= take(5, 0)
    assert flask_db.session().scalar(select(func.count(Driver.id))) == 186
    noted = select(func.count(AuditEntry.id)).where(AuditEntry.action == "driver.add")
    assert flask_db.session().scalar(noted) == 186
