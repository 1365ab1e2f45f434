"""Reports: figures worked out by hand, on the sites' clocks, and sums that come to the whole."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM, Activity, Availability, SessionState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import Bill, Connection, Connector, Site, Station, StatusEvent
from app.queries.ground import period
from app.queries.office import report_uptime, reports
from app.queries.office.report_lines import Line, Wanted
from app.text import report_pdf
from app.web import scope
from tests.support import lone
from tests.support.charging import network

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
MARCH = period.month("2026-03")
WEEK = period.of_days("2026-03-02", "2026-03-08", MARCH)


def lately():
    """The first and the last day of a month that ended yesterday: the seeded network is of now."""
    today = datetime.now(UTC).date()
    return f"{today - timedelta(days=31)}", f"{today - timedelta(days=1)}"


@pytest.fixture
def net(any_app):
    return network(flask_db.session())


def run(net, kind, days=MARCH, now=NOW, kept_days=365, **wanted):
    wanted.setdefault("by", reports.KINDS[kind].by[0])
    asked = Wanted(net.site.tenant_id, days, **wanted)
    return reports.run(net.db, kind, asked, now=now, kept_days=kept_days)


def flat(report):
    """Each line with its figures, as a file has them."""
    columns, rows = report.flat()
    return [tuple(read(row) for _, read in columns) for row in rows]


def charged(net, at, wh=10_000, minutes=60, **more):
    """A session with its bill."""
    session = net.session(started_at=at, wh=wh, minutes=minutes, energy_wh=Decimal(wh), **more)
    lone.issue(net.db, session.id, now=NOW)
    return session


def elsewhere(net):
    """A site in Zurich with a station of its own."""
    site = Site(
        tenant_id=net.site.tenant_id, name="City", name_key="city", timezone="America/New_York",
        currency="CHF", created_at=NOW,
    )  # fmt: skip
    net.db.add(site)
    net.db.flush()
    station = Station(
        tenant_id=site.tenant_id, site_id=site.id, identity="CP-2", identity_key="cp-2",
        created_at=NOW,
    )  # fmt: skip
    net.db.add(station)
    net.db.flush()
    return site, station


def test_energy_is_that_of_sessions_that_began_in_the_period(net):
    charged(net, datetime(2026, 3, 2, 9, tzinfo=UTC), 6_000, minutes=30)
    for hour in (18, 20):
        charged(net, datetime(2026, 3, 2, hour, tzinfo=UTC), 2_000)
    charged(net, datetime(2026, 3, 31, 22, 30, tzinfo=UTC))  # 1 April in Berlin
    report = run(net, "energy")
    assert flat(report) == [("Depot", 10, 3, Decimal("3.333"), 9000)]
    assert report.curves[0][1][1] == 10.0
    assert sum(report.curves[0][1]) == 10.0


def test_a_day_is_that_of_each_sites_own_clock(net):
    site, station = elsewhere(net)
    at = datetime(2026, 3, 10, 3, 30, tzinfo=UTC)  # 23:30 of the 9th in New York
    charged(net, at, 1_000)
    charged(net, at, 2_000, site_id=site.id, station_id=station.id, timezone=site.timezone)
    ((_, values),) = run(net, "energy").curves
    assert (values[8], values[9]) == (2.0, 1.0)
    days = period.of_days("2026-03-10", "2026-03-10", MARCH)
    assert flat(run(net, "energy", days)) == [("Depot", 1, 1, 1, 3600)]


def test_a_report_lately_ends_with_the_day_of_the_site_where_it_is_latest(net):
    elsewhere(net)
    late = datetime(2026, 4, 15, 23, 30, tzinfo=UTC)  # at the depot it is the sixteenth
    assert period.today(net.db, late).isoformat() == "2026-04-16"
    assert period.today(net.db, NOW).isoformat() == "2026-04-15"


def test_a_running_session_counts_until_now(net):
    net.session(
        started_at=NOW - timedelta(minutes=10), state=SessionState.CHARGING, ended_at=None,
        energy_wh=Decimal(500),
    )  # fmt: skip
    report = run(net, "energy", period.month("2026-04"))
    assert flat(report) == [("Depot", Decimal("0.5"), 1, Decimal("0.5"), 600)]


@pytest.mark.parametrize(
    ("by", "label"),
    [
        ("site", "Depot"),
        ("station", "CP-1"),
        ("connector", "CP-1 · 1/1"),
        ("tariff", "Kerb"),
        ("driver", "Ada Lovelace"),
    ],
)
def test_a_line_stands_for_what_is_asked_for(net, by, label):
    charged(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    for kind in ("energy", "revenue", "tries"):
        assert [line.label for line in run(net, kind, by=by).lines] == [label]


def test_revenue_of_a_driver_is_that_of_the_bills_that_they_got(net):
    session = charged(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    session.driver_id = None  # It was told anew.
    assert [line.label for line in run(net, "revenue", by="driver").lines] == ["Ada Lovelace"]
    assert [line.label for line in run(net, "energy", by="driver").lines] == ["–"]


def test_revenue_takes_credits_off_and_adds_no_currencies(net):
    first = charged(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    gone = charged(net, datetime(2026, 3, 3, 9, tzinfo=UTC))
    right = charged(net, datetime(2026, 3, 4, 9, tzinfo=UTC))
    billing.refund(net.db, SYSTEM, gone, reason="It was broken.", now=NOW)
    billing.correct(net.db, SYSTEM, right, energy_wh=Decimal(5_000), reason="A digit.", now=NOW)
    own = [billing.standing(net.db, first), billing.standing(net.db, right)]
    bill = own[0]
    net.db.add(
        Bill(
            tenant_id=bill.tenant_id, site_id=bill.site_id, session_id=gone.id, sequence=9,
            number="CHF-1", kind="bill", currency="CHF", energy_wh=Decimal(1000), net_minor=700,
            tax_minor=0, gross_minor=700, issued_at=NOW,
        )
    )  # fmt: skip
    net.db.flush()
    report = run(net, "revenue")
    gross = Decimal(sum(each.gross_minor for each in own)) / 100
    assert [row[:3] for row in flat(report)] == [("Depot", "EUR", gross), ("Depot", "CHF", 7)]
    assert [row[-1] for row in flat(report)] == [2, 1]  # Credits cancel what they are of.
    assert {line.currency: line.sums["gross_minor"] for line in report.whole} == {
        "EUR": gross * 100,
        "CHF": 700,
    }


def test_the_first_try_of_a_visit_is_told_from_the_next(net):
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for minute, wh in ((0, 0), (5, 8_000), (60, 9_000)):  # fails, charges; comes back later
        charged(net, at + timedelta(minutes=minute), wh, minutes=3)
    charged(net, at, 5_000, token="OTHER")
    assert flat(run(net, "tries")) == [("Depot", 3, 2, Decimal("66.667"), 4)]


def test_use_is_counted_by_the_second_on_the_local_clock(net):
    plugged(net)
    net.session(started_at=datetime(2026, 3, 2, 8, 50, tzinfo=UTC), minutes=20)  # Monday 09:50
    report = run(net, "use", WEEK)
    assert report.use[0][9] == Decimal(1000) / 60
    assert report.use[0][10] == Decimal(1000) / 60
    assert report.use[0][11] == 0
    (whole,) = report.whole
    assert whole.sums == {"used_s": 1200, "whole_s": 7 * 86_400}


def test_use_knows_what_ran_before_and_the_hour_that_comes_twice(net):
    plugged(net)
    start = datetime(2026, 10, 24, 20, tzinfo=UTC)
    net.session(started_at=start, minutes=8 * 60)  # until 05:00 on the day the clock goes back
    now = datetime(2026, 11, 1, tzinfo=UTC)
    report = run(net, "use", period.of_days("2026-10-25", "2026-10-25", MARCH), now)
    (whole,) = report.whole
    assert whole.sums == {"used_s": 6 * 3600, "whole_s": 25 * 3600}
    assert [report.use[6][hour] for hour in (0, 2, 4, 5)] == [100, 100, 100, 0]
    assert report.lines[6 * 24 + 2].sums["whole_s"] == 7200


def test_use_knows_since_when_and_until_when_a_plug_was_there(net):
    begin = plugged(net)
    net.station.created_at = begin + timedelta(hours=6)
    net.station.archived_at = begin + timedelta(hours=30)
    net.session(started_at=begin + timedelta(hours=28), minutes=120)
    for hour in (2, 5.5):  # Of its memory: one that was over before, and one that was not.
        net.session(started_at=begin + timedelta(hours=hour), minutes=60)
    (whole,) = run(net, "use", WEEK).whole
    assert whole.sums == {"used_s": 2.5 * 3600, "whole_s": 24 * 3600}


def plugged(net, *spans):
    """A plug whose station was connected in some spans of hours of 2 March in Berlin."""
    begin = datetime(2026, 3, 1, 23, tzinfo=UTC)
    net.station.created_at = begin - timedelta(days=9)
    net.db.add(Connector(station_id=net.station.id, evse=1, availability="available"))
    for since, until in spans:
        net.db.add(
            Connection(
                station_id=net.station.id, node="n", address="::1",
                opened_at=begin + timedelta(hours=since),
                closed_at=None if until is None else begin + timedelta(hours=until),
            )
        )  # fmt: skip
    net.db.flush()
    return begin


def said(net, at, word, evse=1, code=None):
    net.db.add(
        StatusEvent(
            station_id=net.station.id, evse=evse, connector=1, availability=word, error_code=code,
            activity=Activity.NONE, status_word=word.value, at=at, received_at=at,
        )
    )  # fmt: skip
    net.db.flush()


DAY = period.of_days("2026-03-02", "2026-03-02", MARCH)


def test_uptime_is_told_as_nevi_counts_it_and_plainly(net):
    begin = plugged(net, (-5, 12), (18, 30))  # six hours away
    said(net, begin - timedelta(hours=30), Availability.AVAILABLE)
    said(net, begin + timedelta(hours=10), Availability.FAULTED)  # two hours of it connected
    said(net, begin + timedelta(hours=13), Availability.AVAILABLE)
    said(net, begin + timedelta(hours=20), Availability.UNAVAILABLE)  # on purpose, three hours
    said(net, begin + timedelta(hours=23), Availability.AVAILABLE)
    (line,) = run(net, "uptime", DAY, by="connector").lines
    assert line.label == "CP-1 · 1/1"
    assert {name: seconds / 3600 for name, seconds in line.sums.items() if name != "plugs"} == {
        "time_s": 24,
        "connected_s": 18,
        "outage_s": 11,
        "excluded_s": 3,
    }
    columns = {column.name: column.read(line.sums) for column in report_uptime.UPTIME}
    assert (columns["nevi"], columns["plain"]) == (Decimal(1600) / 24, 75)


def test_what_a_station_said_before_and_of_itself_holds_for_its_plug(net):
    begin = plugged(net, (-5, None))
    said(net, begin - timedelta(days=3), Availability.FAULTED, evse=0)
    said(net, begin + timedelta(hours=6), Availability.AVAILABLE, evse=0)
    (line,) = run(net, "uptime", DAY).lines
    assert line.sums["outage_s"] == 6 * 3600


def test_a_station_that_was_archived_since_is_in_the_uptime_of_its_time(net):
    begin = plugged(net, (-5, 6))
    net.station.archived_at = begin + timedelta(hours=8)
    (line,) = run(net, "uptime", DAY).lines
    assert (line.sums["time_s"], line.sums["outage_s"]) == (8 * 3600, 2 * 3600)
    assert not run(net, "uptime", period.of_days("2026-03-05", "2026-03-06", MARCH)).lines


def test_time_of_which_connections_are_forgotten_is_no_outage(net):
    begin = plugged(net, (9, 24))  # What was before nine is kept no longer.
    now = begin + timedelta(days=10, hours=9)
    (line,) = run(net, "uptime", DAY, now=now, kept_days=10).lines
    assert (line.sums["time_s"], line.sums["outage_s"]) == (15 * 3600, 0)
    assert not run(net, "uptime", DAY, now=now, kept_days=7).lines


@given(st.lists(st.tuples(st.integers(-50, 150), st.integers(-50, 150)), max_size=12))
def test_spans_and_what_they_leave_come_to_the_whole(spans):
    whole = (0, 100)
    inside = report_uptime.clipped(whole, spans)
    rest = report_uptime.without([whole], inside)
    assert report_uptime.length(inside) + report_uptime.length(rest) == 100
    covered = {second for a, b in spans for second in range(max(a, 0), min(b, 100))}
    assert report_uptime.length(inside) == len(covered)


def test_a_fault_counts_once_with_its_time(net):
    begin = plugged(net, (0, None))
    said(net, begin + timedelta(hours=1), Availability.FAULTED, code="GroundFailure")
    said(net, begin + timedelta(hours=2), Availability.FAULTED, code="HighTemperature")
    said(net, begin + timedelta(hours=3), Availability.AVAILABLE)
    said(net, begin + timedelta(hours=9), Availability.FAULTED, code="GroundFailure")
    said(net, begin + timedelta(hours=9, minutes=30), Availability.AVAILABLE)
    assert flat(run(net, "faults", DAY)) == [("Depot", 2, 9000)]
    assert flat(run(net, "faults", DAY, by="error")) == [
        ("GroundFailure", 2, 5400),
        ("HighTemperature", 0, 3600),
    ]


def test_a_fault_that_is_told_anew_in_the_period_began_before_it(net):
    begin = plugged(net, (0, None))
    said(net, begin - timedelta(days=5), Availability.FAULTED, code="GroundFailure")
    said(net, begin + timedelta(hours=2), Availability.FAULTED, code="HighTemperature")
    said(net, begin + timedelta(hours=3), Availability.AVAILABLE)
    assert flat(run(net, "faults", DAY)) == [("Depot", 0, 3600)]


def test_the_time_of_a_fault_ends_with_the_period_on_the_sites_clock(net):
    begin = plugged(net, (0, None))
    said(net, begin + timedelta(hours=23), Availability.FAULTED)
    said(net, begin + timedelta(hours=30), Availability.AVAILABLE)
    assert flat(run(net, "faults", DAY)) == [("Depot", 1, 3600)]
    assert flat(run(net, "faults", DAY, now=begin + timedelta(hours=23, minutes=5))) == [
        ("Depot", 1, 300)
    ]
    assert flat(run(net, "faults", DAY, now=begin + timedelta(hours=22))) == [("Depot", 1, 0)]


def test_what_is_left_out_of_the_lines_is_in_the_last_one(net):
    for number in range(5):
        charged(net, datetime(2026, 3, 2 + number, 9, tzinfo=UTC), 1_000 * (number + 1))
    report = run(net, "energy", by="connector", most=2)
    assert report.lines[-1].label == "…" and report.whole == run(net, "energy").whole
    for name, value in report.whole[0].sums.items():
        assert sum(line.sums[name] for line in report.lines) == value


def test_staff_of_one_site_see_the_figures_of_that_site_alone(net):
    site, station = elsewhere(net)
    charged(net, datetime(2026, 3, 10, 12, tzinfo=UTC))
    charged(
        net, datetime(2026, 3, 10, 12, tzinfo=UTC), 2_000, site_id=site.id,
        station_id=station.id, timezone=site.timezone,
    )  # fmt: skip
    for each in (net.station, station):
        net.db.add(Connector(station_id=each.id, evse=1, availability="available"))
        net.db.add(
            StatusEvent(
                station_id=each.id, evse=1, connector=1, availability=Availability.FAULTED,
                activity=Activity.NONE, status_word="Faulted", at=datetime(2026, 3, 9, tzinfo=UTC),
                received_at=NOW,
            )
        )  # fmt: skip
    net.db.commit()
    scope.narrow(net.db, scope.Scope(net.site.tenant_id, frozenset([net.site.id])))
    try:
        for kind in ("energy", "revenue", "tries", "faults"):
            assert {line.label for line in run(net, kind).lines} == {"Depot"}, kind
        assert run(net, "use").whole[0].sums["used_s"] == 3600
        assert {line.label for line in run(net, "uptime", now=NOW).lines} <= {"Depot"}
    finally:
        scope.narrow(net.db, None)


def test_what_cannot_be_reported_is_refused(net):
    with pytest.raises(Invalid, match="by site, station"):
        run(net, "uptime", by="driver")
    with pytest.raises(Invalid, match="a year at most"):
        run(net, "energy", period.of_days("2024-01-01", "2026-03-01", MARCH))
    with pytest.raises(Invalid, match="before the first"):
        period.of_days("2026-03-02", "2026-03-01", MARCH)
    with pytest.raises(Invalid, match="Type a day"):
        period.of_days("soon", "", MARCH)


# The desk, the API, the command line.


@pytest.mark.landing
def test_each_report_has_its_page_and_its_file(viewer):
    first, last = lately()
    for kind, way in ((kind, way) for kind, one in reports.KINDS.items() for way in one.by):
        address = f"/reports?kind={kind}&by={way}&from={first}&to={last}"
        text = viewer.get(address).text
        assert "How it is counted" in text, (kind, way)
        assert ("Nothing in this period" in text) is (kind == "faults"), (kind, way)
        file = viewer.get(f"{address}&format=csv")
        rows = list(csv.DictReader(io.StringIO(file.text.lstrip("\ufeff"))))
        assert bool(rows) is (kind != "faults"), (kind, way)


def test_a_page_says_what_is_wrong_with_its_days(viewer):
    text = viewer.get("/reports?from=2026-11-02&to=2026-11-01").text
    assert "The last day is before the first one." in text


def test_a_report_is_read_on_the_command_line(app, db, made):
    db.commit()
    flask = app.test_cli_runner()
    first, last = lately()
    days = ["--from", first, "--to", last]
    for kind, found in reports.KINDS.items():
        shown = flask.invoke(args=["report", kind, *days, "--by", found.by[-1], "--json"])
        assert shown.exit_code == 0, shown.output
        assert bool(json.loads(shown.stdout)) is (kind != "faults")
    lines = flask.invoke(args=["report", "energy", *days, "--csv", "-"]).stdout.splitlines()
    assert lines[0].lstrip("\ufeff") == "site,energy_kwh,sessions,per_session_kwh,connected_s"


def on_paper(data):
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def test_what_a_report_on_paper_is_by_is_said_in_the_readers_language(net):
    given = run(net, "energy"), "Energy", [("Organisation", "Site"), ("By", "Site")]
    data = report_pdf.written(*given, now=NOW, translate=lambda text: text.replace("Site", "Ort"))
    told = on_paper(data).split()
    assert told[told.index("By") + 1] == "Ort" and "Site" in told


@pytest.mark.parametrize("kind", reports.KINDS)
def test_a_report_is_written_as_pdf_with_its_sums(net, kind):
    charged(net, datetime(2026, 3, 10, 8, tzinfo=UTC))
    report = run(net, kind)
    facts = reports.facts(net.db, report.wanted)
    data = report_pdf.written(report, reports.KINDS[kind].title, facts, now=NOW)
    assert data == report_pdf.written(report, reports.KINDS[kind].title, facts, now=NOW)
    said = on_paper(data)
    said = said.replace("\u00a0", " ")
    assert "1 Mar 2026 \u2013 31 Mar 2026" in said and "How it is counted" in said
    for line in report.whole:
        for column in report.columns:
            assert report_pdf.figure(column, line).replace("\u00a0", " ") in said


def test_a_long_table_says_its_heads_on_every_page(net):
    report = run(net, "faults", by="error")
    line = Line("A name that is much too long for its cell, and goes on and on and on and on", {})
    report.lines = [replace(line, sums={each.name: 7 for each in report.columns})] * 90
    report.columns = [each._replace(unit="count", read=lambda sums: 7) for each in report.columns]
    data = report_pdf.written(report, "Faults", [("Organisation", "Ampdesk")], now=NOW)
    pages = PdfReader(io.BytesIO(data)).pages
    assert len(pages) > 2
    heading = report.columns[0].heading
    assert all(heading in page.extract_text() for page in pages[:2])


def test_the_same_report_is_had_from_the_desk_and_the_command_line(viewer, app, tmp_path):
    answer = viewer.get("/reports?kind=energy&format=pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF")
    path = tmp_path / "use.pdf"
    done = app.test_cli_runner().invoke(args=["report", "use", "--pdf", str(path)])
    assert done.exit_code == 0 and path.read_bytes().startswith(b"%PDF")
