"""What an import makes of rows that contradict themselves, each other, or what is listed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask_babel import force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings, sheet
from app.domain.access.imports import stations as station_import
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM, TagStatus
from app.models import AuditEntry, Station, Tag
from app.text.sentences import translated
from app.uow import unit_of_work
from app.views.access.imports import DRIVERS, TAGS
from app.views.network.station_import import STATIONS
from app.web import spreadsheet
from tests.access.test_import_files import TYPED
from tests.support.chance import tries
from tests.support.stations import register


def plan(db, tenant, text, now, **agreed):
    table, options = sheet.read(text, headings.TAGS), Options(**agreed)
    return tag_import.plan(db, table, tenant_id=tenant.id, now=now, options=options)


def listed(db, tenant, now, *values):
    for value in values:
        tags.add(db, SYSTEM, tenant.id, now=now, value=value)


def sentences(made):
    return [error.sentence for error in made.errors]


# ---- tags ----


@pytest.mark.parametrize(
    ("heading", "row", "status"),
    [
        ("tag,blocked", "04AA,true", TagStatus.BLOCKED),
        ("tag,blocked", "04AA,x", TagStatus.BLOCKED),
        ("tag,blocked", "04AA,", None),
        ("uid,valid", "04AA,false", TagStatus.BLOCKED),
        ("uid,aktiv", "04AA,ja", TagStatus.ACTIVE),
        ("RFID,Sperrstatus", "04AA,gesperrt", TagStatus.BLOCKED),
        ("RFID,Sperrstatus", "04AA,nicht gesperrt", TagStatus.ACTIVE),
        ("RFID,gesperrt", "04AA,frei", TagStatus.ACTIVE),
        ("tag,status,blocked", "04AA,blocked,1", TagStatus.BLOCKED),
    ],
)
def test_a_status_is_read_in_the_words_of_the_file(db, tenant, now, heading, row, status):
    (planned,) = plan(db, tenant, f"{heading}\n{row}\n", now).rows
    assert planned.status is status


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tag,status,blocked\n04AA,active,true\n", "both that the card is blocked and that it is"),
        ("tag,blocked\n04AA,perhaps\n", "“perhaps” under blocked is neither yes nor no."),
        ("tag,status\n04AA,asleep\n", "“asleep” is neither active nor blocked."),
        ("tag,driver,email\n04AA,Ada,bob@example.org\n", "“Ada” and “bob@example.org” are two"),
        ("tag,email\n04AA,eve@example.org\n", "There is no driver “eve@example.org”."),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(db, tenant, now, text, sentence):
    for name in ("Ada", "Bob"):
        drivers.add(db, SYSTEM, tenant.id, now=now, name=name, email=f"{name.lower()}@example.org")
    (said,) = sentences(plan(db, tenant, text, now))
    assert sentence in said


def test_a_card_is_found_however_its_number_is_written(db, tenant, now):
    listed(db, tenant, now, "04:A2:B3:C4", "0x04FFEE00", "'=x")
    made = plan(db, tenant, "tag\n04a2b3c4\n04-ff-ee-00\n''=x\n", now)
    assert [row.value for row in made.rows] == ["04:A2:B3:C4", "0x04FFEE00", "'=x"]
    assert made.count("same") == 3


def test_a_card_that_could_be_either_of_two_is_refused(db, tenant, now):
    listed(db, tenant, now, "04A2:B3C4", "04A2-B3C4")
    assert sentences(plan(db, tenant, "tag\n04A2B3C4\n", now)) == [
        "04A2B3C4 may be 04A2:B3C4 or 04A2-B3C4."
    ]
    assert plan(db, tenant, "tag\n04A2-B3C4\n", now).count("same") == 1


def test_an_apostrophe_before_a_number_is_a_spreadsheets(db, tenant, now):
    assert [row.value for row in plan(db, tenant, "tag\n'A4B2C3D4\n'04B2C3D5\n", now).rows] == [
        "A4B2C3D4",
        "04B2C3D5",
    ]


def test_a_row_that_ends_early_leaves_what_it_does_not_tell(db, tenant, now):
    tags.add(db, SYSTEM, tenant.id, now=now, value="04AABBCC", label="red", concurrent_limit=2)
    (row,) = plan(db, tenant, "tag,label,limit\n04AABBCC,blue\n", now).rows
    assert row.wanted == {"label": "blue"}
    assert row.warnings == (
        "The row has fewer cells than the heading; what it lacks stays as it is.",
    )


@pytest.mark.parametrize("value", ["=SUM(A1:A9)", "Müller"])
def test_a_row_that_is_no_card_is_pointed_out(db, tenant, now, value):
    (row,) = plan(db, tenant, f"tag\n{value}\n", now).rows
    assert row.warnings == ("It does not look like the number of a card; is this row one?",)


def test_a_number_of_which_a_spreadsheet_kept_fifteen_digits_is_pointed_out(db, tenant, now):
    (row,) = plan(db, tenant, "tag\n8949022000011230000\n", now).rows
    assert row.warnings == (
        "It has zeros after fifteen digits, as when a spreadsheet has lost the rest.",
    )


@pytest.mark.parametrize("value", ["04A2B3C4", "04 A2 B3 C4", "DE-ABC-C00012345-X", "DEADBEE1"])
def test_a_number_of_a_card_raises_no_doubt(db, tenant, now, value):
    (row,) = plan(db, tenant, f"tag\n{value}\n", now).rows
    assert not any("look like" in warning for warning in row.warnings)


def test_a_group_is_found_by_its_name_and_by_what_chargers_call_it(db, tenant, now):
    group = tag_groups.add(db, SYSTEM, tenant.id, now=now, name="Night fleet", parent="NF")
    made = plan(db, tenant, "idTag,parentIdTag\n04AA01,nf\n04AA02,night  FLEET\n", now)
    assert {row.wanted["group_id"] for row in made.rows} == {group.id}
    assert made.groups == []


@settings(max_examples=tries(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            TYPED.filter(bool), TYPED, st.none() | st.integers(1, 1000),
            st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.booleans(),
        ),
        max_size=4,
        unique_by=lambda row: "".join(char for char in row[0].casefold() if char.isalnum()),
    )
)  # fmt: skip
def test_an_export_of_any_tags_is_imported_without_a_change(db, tenant, now, rows):
    with db.begin_nested() as trial:
        for value, label, limit, expires, blocked in rows:
            try:
                tag = tags.add(
                    db,
                    SYSTEM,
                    tenant.id,
                    now=now,
                    value=value,
                    label=label or None,
                    concurrent_limit=limit,
                    expires_at=expires and expires.replace(tzinfo=UTC),
                )
            except Invalid:
                continue
            tag.status = TagStatus.BLOCKED if blocked else TagStatus.ACTIVE
        kept = db.scalars(select(Tag)).all()
        header = ("tag", "label", "limit", "expires", "status")
        cells = ([one.value, one.label, one.concurrent_limit, one.expires_at, one.status.value]
                 for one in kept)  # fmt: skip
        text = "".join(spreadsheet.lines(header, cells, ZoneInfo("Europe/Berlin")))
        if kept:
            made = plan(db, tenant, text, now)
            assert sentences(made) == []
            assert made.count("same") == len(kept)
        trial.rollback()


# ---- drivers ----


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Vorname,Nachname\nAda,Lovelace\n", "Ada Lovelace"),
        ("Name,Vorname\nLovelace,Ada\n", "Ada Lovelace"),
        ("Last name,Email\nLovelace,ada@example.org\n", "Lovelace"),
        ("Name;Vorname;Nachname\nAda L.;Ada;Lovelace\n", "Ada L."),
        ("Fahrer\nAda Lovelace\n", "Ada Lovelace"),
    ],
)
def test_a_name_is_put_together(db, tenant, text, name):
    made = driver_import.plan(db, sheet.read(text, headings.DRIVERS), tenant_id=tenant.id)
    assert [row.wanted["name"] for row in made.rows] == [name]


@pytest.mark.parametrize(
    ("cell", "language"), [("Deutsch", "de"), ("de-AT", "de"), ("EN", "en"), ("German", "de")]
)
def test_a_language_is_read_by_its_code_or_name(db, tenant, cell, language):
    text = f"name,Sprache\nAda,{cell}\n"
    made = driver_import.plan(db, sheet.read(text, headings.DRIVERS), tenant_id=tenant.id)
    assert [row.wanted["language"] for row in made.rows] == [language]


def test_an_address_in_another_case_is_the_same_person(db, tenant):
    text = "name,email\nAda,ada@example.org\nAda,Ada@Example.ORG\n"
    made = driver_import.plan(db, sheet.read(text, headings.DRIVERS), tenant_id=tenant.id)
    assert sentences(made)[0] == (
        "ada@example.org stands in line 3 (as Ada@Example.ORG) too; keep one of the rows."
    )


# ---- stations ----


def test_a_trial_of_stations_leaves_nothing_and_the_import_what_it_told(any_app, now):
    with unit_of_work() as db:
        tenant_id = register(db, "CP-1", now=now, name="Gate").tenant_id
        table = sheet.read("identity,site,name\nCP-1,Depot,Gate\nCP-2,Depot,Yard\nC:3,Depot,\n",
                           headings.STATIONS)  # fmt: skip
        noted = db.scalar(select(func.count()).select_from(AuditEntry))
        later = now + timedelta(hours=1)
        given = {"tenant_id": tenant_id, "options": Options()}
        told, rows = station_import.listed(table, now=later)
        station_import.try_out(db, SYSTEM, told, rows, **given)
        assert [(row.value, row.what) for row in told.rows] == [("CP-1", "same"), ("CP-2", "add")]
        assert sentences(told) == ["The identity may hold no colon."]
        assert db.scalar(select(func.count()).select_from(Station)) == 1
        assert db.scalar(select(func.count()).select_from(AuditEntry)) == noted
        done, rows = station_import.listed(table, now=later)
        station_import.carry_out(db, SYSTEM, done, rows, {}, **given)
        assert [row.told for row in done.rows] == [row.told for row in told.rows]
        assert db.scalar(select(Station.created_at).where(Station.identity == "CP-2")) == later


@pytest.mark.parametrize("noun", [DRIVERS, TAGS, STATIONS], ids=lambda noun: noun.name)
def test_the_columns_that_a_page_names_in_german_are_understood_as_what_they_name(app, noun):
    names = [name for name, _example in noun.columns]
    with app.test_request_context(), force_locale("de"):
        german = [str(translated(name)) for name in names]
    found = noun.known.match(german)
    assert [found.fields.get(place) for place in range(len(names))] == [
        noun.known.match([name]).fields[0] for name in names
    ]
