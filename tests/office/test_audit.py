"""The audit page: what was done, by whom, before and after."""

import csv
import io
import re

import pytest
from sqlalchemy import select, update

from app.domain.ground.vocabulary import Actor
from app.domain.office import audit, staff
from app.models import Tenant
from app.uow import unit_of_work
from tests.support import seed
from tests.support.desk import page


@pytest.fixture
def made(db, now):
    made = seed.fill(db, now, history=0)
    vera = made.people["viewer"]
    staff.edit(
        db, Actor("Grace Hopper", made.people["admin"].id, "10.0.0.7"), vera,
        email=vera.email, name="<b>Vera</b>", role="operator", now=now,
    )  # fmt: skip
    audit.note(db, Actor("command line"), "station.register", made.stations["CP-01"], now=now)
    db.commit()
    return made


def test_an_entry_says_who_what_before_and_after(admin):
    text = page(admin, "/audit?noun=user")
    assert "Grace Hopper" in text
    assert "10.0.0.7" in text
    assert "user: edit" in text
    assert re.search(r"viewer</del>\s*→\s*operator", text)
    assert "<b>Vera</b>" not in text
    assert "station: register" not in text


def test_filters_narrow_it(admin, made, now):
    assert "station: register" in page(admin, "/audit?actor=command%20line")
    assert "user: edit" not in page(admin, "/audit?actor=command%20line")
    assert "user: edit" in page(admin, f"/audit?kind=User&subject={made.people['viewer'].id}")
    assert "Nothing matches" in page(admin, "/audit?from=2031-01-01")
    assert "user: edit" in page(admin, f"/audit?from={now:%Y-%m-%d}&to={now:%Y-%m-%d}")
    assert "user: edit" in page(admin, "/audit?from=garbage&page=-4&sort=nonsense")


def test_it_is_exported_without_formulas(admin):
    text = page(admin, "/audit?format=csv").lstrip("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["action"] for row in rows} == {"user.edit", "station.register"}
    assert not any(cell[:1] in "=+@-" for row in rows for cell in row.values() if cell)


def test_a_thing_tells_its_last_changes_on_its_own_page(admin, app, made):
    vera = seed.signed_in(app, made.people["operator"])
    address = f"/stations/{made.stations['CP-01'].id}/setup"
    text = page(admin, address)
    assert "Last changes" in text
    assert "station: register" in text
    assert "Last changes" not in page(vera, address)


def test_it_speaks_german_to_who_reads_german(app, db, made):
    vera = made.people["admin"]
    vera.language = "de"
    db.commit()
    text = page(seed.signed_in(app, vera), "/audit")
    assert "Person: ändern" in text and "Ladestation: registrieren" in text
    assert ">Rolle</span>" in text and ">role</span>" not in text
    assert re.search("<td[^>]*>Kommandozeile", text)


def test_a_name_is_told_as_it_was_given_in_german_too(app, db, made, now):
    vera, station = made.people["admin"], made.stations["CP-01"]
    vera.language, station.name = "de", "Quay, left"
    audit.note(db, Actor("command line"), "station.register", station, now=now)
    db.commit()
    text = page(seed.signed_in(app, vera), f"/stations/{station.id}/setup")
    assert "</span> Quay, left</div>" in text


@pytest.mark.parametrize("past_the_orm", [False, True])
def test_a_request_whose_change_the_audit_does_not_tell_is_found(
    app, admin, made, audited, monkeypatch, past_the_orm
):
    def silent():
        with unit_of_work() as work:
            if past_the_orm:
                work.execute(update(Tenant.__table__).values(seller_name="Volta"))
            else:
                work.scalars(select(Tenant)).one().seller_name = "Volta"
        return ""

    silent.needs_right = None
    monkeypatch.setitem(app.view_functions, "sign.sign_out", silent)
    admin.post("/sign-out")
    assert audited.found == ["sign.sign_out: Tenant.seller_name"]
    audited.found.clear()
