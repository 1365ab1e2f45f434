"""Tariffs on the desk: the list, one tariff, and an editor that needs no JavaScript."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import tariff_book
from app.models import AuditEntry, Tariff, TariffVersion
from tests.support import seed
from tests.support.desk import page

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def kerb(db, made):
    return db.query(Tariff).filter_by(name="Kerb day/night").one()


def typed(*rows, **settings):
    """What a browser sends for an editor with these rows."""
    sent = {
        "name": "Garage",
        "currency": "EUR",
        "tax_mode": "inclusive",
        "tax_percent": "19",
        "action": "save",
        **settings,
    }
    for place, row in enumerate(rows):
        for field, value in {"kind": "energy", **row}.items():
            sent[f"components-{place}-{field}"] = value
    return sent


def prices(text):
    """The kinds of the rows that an editor shows, by their prices."""
    return re.findall(r'id="components-\d+-price"[^>]*value="([^"]*)"', text)


def test_the_list_says_what_a_tariff_costs(viewer, kerb):
    text = page(viewer, "/tariffs")
    assert "night rate: 0.32\xa0€ per kWh from 20:00 to 08:00" in text
    assert "default" in text
    assert "New tariff" not in text


def test_the_list_is_narrowed_by_its_url(viewer, kerb):
    assert "Kerb day/night" in page(viewer, "/tariffs?q=KERB&currency=EUR&sort=-name")
    assert "No tariffs match this filter" in page(viewer, "/tariffs?q=nothing")
    assert "No tariffs match this filter" in page(viewer, "/tariffs?state=archived")


def test_the_list_is_given_as_csv(viewer, kerb):
    answer = viewer.get("/tariffs?format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [(row["name"], row["version"], row["sites"]) for row in rows] == [
        ("Kerb day/night", "7", "1")
    ]


def test_a_tariff_shows_its_week_and_who_has_it(viewer, kerb):
    text = page(viewer, f"/tariffs/{kerb.id}")
    assert text.count('08:00–20:00 0.45\xa0€"') == 7
    assert "Depot Nord" in text
    assert f"/tariffs/{kerb.id}/edit" not in text


def test_the_calculator_prices_line_by_line(viewer, kerb):
    text = page(
        viewer,
        f"/tariffs/{kerb.id}?kwh=20&minutes=100&idle=25&at=2026-11-22T07:10&zone=Europe/Berlin",
    )
    # 0.50 + 10 x 0.32 + 10 x 0.45 + 15 x 0.10 = 9.70, and 19 %
    assert "11.54\xa0€" in text
    assert "10 of 25 idle minutes are free" in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("kwh=many", "Type numbers and a time."),
        ("kwh=99999999", "between 0 and 10 000 kWh"),
        ("minutes=999999999", "A session lasts a month at most."),
        ("zone=Mars/Base", "Mars/Base is no time zone;"),
        ("at=0001-01-01T00:00", "outside all calendars"),
    ],
)
def test_the_calculator_says_what_is_wrong(viewer, kerb, query, sentence):
    assert sentence in page(viewer, f"/tariffs/{kerb.id}?{query}")


def test_unknown_tariffs_and_versions_are_not_found(viewer, kerb):
    assert viewer.get("/tariffs/999").status_code == 404
    assert viewer.get(f"/tariffs/{kerb.id}?version=1").status_code == 404


def test_a_tariff_is_made(admin, db):
    answer = admin.post(
        "/tariffs/new",
        data=typed(
            {"price": "0,39", "name": "night", "starts": "22:00", "until": "06:00"},
            {"price": "0.49", "weekdays": ["mon", "fri"]},
            {"kind": "idle", "price": "0.10", "grace_minutes": "15"},
            minimum="1",
        ),
    )
    assert answer.status_code == 303
    tariff = db.query(Tariff).filter_by(name="Garage").one()
    assert tariff.versions[-1].definition["components"] == [
        {
            "kind": "energy",
            "price": "0.39",
            "name": "night",
            "when": {"from": "22:00", "until": "06:00"},
        },
        {"kind": "energy", "price": "0.49", "when": {"weekdays": ["mon", "fri"]}},
        {"kind": "idle", "price": "0.10", "grace_minutes": 15},
    ]
    assert tariff.versions[-1].created_by == "Grace Hopper"
    assert db.query(AuditEntry).filter_by(action="tariff.create").one().actor == "Grace Hopper"


def test_rows_are_added_removed_and_moved_without_saving(admin, db):
    rows = ({"price": "1"}, {"price": "2"}, {"price": "3"})

    def after(action):
        answer = admin.post("/tariffs/new", data=typed(*rows, action=action))
        assert answer.status_code == 200
        return prices(answer.text)

    assert after("add") == ["1", "2", "3", ""]
    assert after("remove:1") == ["1", "3"]
    assert after("up:2") == ["1", "3", "2"]
    assert after("down:0") == ["2", "1", "3"]
    assert after("remove:9") == after("up:0") == after("down:x") == ["1", "2", "3"]
    assert db.query(Tariff).filter_by(name="Garage").count() == 0


def test_a_preview_says_the_draft(admin, db):
    answer = admin.post("/tariffs/new", data=typed({"price": "0.77"}, action="preview"))
    assert answer.status_code == 200
    assert "0.77\xa0€ per kWh" in answer.text
    answer = admin.post("/tariffs/new", data=typed({"price": "x"}, action="preview"))
    assert "Component 1: price must be a number" in answer.text


@pytest.mark.parametrize(
    ("row", "settings", "field", "sentence"),
    [
        ({"price": "x"}, {}, "components-0-price", "price must be a number"),
        ({"price": "1", "until": "25:00"}, {}, "components-0-until", "must be a time"),
        ({"price": "1", "step": "some"}, {}, "components-0-step", "must be a whole number"),
        ({"price": "1", "grace_minutes": "5"}, {}, "components-0-grace_minutes", "idle time only"),
        ({"price": "1"}, {"currency": "XYZ"}, "currency", "ISO 4217"),
        ({"price": "1"}, {"tax_percent": "190"}, "tax_percent", "from 0 to 100"),
        ({"price": "1"}, {"minimum": "5", "maximum": "4"}, "maximum", "less than the minimum"),
        ({"price": "1"}, {"name": "kerb DAY/night"}, "name", "already"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(admin, kerb, row, settings, field, sentence):
    answer = admin.post("/tariffs/new", data=typed(row, **settings))
    text = answer.text
    assert answer.status_code == 422
    found = re.search(rf'id="{field}-error">.*?<span>([^<]*)</span>', text)
    assert found and sentence in found[1]


def test_an_edit_makes_a_version_and_shows_the_old_one(admin, db, kerb):
    shown = page(admin, f"/tariffs/{kerb.id}/edit")
    assert prices(shown) == ["0.50", "0.32", "0.45", "0.10"]
    sent = typed({"price": "0.40"}, name="Kerb", note="simpler")
    assert admin.post(f"/tariffs/{kerb.id}/edit", data=sent).status_code == 303
    db.expire_all()
    assert (kerb.name, kerb.versions[-1].number, kerb.versions[-1].note) == ("Kerb", 8, "simpler")
    assert "simpler" in page(admin, f"/tariffs/{kerb.id}")
    old = page(admin, f"/tariffs/{kerb.id}?version=7")
    assert "This is version 7" in old
    assert "night rate" in old


def test_a_planned_version_stands_on_the_line_of_time_and_is_withdrawn(admin, viewer, db, kerb):
    sent = typed({"price": "0.40"}, valid_from="2028-01-01T00:00", valid_until="2028-02-01T00:00")
    assert admin.post(f"/tariffs/{kerb.id}/edit", data=sent).status_code == 303
    planned = page(viewer, f"/tariffs/{kerb.id}")
    assert "2028-01-01 00:00" in planned and "planned" in planned
    # The third stretch: what held before holds again.
    assert re.findall(r">version (\d)</a>", planned) == ["7", "8", "7"]
    assert "from 2028-01-01 00:00 on" in page(viewer, f"/tariffs/{kerb.id}?version=8")
    assert "new prices from 2028-01-01 00:00" in page(viewer, "/tariffs")
    withdraw = f"/tariffs/{kerb.id}/versions/8/withdraw"
    assert viewer.post(withdraw).status_code == 403
    assert withdraw in page(admin, f"/tariffs/{kerb.id}") and withdraw not in planned
    assert admin.post(withdraw).status_code == 303
    assert "withdrawn" in page(admin, f"/tariffs/{kerb.id}")
    assert "new prices from" not in page(viewer, "/tariffs")
    told = admin.post(f"/tariffs/{kerb.id}/versions/7/withdraw", follow_redirects=True)
    assert "Version 7 has begun" in told.text


def test_an_edit_that_changes_no_price_makes_no_version(admin, db, kerb):
    shown = page(admin, f"/tariffs/{kerb.id}/edit")
    fields = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', shown)
    sent = {name: value for name, value in fields if not name.endswith(("mode", "weekdays"))}
    kinds = ("start", "energy", "energy", "idle")
    sent |= {f"components-{place}-kind": kind for place, kind in enumerate(kinds)}
    sent |= {"action": "save", "tax_mode": "exclusive", "currency": "EUR"}
    assert admin.post(f"/tariffs/{kerb.id}/edit", data=sent).status_code == 303
    db.expire_all()
    assert kerb.versions[-1].number == 7


def test_a_copy_begins_with_the_same_prices(admin, kerb):
    text = page(admin, f"/tariffs/new?like={kerb.id}")
    assert "Kerb day/night (copy)" in text
    assert prices(text) == ["0.50", "0.32", "0.45", "0.10"]


def test_a_limit_of_too_many_places_is_shown_copied_and_kept_as_it_was_billed(admin, db, kerb):
    old = kerb.versions[-1].definition | {"maximum": "10.005"}
    kerb.versions.append(TariffVersion(number=8, definition=old, created_at=NOW, created_by="Ada"))
    db.commit()
    for address in (f"/tariffs/new?like={kerb.id}", f"/tariffs/{kerb.id}/edit"):
        shown = page(admin, address)
        assert ('value="10.01"' in shown, "10.005" in shown) == (True, False)
    told = tariff_book.said(kerb.versions[-1])
    tariff_book.edit(db, SYSTEM, kerb, definition=told, now=NOW)
    assert kerb.versions[-1].number == 8
    copied = tariff_book.copy(db, SYSTEM, kerb, now=NOW)
    assert copied.versions[0].definition["maximum"] == "10.01"


def test_archive_default_and_back(admin, db, kerb):
    admin.post("/tariffs/new", data=typed({"price": "1"}))
    other = db.query(Tariff).filter_by(name="Garage").one()
    refused = admin.post(f"/tariffs/{kerb.id}/archive", follow_redirects=True)
    assert "is the price of 1 site" in refused.text
    assert admin.post(f"/tariffs/{other.id}/default").status_code == 303
    db.expire_all()
    assert (kerb.is_default, other.is_default) == (False, True)
    admin.post(f"/tariffs/{other.id}/default", data={"default": "no"})
    admin.post(f"/tariffs/{other.id}/archive")
    db.expire_all()
    assert other.archived_at is not None
    assert "Garage" in page(admin, "/tariffs?state=archived")
    admin.post(f"/tariffs/{other.id}/restore")
    db.expire_all()
    assert other.archived_at is None


def test_only_admins_change_prices(app, made, kerb):
    one, staff = (
        kerb.id,
        [seed.signed_in(app, made.people[role]) for role in ("viewer", "operator")],
    )
    for path in ("new", f"{one}/edit", f"{one}/archive", f"{one}/restore", f"{one}/default"):
        for client in staff:
            assert client.post(f"/tariffs/{path}", data={}).status_code == 403, path
        stranger = app.test_client().post(f"/tariffs/{path}", data={})
        assert stranger.status_code in {303, 401}, path


def test_markup_in_names_is_text(admin, db):
    admin.post("/tariffs/new", data=typed({"price": "1", "name": "<b>x"}, name="<svg/onload=1>"))
    tariff = db.query(Tariff).filter_by(name="<svg/onload=1>").one()
    text = page(admin, f"/tariffs/{tariff.id}")
    assert "<svg/onload" not in text
    assert "<b>x" not in text


NIGHT_BELOW = (
    {"price": "0.49", "name": "day rate"},
    {"price": "0.35", "name": "night rate", "starts": "22:00", "until": "06:00"},
)


def test_a_price_that_can_never_apply_is_refused_at_its_row_with_the_mend(admin):
    answer = admin.post("/tariffs/new", data=typed(*NIGHT_BELOW))
    assert answer.status_code == 422
    text = answer.text
    assert "Price 2 (night rate) can never apply: price 1 (day rate) stands above it" in text
    assert 'id="components-1-price-error"' in text
    mended = admin.post("/tariffs/new", data=typed(*reversed(NIGHT_BELOW)))
    assert mended.status_code == 303


def test_the_preview_tells_what_can_never_apply(admin):
    answer = admin.post("/tariffs/new", data=typed(*NIGHT_BELOW, action="preview"))
    assert answer.status_code == 200
    assert "Move it above price 1." in answer.text


def test_a_tariff_of_before_that_was_saved_so_can_still_be_renamed(admin, db, kerb):
    hidden = {"kind": "energy", "price": "0.10"}
    kept = kerb.versions[-1].definition
    newest = {**kept, "components": [hidden, *kept["components"]]}
    db.add(TariffVersion(tariff=kerb, number=99, definition=newest, created_at=NOW))
    db.commit()
    renamed = tariff_book.edit(db, SYSTEM, kerb, name="Kerb", definition=newest, now=NOW)
    assert (renamed.name, renamed.versions[-1].number) == ("Kerb", 99)
    with pytest.raises(Invalid, match="can never apply"):
        tariff_book.edit(db, SYSTEM, kerb, definition={**newest, "free_minutes": 1}, now=NOW)
