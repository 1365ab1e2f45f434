"""Charging sessions on the desk: the list and its sums, one session, ending it by hand."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.charging import metering, running
from app.domain.charging.energy import REGISTER
from app.domain.charging.metering import Metered
from app.domain.ground.vocabulary import Actor, CommandState, MeterReport, Sample, SessionState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import AuditEntry, ChargingSession, Command, MeterReading
from app.queries.charging import session_chart
from app.queries.money import costs
from tests.support import apps, seed, seed_sessions
from tests.support.desk import page


def listed(text):
    """The numbers of the sessions in the list, in its order."""
    body = text[text.index('class="table sessions"') :]
    return [int(number) for number in re.findall(r'href="/sessions/(\d+)"><b>', body)]


def test_the_list_shows_all_sessions_and_what_they_add_up_to(viewer, made, db):
    text = page(viewer, "/sessions")
    assert sorted(listed(text)) == sorted(row.id for row in made.sessions.values())
    billed = sum(bill.gross_minor for row in made.sessions.values() for bill in row.bills)
    assert f"{Decimal(billed) / 100:.2f}\u00a0€" in text
    assert f"{len(made.sessions)} in all" in text


def test_running_sessions_stand_on_top_with_their_cost_so_far(viewer, made, db):
    text = page(viewer, "/sessions")
    top = text[: text.index('class="table sessions"')]
    running = made.sessions["running"]
    assert "Charging now" in top and f"/sessions/{running.id}" in top
    minor = costs.so_far(db, running, datetime.now(UTC))
    assert f"{Decimal(minor) / 100:.2f}\u00a0€" in top
    assert 'data-live="sessions"' in top


def test_a_list_of_running_sessions_is_live_and_one_of_the_past_is_not(viewer):
    assert 'id="list"' in page(viewer, "/sessions?state=charging")
    assert "data-live=" not in page(viewer, "/sessions?state=ended").split("<main")[1]


def test_filters_in_the_url_narrow_the_list(viewer, made):
    for query, names in (
        ("state=charging", {"running", "idle"}),
        ("state=provisional", {"provisional"}),
        ("state=unauthorised", {"unauthorised"}),
        ("billing=held", {"held", "unauthorised"}),
        ("billing=waived", {"waived"}),
        ("flag=end_unexplained", {"held"}),
        ("q=CP-04&state=charging", {"running"}),
        ("q=FF:00", {"unauthorised"}),
        ("q=lovelace&state=provisional", {"provisional"}),
    ):
        found = listed(page(viewer, f"/sessions?{query}"))
        assert set(found) == {made.sessions[name].id for name in names}, query


def test_a_session_is_found_by_its_number_and_a_driver_by_id(viewer, made):
    session = made.sessions["held"]
    assert listed(page(viewer, f"/sessions?q={session.id}&flag=end_unexplained")) == [session.id]
    driver = made.drivers["Çağla"]
    text = page(viewer, f"/sessions?driver={driver.id}&state=charging")
    assert listed(text) == [made.sessions["idle"].id]
    assert "All, not only Çağla Öztürk" in text


def test_date_presets_are_days_of_the_reader(viewer, made):
    now = datetime.now(UTC)
    for preset in ("today", "yesterday", "7days", "month", "last-month"):
        text = page(viewer, f"/sessions?when={preset}")
        if "No sessions match" not in text:
            assert listed(text)
    assert made.sessions["running"].id in listed(page(viewer, "/sessions?when=7days"))
    week_ago = (now - timedelta(days=8)).date()
    assert "No sessions match" in page(viewer, f"/sessions?until={week_ago}")


def test_every_column_sorts_both_ways(viewer):
    for key in ("started", "energy", "station", "driver", "id", "ended", "nonsense"):
        up, down = (listed(page(viewer, f"/sessions?sort={sign}{key}")) for sign in ("", "-"))
        assert sorted(up) == sorted(down), key
        assert key == "nonsense" or up == down[::-1], key


def test_csv_holds_the_filter_in_plain_numbers(viewer, made):
    text = viewer.get("/sessions?format=csv&billing=billed").text
    rows = {row["session"]: row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))}
    finished = made.sessions["finished"]
    row = rows[str(finished.id)]
    assert Decimal(row["energy_wh"]) == finished.energy_wh
    assert row["total_minor"] == str(finished.bills[0].gross_minor)


def test_a_finished_session_tells_its_whole_story(viewer, made):
    finished = made.sessions["finished"]
    text = page(viewer, f"/sessions/{finished.id}")
    bill = finished.bills[0]
    for words in (
        "Cost, line by line",
        "Energy, night rate",
        "interpolated",
        "Idle after 10 min grace",
        f"Why {Decimal(bill.gross_minor) / 100}\u00a0€?",
        f"Bill {bill.number} issued",
        "accepted by mx.example.org",
        "StartTransaction · connector 1",
        "Connector 1 idle: the car asks for nothing",
        "Ask for a message: accepted",
        "may charge at every site",
        "1\u00a0204\u00a0118\u00a0Wh",
        "Readings as a table",
    ):
        assert words in text


def test_a_running_session_says_that_nothing_is_final(viewer, operator, made):
    address = f"/sessions/{made.sessions['running'].id}"
    text = page(viewer, address)
    assert "Cost so far" in text and "Total so far" in text
    assert "running for" in text and "Stop charging" not in text
    assert "Stop charging" in page(operator, address)
    assert f'data-live="session:{made.sessions["running"].id} station:' in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("provisional", "The charger never reported the end of this session"),
        ("provisional", "No stop was reported; the session was closed after its last reading."),
        ("held", "The bill is held until a person has looked at it."),
        ("held", "No plug explains the step from the last reading to the final register"),
        ("unauthorised", "The tag was refused, yet the charger went on charging."),
        ("waived", "Nobody pays for this session: it was waived."),
        ("idle", "The car has taken no energy since"),
    ],
)
def test_whatever_is_not_settled_is_said_in_words(viewer, made, name, words):
    assert words in page(viewer, f"/sessions/{made.sessions[name].id}")


def test_a_held_session_leads_to_its_review(operator, made):
    session = made.sessions["held"]
    assert f"/bills/review/{session.id}" in page(operator, f"/sessions/{session.id}")


def test_a_corrected_bill_says_what_it_replaces_and_why(viewer, made, db):
    session, admin = made.sessions["finished"], Actor("Grace Hopper")
    billing.correct(
        db, admin, session, reason="meter replaced", now=made.now, energy_wh=Decimal(10_000)
    )
    db.commit()
    text = page(viewer, f"/sessions/{session.id}")
    for words in ("Replaces: 2", "Reason: meter replaced", "10.00\u00a0kWh", "Corrected bill"):
        assert words in text
    assert "The energy was set by our staff" in text


def test_a_refunded_session_costs_nothing(viewer, made, db):
    session = made.sessions["finished"]
    billing.refund(db, Actor("Grace Hopper"), session, reason="goodwill", now=made.now)
    db.commit()
    text = page(viewer, f"/sessions/{session.id}")
    assert "The bill was cancelled by a credit note" in text and "0.00\u00a0€" in text
    assert "Nobody pays for this session" in text


def test_the_live_part_is_the_pages_own_piece(viewer, made):
    address = f"/sessions/{made.sessions['running'].id}"
    part = page(viewer, f"{address}/live")
    assert part.lstrip().startswith('<div id="session"') and "<html" not in part
    assert '<div id="running"' in page(viewer, "/sessions/running")


def test_readings_leave_as_csv_and_as_json(viewer, made, db):
    session = made.sessions["finished"]
    count = db.query(MeterReading).filter_by(session_id=session.id).count()
    text = viewer.get(f"/sessions/{session.id}?format=csv").text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == count and rows[0]["register_wh"] == "1204118"
    told = viewer.get(f"/sessions/{session.id}?format=json").get_json()
    assert len(told["readings"]) == count
    assert told["readings"][0]["samples"][0][1] == "1204118"


def test_a_session_is_stopped_through_its_station(operator, made, db):
    session = made.sessions["running"]
    answer = operator.post(f"/sessions/{session.id}/stop")
    assert (answer.status_code, answer.location) == (303, f"/sessions/{session.id}")
    command = db.query(Command).filter_by(session_id=session.id).one()
    assert command.arguments["transaction_ref"] == session.transaction_ref
    assert command.state in (CommandState.QUEUED, CommandState.UNSUPPORTED)


def test_what_cannot_be_stopped_is_said_on_the_page(operator, made, db):
    session = made.sessions["running"]
    made.stations["CP-04"].connection_id = None
    db.commit()
    answer = operator.post(f"/sessions/{session.id}/stop", follow_redirects=True)
    assert "CP-04 is not connected" in answer.text
    assert db.query(Command).filter_by(session_id=session.id).count() == 0


def test_a_session_is_ended_by_hand_with_a_reason(operator, made, db):
    session = made.sessions["running"]
    last = session.last_register_wh
    assert operator.post(f"/sessions/{session.id}/end", data={"reason": ""}).status_code == 422
    answer = operator.post(f"/sessions/{session.id}/end", data={"reason": "charger replaced"})
    assert answer.status_code == 303
    db.expire_all()
    ended = db.get(ChargingSession, session.id)
    assert (ended.state, ended.provisional) == (SessionState.ENDED, True)
    assert ended.last_register_wh == last
    entry = db.query(AuditEntry).filter_by(action="session.close").one()
    assert (entry.actor, entry.note) == ("Otto Olsen", "charger replaced")
    again = operator.get(f"/sessions/{session.id}/end", follow_redirects=True)
    assert "has ended already" in again.text


def test_viewers_change_nothing(viewer, made):
    session = made.sessions["running"]
    assert viewer.post(f"/sessions/{session.id}/stop").status_code == 403
    assert viewer.post(f"/sessions/{session.id}/end", data={"reason": "x"}).status_code == 403
    assert "End by hand" not in page(viewer, f"/sessions/{session.id}")


def test_sessions_of_other_sites_do_not_exist(app, made, db):
    vera = made.people["viewer"]
    vera.sites = [made.sites["City Garage"]]
    db.commit()
    client = seed.signed_in(app, vera)
    assert client.get(f"/sessions/{made.sessions['finished'].id}").status_code == 404
    assert "Ada Lovelace" not in page(client, "/sessions")
    assert "GroundFailure" not in page(client, "/messages")


def test_markup_from_a_charger_stays_text(viewer, made, db, now):
    evil = "<script>alert(1)</script>"
    session = made.sessions["unauthorised"]
    session.token, session.stop_word, session.transaction_ref = evil, evil, evil
    db.commit()
    for address in ("/sessions", f"/sessions/{session.id}"):
        text = page(viewer, address)
        assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_a_session_without_a_price_and_without_readings_has_a_page(viewer, made, db):
    started = made.now - timedelta(hours=2)
    bare = seed_sessions.session(
        db, made, "bare", "CP-06", None, started, tariff_version_id=None, tariff_why=None
    )
    bare.meter_start_wh = None
    db.commit()
    text = page(viewer, f"/sessions/{bare.id}")
    assert "This session has no price." in text and "No readings yet" in text


@pytest.mark.landing
@pytest.mark.parametrize(
    "measurand", ["Power.Active.Import", "SoC", "Voltage", "Current.Import", REGISTER]
)
def test_a_reading_beyond_all_reason_breaks_no_page(viewer, made, db, measurand):
    session, now = made.sessions["running"], datetime.now(UTC)
    value = None if measurand == REGISTER else Decimal("1e50")
    report = MeterReport(now, (Sample(measurand, value, "", text="1e50"),))
    item = Metered(session.station_id, 1, session.transaction_ref, (report,))
    _, newest = metering.store(db, [item], now=now)
    running.show(db, newest)
    db.commit()
    for address in ("/sessions", f"/sessions/{session.id}", f"/stations/{session.station_id}", "/"):
        page(viewer, address)


def test_odd_addresses_are_no_error(viewer):
    page(
        viewer, "/sessions?station=x&site=-1&driver=9999999999&since=yesterday&page=0&sort=-&q=%25"
    )
    page(viewer, "/sessions/99999999999999999999", 404)
    page(viewer, "/sessions/424242", 404)


def test_a_long_session_is_thinned_but_keeps_its_ends(made, db):
    readings = db.query(MeterReading).order_by(MeterReading.taken_at).all()
    thin = session_chart.thinned(readings, 10)
    assert len(thin) == 10 and (thin[0], thin[-1]) == (readings[0], readings[-1])


def test_a_power_of_long_ago_is_shown_nowhere_as_one_of_now(viewer, made, db):
    session = made.sessions["running"]
    pages = ("/", "/sessions", f"/sessions/{session.id}", "/stations")
    pages = (*pages, f"/stations/{session.station_id}", f"/sites/{session.site_id}")
    assert all("21.8\u00a0kW" in page(viewer, path) for path in pages)
    session.last_reading_at = made.now - timedelta(minutes=45)
    db.commit()
    viewer.application.extensions.pop("kept")  # what is kept may be a second old
    assert not any("21.8\u00a0kW" in page(viewer, path) for path in pages)
    shown = page(viewer, f"/sessions/{session.id}")
    assert "last reading" in shown and "not connected" not in shown


def test_the_cost_so_far_follows_the_next_reading(made, db):
    session, now = made.sessions["running"], made.now
    before = costs.so_far(db, session, now)
    assert costs.so_far(db, session, now) == before
    wh = session.energy_wh + 250
    seed_sessions.reading(db, session, now, float(wh), 22_000, 80)
    session.last_reading_at = now
    db.flush()
    assert costs.so_far(db, session, now) > before


@pytest.mark.landing
@pytest.mark.postgres
def test_lists_sums_and_pages_work_on_postgresql_too(postgres_url, tmp_path):
    with apps.running(tmp_path, database_url=postgres_url) as app:
        made = seed.fill(flask_db.session(), datetime.now(UTC), history=3)
        flask_db.session.commit()
        admin = seed.signed_in(app, made.people["admin"])
        finished, held = made.sessions["finished"].id, made.sessions["held"].id
        text = page(admin, "/sessions")
        assert len(listed(text)) == len(made.sessions) and "€" in text
        assert listed(page(admin, "/sessions?flag=end_unexplained&q=ben&sort=driver")) == [held]
        assert listed(page(admin, f"/sessions?q={finished}&billing=billed&sort=-station"))
        assert "Idle after 10 min grace" in page(admin, f"/sessions/{finished}")
        assert "TypeConstraintViolation" in page(admin, "/messages?ended=problem&q=integer")
        assert admin.get("/messages?format=jsonl").get_data().count(b"\n") > 40
        assert admin.get("/sessions?format=csv").get_data().count(b"\n") == len(made.sessions) + 1


def test_a_session_that_waits_for_its_stop_is_billed_now_with_a_reason(operator, viewer, made, db):
    number = made.sessions["provisional"].id
    assert "Bill it now" in page(operator, f"/sessions/{number}")
    assert "Bill it now" not in page(viewer, f"/sessions/{number}")
    address = f"/sessions/{number}/bill"
    assert "Bill it now" in page(operator, address)
    assert operator.post(address, data={"reason": ""}).status_code == 422
    assert operator.post(address, data={"reason": "the driver asks"}).status_code == 303
    assert "does not wait for its stop" in operator.post(address, data={"reason": "again"}).text


def test_energy_that_was_not_measured_from_the_start_is_called_an_estimate(viewer, made, db):
    running = made.sessions["running"]
    address = f"/sessions/{running.id}"
    assert ">estimate</span>" not in page(viewer, address)
    running.meter_start_wh = None
    first = running.started_at + timedelta(minutes=15)
    db.query(MeterReading).filter(
        MeterReading.session_id == running.id, MeterReading.taken_at < first
    ).delete()
    db.commit()
    text = page(viewer, address)
    assert ">estimate</span>" in text
    assert "none at the start" in text


def marked(text):
    """What the page of a session marks: the rows of its readings, and whether the chart does."""
    rows = re.findall(r'<tr class="marked"(?: id="marked")?><td class="nowrap">([^<]*)', text)
    return rows, '"marked": []' not in text


def test_each_line_of_a_cost_leads_to_its_readings(viewer, made, db):
    session = made.sessions["finished"]
    plain = page(viewer, f"/sessions/{session.id}")
    assert marked(plain) == ([], False)
    [bill] = session.bills
    parts = sum(len(line.evidence["parts"]) for line in bill.lines if line.evidence)
    for text in (plain, page(viewer, f"/bills/{bill.id}")):
        leads = re.findall(rf'href="(/sessions/{session.id}\?marked=[^"]*)#marked"', text)
        assert len(leads) == parts
    for line in bill.lines:
        for part in (line.evidence or {}).get("parts", ()):
            span = f"{part['from_at']}/{part['to_at']}".replace("+", "%2B")
            rows, drawn = marked(page(viewer, f"/sessions/{session.id}?marked={span}"))
            inside = db.scalars(
                select(MeterReading.taken_at).where(
                    MeterReading.session_id == session.id,
                    MeterReading.taken_at >= datetime.fromisoformat(part["from_at"]),
                    MeterReading.taken_at <= datetime.fromisoformat(part["to_at"]),
                )
            ).all()
            assert drawn and len(rows) == len(inside)


def test_of_many_readings_those_that_are_looked_for_are_all_shown():
    began = datetime(2026, 3, 1, tzinfo=UTC)
    readings = [
        MeterReading(id=number, taken_at=began + timedelta(minutes=number)) for number in range(900)
    ]
    wanted = readings[400].taken_at, readings[420].taken_at
    session = ChargingSession(started_at=began, meter_start_wh=None, ended_at=None)
    chart = session_chart.of(session, readings, [], str, "UTC", wanted)
    assert [one.id for one in chart.rows if chart.behind(one)] == list(range(400, 421))
    assert len(chart.rows) < 200 and chart.power["marked"] == [at.timestamp() for at in wanted]


@pytest.mark.parametrize("span", ["", "soon", "2026-03-01/", "2026-03-02/2026-03-01", "/" * 50])
def test_a_stretch_that_is_none_marks_nothing(viewer, made, span):
    text = page(viewer, f"/sessions/{made.sessions['finished'].id}?marked={span}")
    assert marked(text) == ([], False)
