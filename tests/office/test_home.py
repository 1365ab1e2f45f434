"""Home: what needs attention, now, today; and who sees what."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from app.domain.ground.vocabulary import AlertKind, ReceiptState, SessionState, Verdict
from app.models import (
    Alert,
    AlertRule,
    Authorisation,
    HandshakeAttempt,
    OutgoingMail,
    Review,
    Site,
    Station,
    StrayStop,
    Tariff,
    Tenant,
    WorkerNode,
)
from app.queries.office import first_run, home
from app.views.office.home import _delta
from app.web import scope
from tests.support import seed
from tests.support.by_hand import Network


@pytest.fixture
def network(db, now):
    return Network(db, now)


def test_an_empty_network_needs_nothing(network):
    assert network.findings() == []


def test_a_fault_is_shown_while_the_station_is_connected(network):
    station = network.station("CP-1")
    network.plug(station, 2, "faulted", error_code="GroundFailure")
    (finding,) = network.findings()
    assert finding.kind == "faulted"
    assert finding.facts["connector"].error_code == "GroundFailure"
    station.connection_id = None
    station.disconnected_at = network.now - timedelta(hours=1)
    assert network.kinds() == ["offline"]


def test_a_station_is_missed_after_ten_minutes_not_at_once(network):
    network.station("CP-1", online=False, disconnected_at=network.now - timedelta(minutes=9))
    assert network.kinds() == []
    network.station("CP-2", online=False, disconnected_at=network.now - timedelta(minutes=11))
    assert network.kinds() == ["offline"]


def test_a_dead_worker_holds_nobody_online(network, db):
    network.station("CP-1", last_seen_at=network.now - timedelta(hours=1))
    db.get(WorkerNode, "w").beat_at = network.now - timedelta(minutes=5)
    assert network.kinds() == ["offline"]
    assert home.presence(db, now=network.now) == home.Presence(online=0, stations=1)


def test_a_new_station_waits_for_its_first_connection(network):
    network.station("CP-1", online=False, connected_at=None, last_seen_at=None)
    assert network.kinds() == ["never_connected"]


def test_archived_stations_need_nobody(network):
    gone = network.station("CP-1", online=False, disconnected_at=network.now - timedelta(days=1))
    gone.archived_at = network.now
    assert network.findings() == []


def test_held_bills_failed_receipts_and_doubtful_sessions_are_counted(network):
    station = network.station("CP-1")
    for reason in (["register_reset"], ["register_reset", "missing_stop"]):
        held = network.session(station, state=SessionState.ENDED)
        network.add(
            Review(tenant_id=network.tenant.id, site_id=network.site.id, session_id=held.id,
                   reasons=reason, opened_at=network.now)
        )  # fmt: skip
    network.bill(network.session(station, state=SessionState.ENDED), 5, state=ReceiptState.FAILED)
    network.session(station, started_at=network.now - timedelta(hours=25))
    network.add(
        StrayStop(station_id=station.id, transaction_ref="7", ended_at=network.now,
                  received_at=network.now, payload={}, digest="x")
    )  # fmt: skip
    found = {finding.kind: finding.facts for finding in network.findings()}
    assert found["held"] == {"count": 2, "reasons": ["meter reset × 2", "missing stop"]}
    assert found["failed_receipts"]["count"] == 1
    assert found["endless"]["count"] == 1
    assert found["stray_stops"]["count"] == 1


def test_taps_of_one_unknown_card_are_one_row(network):
    station = network.station("CP-1")
    for minutes in (1, 2, 3, 2000):
        network.add(
            Authorisation(
                tenant_id=network.tenant.id, station_id=station.id, token="04:A2",
                occasion="authorize", verdict=Verdict.INVALID, reason="unknown_tag",
                sentence="…", at=network.now - timedelta(minutes=minutes),
            )
        )  # fmt: skip
    (finding,) = network.findings()
    assert finding.facts["count"] == 3
    assert finding.facts["station"] is station


def test_mails_to_staff_that_failed_are_shown_while_there_is_one_tenant(network, db):
    network.add(
        OutgoingMail(recipient="x@example.org", subject="s", state="failed",
                     created_at=network.now)
    )  # fmt: skip
    assert network.kinds() == ["failed_mails"]
    Network(db, network.now, "Theirs")
    assert network.kinds() == []


def knock(network, **given):
    facts = {
        "identity": "GaroCS", "path": "/ocpp/GaroCS", "address": "185.12.8.4", "status": 404,
        "reason": "unknown_identity", "sentence": "…", "first_at": network.now,
        "last_at": network.now, "count": 3, **given,
    }  # fmt: skip
    return network.add(HandshakeAttempt(**facts))


def test_a_knocking_charger_is_shown_until_it_gets_in(network):
    knock(network)
    knock(network)
    (finding,) = network.findings()
    assert finding.kind == "knock"
    assert finding.facts["count"] == 6
    knock(network, accepted=True, last_at=network.now + timedelta(seconds=1))
    assert network.findings() == []


def test_unknown_knocks_are_nobodys_once_there_are_two_tenants(network, db):
    knock(network)
    theirs = Network(db, network.now, "Theirs")
    assert network.findings() == []
    station = theirs.station("CP-9")
    knock(network, tenant_id=theirs.tenant.id, station_id=station.id, reason="wrong_password")
    assert network.findings() == []
    assert "knock" in theirs.kinds()


def test_many_of_a_kind_are_shown_as_a_few_and_a_number(network):
    for number in range(5):
        network.station(f"CP-{number}", online=False, connected_at=None)
    found = network.findings()
    assert [finding.more for finding in found] == [0, 0, 2]


def test_now_adds_up_power_and_plugs(network, db):
    one = network.station("CP-1")
    network.plug(one, 1, "occupied", "charging")
    network.plug(one, 2, "occupied", "suspended_ev")
    network.plug(one, 0, "available")
    lost = network.station("CP-2", online=False)
    network.plug(lost, 1, "occupied", "charging")
    network.session(one, last_power_w=21_800.0)
    network.session(lost, last_power_w=11_000.0)
    now = home.network_now(db, now=network.now, zone="Europe/Berlin")
    assert now.power_w == 21_800.0
    assert now.supply_w == 40_000
    assert now.plugs == {"charging": 1, "idle": 1, "unknown": 1}


def test_today_is_the_viewers_day_against_the_same_hours_a_week_ago(network, db):
    # It is 10:00 in Berlin.
    station = network.station("CP-1")
    ended = {"state": SessionState.ENDED}
    hours = timedelta(hours=1)
    network.bill(network.session(station, energy_wh=Decimal("10000.5"), **ended), 450)
    network.session(station, network.now - 9 * hours, energy_wh=Decimal(2000), **ended)
    network.session(station, network.now - 11 * hours, energy_wh=Decimal(700), **ended)
    week = timedelta(days=7)
    network.session(station, network.now - week - hours, energy_wh=Decimal(4000), **ended)
    network.session(station, network.now - week + hours, energy_wh=Decimal(9000), **ended)
    network.session(station, network.now - hours, energy_wh=Decimal(0), **ended)
    at, zone = network.now + timedelta(seconds=1), "Europe/Berlin"
    today = home.today(db, now=at, zone=zone, before=home.past(db, now=at, zone=zone))
    assert today.energy_wh.today == Decimal("12000.5")
    assert today.energy_wh.then == 4000
    assert today.energy_wh.trend[-2:] == [Decimal(700), Decimal("12000.5")]
    assert today.energy_wh.trend[7] == 13_000
    assert today.sessions.today == 3
    assert today.revenue_minor.today == 450
    assert round(today.worked.today) == 67


def test_all_tiles_are_of_the_sessions_that_began_today(network, db):
    # It is 10:00 in Berlin; the first session began before midnight and was billed after it.
    station = network.station("CP-1")
    ended = {"state": SessionState.ENDED}
    hours = timedelta(hours=1)
    late = network.session(station, network.now - 11 * hours, energy_wh=Decimal(7000), **ended)
    network.bill(late, 700)
    network.bill(
        network.session(station, network.now - hours, energy_wh=Decimal(2000), **ended), 90
    )
    network.session(station, network.now - hours, energy_wh=Decimal(500))
    unused = network.session(station, network.now - hours, state=SessionState.NO_SHOW)
    network.bill(unused, 5)
    at, zone = network.now + timedelta(seconds=1), "Europe/Berlin"
    today = home.today(db, now=at, zone=zone, before=home.past(db, now=at, zone=zone))
    assert (today.energy_wh.today, today.sessions.today) == (2500, 2)
    assert today.revenue_minor.today == 95
    assert today.revenue_minor.trend[-2:] == [Decimal(700), Decimal(95)]


def test_nothing_is_compared_with_a_day_without_sessions(network, app, db):
    station, at, zone = network.station("CP-1"), network.now + timedelta(seconds=1), "UTC"

    def changes():
        today = home.today(db, now=at, zone=zone, before=home.past(db, now=at, zone=zone))
        with app.test_request_context():
            return [_delta(today.sessions, 0), _delta(today.energy_wh), _delta(today.worked, 1)]

    network.session(station, energy_wh=Decimal(2000))
    assert changes() == ["", "", ""]
    then = network.now - timedelta(days=7, minutes=1)
    network.session(station, then, energy_wh=Decimal(1000), state=SessionState.ENDED)
    assert changes() == ["±\N{NO-BREAK SPACE}0", "+100\N{NO-BREAK SPACE}%", ""]


def test_a_day_on_which_every_session_failed_says_so(network, db):
    station, at = network.station("CP-1"), network.now + timedelta(seconds=1)
    network.session(station, energy_wh=Decimal(0), state=SessionState.ENDED)
    today = home.today(db, now=at, zone="UTC", before=home.past(db, now=at, zone="UTC"))
    assert (today.worked.today, today.worked.then) == (0, None)


def test_home_is_one_page_and_its_live_part_alone(app, db, now):
    made = seed.fill(db, now, history=3)
    db.commit()
    client = seed.signed_in(app, made.people["viewer"])
    page = client.get("/").text
    assert "Needs attention" in page
    assert "CP-01" in page
    part = client.get("/", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="board"')
    assert "<html" not in part


def test_nobody_sees_another_tenants_network(app, db, now):
    made = seed.fill(db, now, history=0)
    theirs = Network(db, now, "Theirs")
    station = theirs.station("SECRET-1")
    theirs.plug(station, 1, "faulted", error_code="SecretFault")
    theirs.session(station, last_power_w=99_000.0)
    db.commit()
    page = seed.signed_in(app, made.people["admin"]).get("/").text
    assert "SECRET-1" not in page
    assert "SecretFault" not in page
    assert "Theirs" not in page


def test_someone_limited_to_a_site_sees_that_site_only(app, db, now):
    made = seed.fill(db, now, history=2)
    viewer = made.people["viewer"]
    viewer.sites = [made.sites["City Garage"]]
    db.commit()
    page = seed.signed_in(app, viewer).get("/").text
    assert "CP-06" in page
    assert "CP-01" not in page
    assert "Depot Nord" not in page
    assert "City Garage" in page


def test_a_fresh_installation_says_what_to_do_first(app, db, now):
    made = seed.fill(db, now, history=0)
    theirs = Tenant(name="New", created_at=now)
    db.add(theirs)
    db.flush()
    made.people["admin"].tenant_id = theirs.id
    db.commit()
    page = seed.signed_in(app, made.people["admin"]).get("/").text
    page = page[page.index("first-steps") :]
    steps = ("Say who sells", "Add a site", "Create a tariff", "Add a station", "Add a driver")
    assert [page.index(step) for step in steps] == sorted(page.index(step) for step in steps)
    assert page.count("to do") == 6


def test_the_first_steps_are_put_away_by_each_for_themselves(app, db, now):
    made = seed.fill(db, now, history=0)
    theirs = Tenant(name="New", created_at=now)
    db.add(theirs)
    db.flush()
    for role in ("admin", "viewer"):
        made.people[role].tenant_id = theirs.id
    db.commit()
    admin, viewer = (seed.signed_in(app, made.people[role]) for role in ("admin", "viewer"))
    assert admin.post("/first-run/hide").status_code == 303
    assert "first-steps" not in admin.get("/").text
    assert "first-steps" in viewer.get("/").text
    again = admin.get("/first-run").text
    assert again.count("to do") == 6
    assert "OCPP 1.6, 2.0.1, 2.1" in again and "A phone cannot open http://localhost" in again


def test_steps_that_are_done_are_read_off_the_rows(app, db, now):
    made = seed.fill(db, now, history=2)
    tenant = db.get(Tenant, made.people["admin"].tenant_id)
    assert first_run.open_steps(db, tenant.id) == ("seller",)
    tenant.seller_name, tenant.seller_address = "Hafenstrom GmbH", "Am Kai 7, Hamburg"
    db.commit()
    page = seed.signed_in(app, made.people["admin"]).get("/first-run").text
    assert "All done" in page and "to do" not in page


def test_stations_without_a_price_are_said_before_a_bill_is_held(app, db, now):
    made = seed.fill(db, now, history=2)
    db.commit()
    client = seed.signed_in(app, made.people["admin"])
    assert "no price" not in client.get("/").text
    for row in db.scalars(select(Tariff)):
        row.is_default = False
    for row in (*db.scalars(select(Site)), *db.scalars(select(Station))):
        row.tariff_id = None
    db.commit()
    count = db.scalar(select(func.count(Station.id)).where(Station.archived_at.is_(None)))
    assert f"{count} stations have no price" in client.get("/").text


def test_a_page_that_does_not_exist_says_so_to_everybody(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    for client in (app.test_client(), seed.signed_in(app, made.people["viewer"])):
        answer = client.get("/nowhere")
        assert answer.status_code == 404
        assert "Page not found" in answer.text


def test_a_database_that_cannot_be_used_is_said_even_to_the_signed_in(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    client = seed.signed_in(app, made.people["viewer"])
    db.execute(text("ALTER TABLE users RENAME TO gone"))
    db.commit()
    db.expunge_all()
    answer = client.get("/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "The database is not ready" in answer.text


def test_the_frame_counts_what_waits_within_the_readers_reach(network, db, now):
    theirs = Network(db, now, "Theirs")
    for one, count in ((network, 2), (theirs, 3)):
        rule = AlertRule(name="Offline", name_key="offline", kind=AlertKind.STATION_OFFLINE)
        rule.tenant_id, rule.created_at = one.tenant.id, now
        one.add(rule)
        for number in range(count):
            session = one.session(one.station(f"{one.tenant.name}-{number}"))
            at = {"tenant_id": one.tenant.id, "site_id": one.site.id, "opened_at": now}
            one.add(Review(session_id=session.id, reasons=[], **at))
            about = {"rule_id": rule.id, "kind": rule.kind, "subject": str(number)}
            one.add(Alert(what="", began_at=now, **about, **at))
    db.commit()
    elsewhere = frozenset({network.site.id + theirs.site.id})
    for reach, expected in (
        (None, home.Waiting(5, 5, now)),
        (scope.Scope(theirs.tenant.id), home.Waiting(3, 3, now)),
        (scope.Scope(network.tenant.id), home.Waiting(2, 2, now)),
        (scope.Scope(network.tenant.id, elsewhere), home.Waiting(0, 0, now)),
    ):
        scope.narrow(db, reach)
        assert home.waiting(db) == expected
