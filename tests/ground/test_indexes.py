"""What SQLite believes of its indexes: looked at anew every hour, and right where it matters."""

import pytest
from sqlalchemy import text

from app.extensions import db as flask_db
from app.models import ChargingSession
from app.queries.charging.sessions import Filter
from app.tasks.tidying import tidy_up

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


def test_a_newest_page_is_read_in_the_order_of_the_rows_and_nothing_is_sorted(app, db, long_list):
    assert "TEMP B-TREE" in plan()
    tidy_up()
    flask_db.engine.dispose()
    assert plan() == "SCAN charging_sessions"


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(flag="any"), "ix_charging_sessions_flagged"),
        (Filter(state="provisional"), "ix_charging_sessions_provisional"),
        (Filter(state="unauthorised"), "ix_charging_sessions_unauthorised"),
    ],
)
def test_the_few_among_many_sessions_are_found_by_an_index_of_their_own(db, made, wanted, index):
    query = wanted.select(db).with_only_columns(ChargingSession.id)
    said = str(query.compile(dialect=db.get_bind().dialect))
    rows = db.execute(text(f"EXPLAIN QUERY PLAN {said}")).all()
    assert index in " / ".join(row.detail for row in rows)
