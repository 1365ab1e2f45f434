"""What databases believe of their indexes and rows, and that it is right where it matters."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from sqlalchemy import event, select, text

from app.domain.charging.running import Gauge, show
from app.domain.ground.vocabulary import SYSTEM, SessionState
from app.domain.limits import supply
from app.domain.network import presence, stations
from app.extensions import db as flask_db
from app.models import Authorisation, ChargingSession
from app.queries.access.drivers import sums, use_by_driver
from app.queries.access.tags import of_token
from app.queries.charging.sessions import Filter
from app.queries.ground import period
from app.queries.office import report_uptime
from app.queries.office.report_lines import Wanted
from app.tasks.tidying import tidy_up
from app.uow import unit_of_work
from tests.support import apps
from tests.support.charging import STARTED, network
from tests.support.wait import eventually

#: A list by the order of its rows: to find all of a tenant by an index first is of no use.
NEWEST = "SELECT * FROM charging_sessions WHERE tenant_id = 1 ORDER BY id DESC LIMIT 50"


@pytest.fixture
def long_list(db, made):
    """Five thousand sessions of one tenant: more than a sample of an index."""
    one = db.execute(text("SELECT * FROM charging_sessions LIMIT 1")).mappings().one()
    more = [
        {**one, "id": 100_000 + number, "start_key": f"k{number}", "transaction_ref": None}
        for number in range(5_000)
    ]
    names = ", ".join(one)
    given = ", ".join(f":{name}" for name in one)
    db.execute(text(f"INSERT INTO charging_sessions ({names}) VALUES ({given})"), more)
    db.commit()


def plan():
    with flask_db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {NEWEST}").all()
    return " / ".join(row.detail for row in rows)


@pytest.mark.landing
def test_a_newest_page_is_read_in_the_order_of_the_rows_and_nothing_is_sorted(app, db, long_list):
    assert "TEMP B-TREE" in plan()
    tidy_up()
    flask_db.engine.dispose()
    assert plan() == "SCAN charging_sessions"


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(flag="any"), "ix_charging_sessions_flagged"),
        (Filter(state="charging"), "ix_charging_sessions_running"),
        (Filter(state="no_show"), "ix_charging_sessions_no_show"),
        (Filter(state="provisional"), "ix_charging_sessions_provisional"),
        (Filter(state="unauthorised"), "ix_charging_sessions_unauthorised"),
    ],
)
def test_the_few_among_many_sessions_are_found_by_an_index_of_their_own(db, made, wanted, index):
    began = ChargingSession.started_at
    query = wanted.select(db).with_only_columns(ChargingSession.id, began).order_by(began)
    said = str(query.compile(dialect=db.get_bind().dialect))
    rows = db.execute(text(f"EXPLAIN QUERY PLAN {said}")).all()
    assert index in " / ".join(row.detail for row in rows)


@pytest.mark.parametrize(
    "model, index",
    [
        (ChargingSession, "ix_charging_sessions_tag_id"),
        (Authorisation, "ix_authorisations_tag_id"),
    ],
)
def test_what_a_tag_was_shown_for_is_found_by_its_tag(db, made, model, index):
    query = select(model.id).where(of_token(model, "04:A2")).order_by(model.id.desc()).limit(50)
    said = query.compile(dialect=db.get_bind().dialect, compile_kwargs={"literal_binds": True})
    rows = db.execute(text(f"EXPLAIN QUERY PLAN {said}")).all()
    found = " / ".join(row.detail for row in rows)
    assert index in found and f"SCAN {model.__tablename__}" not in found


def test_the_newest_session_of_a_driver_is_the_last_of_an_index_that_counts_them(db, made):
    asked = []
    event.listen(flask_db.engine, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
    use_by_driver(db, [made.drivers["Ada"].id], 2)
    said, given = asked[-1]
    rows = db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given).all()
    found = " / ".join(row.detail for row in rows)
    assert found.count("COVERING INDEX ix_charging_sessions_driver_started") == 2
    assert "TEMP B-TREE" not in found


def test_a_drivers_bills_are_summed_up_by_an_index_alone(db, made):
    asked = []
    event.listen(flask_db.engine, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
    sums(db, made.drivers["Ada"])
    said, given = asked[-1]
    rows = db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given).all()
    assert "COVERING INDEX ix_bills_driver_sums" in " / ".join(row.detail for row in rows)


def test_what_a_plug_said_before_a_fault_is_found_without_what_it_said_since(db):
    asked = []
    event.listen(flask_db.engine, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
    report_uptime.faults(db, Wanted(1, period.lately(STARTED.date()), "error"), now=STARTED)
    said, given = next(one for one in asked if "lag(" in one[0])
    rows = db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given).all()
    assert any("status_events_1 USING INDEX" in row.detail and "at<?" in row.detail for row in rows)


def test_the_excesses_of_years_are_not_read_at_each_look(db):
    asked = []
    event.listen(flask_db.engine, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
    supply.watch(db, now=STARTED)
    said, given = next(one for one in asked if "FROM supply_excesses" in one[0])
    rows = db.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given).all()
    assert "ix_supply_excesses_last_at" in " / ".join(row.detail for row in rows)


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("authorisations.at", "count(authorisations.id)"),
        ("charging_sessions.started_at", "HAVING count(charging_sessions.id)"),
    ],
)
def test_home_asks_for_what_happened_lately_as_a_span_with_two_ends(app, admin, at, holds):
    asked = []
    event.listen(flask_db.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    assert admin.get("/").status_code == 200
    statement = next(said for said in asked if holds in said)
    assert f"{at} >= ? AND {at} < ?" in statement


@pytest.mark.landing
@pytest.mark.postgres
def test_postgresql_knows_how_few_sessions_have_a_flag_and_reads_alone(postgres_url, tmp_path):
    with apps.running(tmp_path, database_url=postgres_url), unit_of_work() as db:
        net = network(db)
        for number in range(200):
            net.session(flags=["stop_missing"] if number % 50 == 0 else [])
        db.execute(text("ANALYZE charging_sessions"))
        query = Filter(flag="any").select(db).with_only_columns(ChargingSession.id)
        said = query.compile(db.get_bind(), compile_kwargs={"literal_binds": True})
        plan = db.execute(text(f"EXPLAIN (FORMAT JSON) {said}")).scalar_one()[0]["Plan"]
        assert plan["Plan Rows"] == 4
        assert db.execute(text("SHOW max_parallel_workers_per_gather")).scalar_one() == "0"


@pytest.mark.landing
@pytest.mark.postgres
def test_what_every_reading_changes_of_a_session_and_a_station_touches_no_index(
    postgres_url, tmp_path
):
    with apps.running(tmp_path, database_url=postgres_url), unit_of_work() as db:
        net = network(db)
        running = [net.session(state=SessionState.CHARGING, ended_at=None) for _ in range(60)]
        others = [
            stations.register(db, SYSTEM, net.site.tenant_id, net.site, f"CP-{number}", now=STARTED)
            for number in range(2, 62)
        ]
        minutes, best = count(1), dict.fromkeys(("charging_sessions", "stations"), 0.0)

        def most_change_in_place():
            # A few become longer with their first reading, and move then; and while a transaction
            # is open anywhere in the server, there is no room beside the old rows.
            db.commit()
            minute = next(minutes)
            at = STARTED + timedelta(minutes=minute)
            about = (net.site.tenant_id, net.station.id, at, Decimal(100_000 + minute), 7.0, None)
            show(db, [Gauge(session.id, *about, None) for session in running])
            presence.seen(db, [station.id for station, _ in others], now=at)
            if minute > 2:
                best.update({name: max(share, beside(db, name)) for name, share in best.items()})
            assert min(best.values()) >= 0.9
            return True

        eventually(most_change_in_place)


def beside(db, table):
    """Which part of this transaction's changes of a table left its indexes alone."""
    counts = (f"pg_stat_get_xact_tuples_{each}" for each in ("updated", "hot_updated"))
    asked = ", ".join(f"{count}('{table}'::regclass)" for count in counts)
    updated, alone = db.execute(text(f"SELECT {asked}")).one()
    return alone / updated
