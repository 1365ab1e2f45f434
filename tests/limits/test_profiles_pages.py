"""Charging profiles on the desk: the library, the picture, a station's Energy tab."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Invalid
from app.domain.limits import profile_forms
from app.models import (
    ChargingProfile,
    ChargingSession,
    Command,
    EvNeeds,
    Settlement,
    StationProfile,
)
from app.queries import limits as queries
from tests.support import energy_seed
from tests.support.desk import page

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def rows(*steps):
    """What a browser sends of the rows of a schedule."""
    found = {}
    for place, (starts, limit, *phases) in enumerate(step.split() for step in steps):
        found[f"periods-{place}-starts"] = starts
        found[f"periods-{place}-limit"] = limit
        found[f"periods-{place}-phases"] = "".join(phases)
    return found


TYPED = {
    "name": "Depot by night",
    "purpose": "default",
    "kind": "daily",
    "unit": "A",
    "stack_level": "1",
    **rows("00:00 32 3", "07:00 10 3"),
}


@pytest.fixture
def station(made, db):
    place = made.stations["CP-01"]
    energy_seed.fill(db, place, made.now)
    db.commit()
    return place


def rows_gone(place):
    return {f"periods-{place}-{name}": "" for name in ("starts", "limit", "phases")}


def only(db, model, **given):
    db.expire_all()
    return db.scalars(select(model).filter_by(**given)).one()


def test_an_empty_library_says_what_a_profile_is_for(made, operator):
    assert "No profiles yet" in page(operator, "/profiles")


def test_a_profile_is_typed_shown_and_changed(made, db, operator):
    answer = operator.post("/profiles/new", data=TYPED)
    assert answer.status_code == 303
    profile = only(db, ChargingProfile)
    assert profile.document["periods"][1] == {"start_s": 25_200, "limit": "10.0", "phases": 3}
    text = page(operator, f"/profiles/{profile.id}")
    assert "Every day" in text and "07:00" in text and 'data-chart="schedule-data"' in text
    form = page(operator, f"/profiles/{profile.id}/edit")
    assert 'value="07:00"' in form and 'value="10.0"' in form
    assert form.count("step-row") == 5  # and three empty ones
    changed = {**TYPED, **rows("00:00 20"), **rows_gone(1), "min_rate": "6"}
    assert operator.post(f"/profiles/{profile.id}/edit", data=changed).status_code == 303
    assert only(db, ChargingProfile).document["min_rate"] == "6.0"


def test_a_wrong_row_is_told_at_its_field(made, db, operator):
    for step, field in (("noon 10", "starts"), ("07:00", "limit")):
        starts, _, limit = step.partition(" ")
        typed = {**TYPED, "periods-1-starts": starts, "periods-1-limit": limit}
        answer = operator.post("/profiles/new", data=typed)
        assert answer.status_code == 422
        assert f'id="periods-1-{field}-error"' in answer.text
    assert db.scalar(select(ChargingProfile)) is None


def test_what_lines_cannot_say_is_typed_as_json(made, db, operator):
    document = {
        "purpose": "default",
        "kind": "dynamic",
        "unit": "W",
        "periods": [{"limit": 11000, "more": {"mode": "central_setpoint", "setpoint": -3000}}],
    }
    typed = {**TYPED, "document": json.dumps(document)}
    assert operator.post("/profiles/new", data=typed).status_code == 303
    profile = only(db, ChargingProfile)
    assert profile.document["periods"][0]["more"]["setpoint"] == "-3000.0"
    assert "central_setpoint" in page(operator, f"/profiles/{profile.id}/edit")
    for wrong in ("{", "[1]"):
        answer = operator.post("/profiles/new", data={**typed, "name": "X", "document": wrong})
        assert answer.status_code == 422


def test_a_profile_goes_into_the_archive_and_back(station, db, operator):
    profile = only(db, ChargingProfile)
    operator.post(f"/profiles/{profile.id}/archive")
    assert "No profiles match this filter" in page(operator, "/profiles?q=day")
    assert "Night and day" in page(operator, "/profiles?state=archived")
    operator.post(f"/profiles/{profile.id}/restore")
    assert "Night and day" in page(operator, "/profiles")
    assert operator.get("/profiles?format=csv").mimetype == "text/csv"


def test_the_energy_tab_shows_all_that_is_known(station, operator):
    text = page(operator, f"/stations/{station.id}/energy")
    for words in (
        *("Night and day", "drifted", "Limits from outside", "the energy management"),
        *("What results at connector 1", "Why this plan", "spread evenly", "Volt-var curve"),
        *("High voltage, must trip", "ampdesk-1-1", "psp-77", "B-1", "Past profiles"),
    ):
        assert words in text, words


def test_a_station_without_energy_facts_shows_no_empty_sections(made, operator):
    text = page(operator, f"/stations/{made.stations['CP-01'].id}/energy")
    assert "No profile of ours" in text
    assert "Inverter controls" not in text and "Battery swaps" not in text


def test_a_profile_is_given_to_a_connector_from_the_tab(station, db, operator):
    profile = only(db, ChargingProfile)
    data = {"profile_id": str(profile.id), "connector": "1", "session_id": ""}
    answer = operator.post(f"/stations/{station.id}/energy/set", data=data)
    assert answer.status_code == 303, answer.text[-3000:]
    command = db.scalars(select(Command).order_by(Command.id.desc())).first()
    assert command.arguments["profile"]["purpose"] == "default"
    assert command.arguments["connector"] == 1


def test_a_whole_station_is_given_a_profile_from_its_page(station, db, operator):
    profile = only(db, ChargingProfile)
    data = {"station": station.identity}
    assert operator.post(f"/profiles/{profile.id}/assign", data=data).status_code == 303
    assert operator.post(f"/profiles/{profile.id}/assign", data={}).status_code == 422


def test_questions_and_clearings_are_orders(station, db, operator):
    row = db.scalars(select(StationProfile)).first()
    for url in (f"clear/{row.id}", "read", "composite", "tariffs", "controls"):
        answer = operator.post(f"/stations/{station.id}/energy/{url}")
        assert answer.status_code == 303, url
    orders = db.scalars(select(Command.order).order_by(Command.id.desc()).limit(5)).all()
    assert {order.value for order in orders} == {
        *("clear_profile", "read_profiles", "read_composite_schedule", "read_tariffs"),
        "read_der_control",
    }
    assert operator.post(f"/stations/{station.id}/energy/clear/9999").status_code == 404


def test_a_viewer_looks_and_changes_nothing(station, db, viewer):
    profile = only(db, ChargingProfile)
    text = page(viewer, f"/profiles/{profile.id}") + page(viewer, f"/stations/{station.id}/energy")
    assert "Archive" not in text and "/energy/clear/" not in text
    assert viewer.post(f"/profiles/{profile.id}/archive").status_code == 403
    assert viewer.post(f"/stations/{station.id}/energy/read").status_code == 403


def test_lines_of_periods_are_read_and_written():
    text = "00:00 16 3\n07:30 6.5\n25:00:30 32"
    read = profile_forms.read_periods(text)
    assert [each["start_s"] for each in read] == [0, 27_000, 90_030]
    assert profile_forms.read_periods("0 16; 3600 8")[1]["start_s"] == 3600
    with pytest.raises(Invalid, match="Line 1"):
        profile_forms.read_periods("now 16")


def test_rows_of_a_week_say_their_day_and_are_put_in_order():
    rows = [
        {"starts": "Tue 06:00", "limit": "16,5", "phases": "3"},
        {"starts": "", "limit": " ", "phases": ""},
        {"starts": "Monday 0:00", "limit": "8", "phases": ""},
    ]
    read = profile_forms.read_rows(rows)
    assert read == [
        {"start_s": 0, "limit": "8"},
        {"start_s": 108_000, "limit": "16.5", "phases": "3"},
    ]
    written = profile_forms.written_rows(read, "weekly")
    assert [row["starts"] for row in written] == ["Mon 00:00", "Tue 06:00"]
    assert profile_forms.read_rows(written) == read
    assert profile_forms.written_rows(read, "absolute")[1]["starts"] == "30:00"


def test_of_all_levels_the_lowest_counts_and_a_session_goes_before_the_default():
    begins = NOW.isoformat()

    def held(evse, purpose, *limits, level=0, **more):
        periods = [{"start_s": 3600 * at, "limit": str(a)} for at, a in enumerate(limits)]
        document = {
            "purpose": purpose, "kind": "absolute", "unit": "A", "stack_level": level,
            "starts_at": begins, "periods": periods, **more,
        }  # fmt: skip
        return StationProfile(evse=evse, document=document, created_at=NOW)

    def result(*rows):
        pictures = dict(queries.worked_out(rows, NOW, "UTC"))
        return {
            evse: [picture["series"][0]["values"][hour * 8] for hour in (0, 1, 2)]
            for evse, picture in pictures.items()
        }

    default = held(0, "default", 32, 16, 24)
    # Of a station whose sessions alone are limited nothing is limited itself.
    assert result(default, held(1, "default", 20, level=1)) == {1: [20, 20, 20]}
    rows = [default, held(0, "station_max", 28), held(1, "session", 40, 10)]
    assert result(*rows) == {0: [28, 28, 28], 1: [28, 10, 10]}
    short = held(1, "default", 6, level=5, duration_s=3600)
    assert result(default, short, held(0, "external", 30))[1] == [6, 16, 24]
    watts = held(1, "default", 3 * 230 * 10, unit="W")
    assert result(held(0, "station_max", 16), watts)[1] == [6.9, 6.9, 6.9]


def test_a_sessions_page_shows_its_profile_its_cars_needs_and_its_payment(station, db, viewer):
    session = db.scalars(select(ChargingSession).filter_by(station_id=station.id)).first()
    assert "Why this plan" not in page(viewer, f"/sessions/{session.id}")
    for model in (StationProfile, EvNeeds, Settlement):
        row = db.scalars(select(model).filter_by(station_id=station.id)).first()
        row.session_id = session.id
    db.commit()
    text = page(viewer, f"/sessions/{session.id}")
    for words in ("Night and day", "Why this plan", "psp-77"):
        assert words in text, words


def test_the_times_of_a_profile_are_picked_on_the_readers_clock(made, db, operator):
    made.people["operator"].timezone = "Europe/Berlin"
    db.commit()
    times = {"valid_from": "2026-07-01T08:00", "valid_to": "2026-12-01T08:00"}
    assert operator.post("/profiles/new", data={**TYPED, **times}).status_code == 303
    profile = only(db, ChargingProfile)
    assert profile.document["valid_from"] == "2026-07-01T06:00:00+00:00"
    assert profile.document["valid_to"] == "2026-12-01T07:00:00+00:00"
    form = page(operator, f"/profiles/{profile.id}/edit")
    assert 'value="2026-07-01T08:00"' in form
    assert "on the clock of Europe/Berlin" in form
    gap = {**TYPED, "valid_from": "2026-03-29T02:30"}
    refused = operator.post(f"/profiles/{profile.id}/edit", data=gap)
    assert refused.status_code == 422
    assert "There is no 02:30 on that day" in refused.text


def test_a_time_with_seconds_stays_what_it_is(made, db, operator):
    document = {"purpose": "default", "kind": "daily", "unit": "A", "periods": [{"limit": 16}],
                "valid_from": "2026-07-01T06:00:07+00:00"}  # fmt: skip
    operator.post("/profiles/new", data={**TYPED, "document": json.dumps(document)})
    profile = only(db, ChargingProfile)
    assert "06:00:07" in page(operator, f"/profiles/{profile.id}/edit")
