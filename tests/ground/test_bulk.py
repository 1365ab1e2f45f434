"""Rows in bulk: the same whatever their number, and failures that are told as any others are."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.domain.ground.bulk import BulkInsert, BulkUpdate, among, gathered
from app.domain.ground.bulk_rows import BulkRead, connected
from app.domain.ground.bulk_values import as_array
from app.domain.office import messages
from app.extensions import db as flask_db
from app.models import Message, Station
from app.uow import unit_of_work
from tests.support.charging import STARTED, network

#: An INSERT and a COPY on PostgreSQL.
COUNTS = [1, 30]
#: With and without parts of a second, near to the ends of time, and of other zones.
INSTANTS = [
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 23, 59, 59, 120, UTC),
    datetime(987, 6, 5, 4, 3, 2, 100_000, UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Kathmandu")),
    datetime(2026, 1, 1, 0, 0, 0, 5, timezone(timedelta(hours=-9, minutes=-30))),
]
UPDATE = BulkUpdate(Message.__table__, ("response", "session_id", "at"))
NEEDED = ("station_id", "outbound", "message_id", "action", "request", "at")
WAITS = BulkInsert(Message.__table__, NEEDED, may_wait=True)
ODD = "a\tb\nc\rd \\N \\ “é” %s %% {} \u2028"


#: Each of them another sign to PostgreSQL, to JSON, or to both.
TEXTS = [
    *("plain", 'a "quoted" word', "C:\\temp\\", '{"of":"JSON\\n"}', "two\nlines", '"', "\\"),
    *("null", "NULL", "{},", "", None, "\\n", '\\"', "\x7f é \u2028"),
]


def rows(station_id, count):
    shared = {
        "connection_id": None,
        "session_id": None,
        "outbound": False,
        "action": ODD,
        "response": None,
        "outcome": "answered",
        "error_code": "",
        "error_description": None,
        "request": ODD,
        "station_id": station_id,
        "latency_ms": 0.1,
    }
    return [
        messages.Row(**shared, message_id=f"m{number}", at=STARTED + timedelta(microseconds=number))
        for number in range(count)
    ]


@pytest.fixture
def station_id(any_app):
    with unit_of_work() as db:
        return network(db).station.id


@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_read_back_as_they_were_given(station_id, count):
    with unit_of_work() as db:
        messages.store(db, rows(station_id, count))
    found = flask_db.session.scalars(select(Message).order_by(Message.id)).all()
    told = [messages.Row(*(getattr(row, name) for name in messages.Row._fields)) for row in found]
    assert told == rows(station_id, count)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("at", INSTANTS, ids=str)
def test_an_instant_is_stored_as_sqlalchemy_stores_it(station_id, count, at):
    with unit_of_work() as db:
        messages.store(db, [row._replace(at=at) for row in rows(station_id, count)])
        theirs = {"station_id": station_id, "outbound": False, "message_id": "x", "action": "x"}
        db.add(Message(**theirs, request="x", outcome="answered", error_code="", at=at))
    stored = flask_db.session.scalars(text("SELECT DISTINCT at FROM messages")).all()
    assert len(stored) == 1
    read = BulkRead(select(Message.at))(flask_db.session())
    assert {(each, each.tzinfo) for (each,) in read} == {(at, UTC)}


@pytest.mark.parametrize("count", COUNTS)
def test_an_instant_without_a_zone_is_refused(station_id, count):
    naive = STARTED.replace(tzinfo=None)
    with pytest.raises(ValueError, match="naive"), unit_of_work() as db:
        messages.store(db, [row._replace(at=naive) for row in rows(station_id, count)])


def test_rows_of_the_log_are_kept_without_the_character_nul(station_id):
    [row] = rows(station_id, 1)
    odd = {"message_id": "a\0b", "action": "c\0", "error_description": "\0d"}
    with unit_of_work() as db:
        messages.store(db, [row._replace(**odd)])
    kept = flask_db.session.scalars(select(Message)).one()
    assert (kept.message_id, kept.action, kept.error_description) == ("ab", "c", "d")


@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_updated_by_their_id_also_with_nothing(station_id, count):
    with unit_of_work() as db:
        messages.store(db, rows(station_id, count))
        ids = db.scalars(select(Message.id).order_by(Message.id)).all()
        UPDATE(db, [(number, ODD, None, STARTED) for number in ids])
        UPDATE(db, [(ids[0], None, 7, STARTED)])
    first, *others = flask_db.session.scalars(select(Message).order_by(Message.id)).all()
    assert (first.response, first.session_id, first.at) == (None, 7, STARTED)
    assert {(row.response, row.session_id, row.at) for row in others} <= {(ODD, None, STARTED)}


def test_texts_are_written_as_they_are_whatever_signs_they_hold(station_id):
    with unit_of_work() as db:
        messages.store(db, rows(station_id, len(TEXTS)))
    for texts in (TEXTS, *([one] for one in TEXTS)):
        with unit_of_work() as db:
            numbers = db.scalars(select(Message.id).order_by(Message.id).limit(len(texts))).all()
            UPDATE(db, [(n, text, None, STARTED) for n, text in zip(numbers, texts, strict=True)])
            found = select(Message.response).where(Message.id.in_(numbers)).order_by(Message.id)
            assert db.scalars(found).all() == texts


def test_what_is_no_number_is_no_null_in_an_array():
    assert as_array([1.5, None]) == "{1.5,null}"
    assert as_array([1.5, float("nan")]) == "{1.5,nan}"


def test_a_transaction_has_one_connection_and_the_next_one_its_own(station_id):
    with unit_of_work() as db:
        first = connected(db)
        with db.begin_nested():
            assert connected(db) is first is db.connection()
    with unit_of_work() as db:
        assert connected(db) is db.connection() is not first


@pytest.mark.parametrize("count", COUNTS)
def test_rows_that_are_refused_leave_the_next_ones_alone(station_id, count):
    with pytest.raises(IntegrityError), unit_of_work() as db:
        messages.store(db, rows(station_id + 1, count))
        db.flush()
    with unit_of_work() as db:
        messages.store(db, rows(station_id, count))
    assert len(flask_db.session.scalars(select(Message)).all()) == count


@pytest.mark.parametrize("count", COUNTS)
def test_a_connection_that_is_lost_while_rows_go_out_is_an_operational_error(
    station_id, count, database
):
    if database == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    with pytest.raises(OperationalError), unit_of_work() as db:
        pid = db.scalar(text("SELECT pg_backend_pid()"))
        with flask_db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        messages.store(db, rows(station_id, count))
    with unit_of_work() as db:
        messages.store(db, rows(station_id, count))
    assert len(flask_db.session.scalars(select(Message)).all()) == count


def test_what_may_wait_is_inserted_at_the_end_of_a_set_or_not_at_all(station_id):
    count = select(func.count(Message.id))
    values = [[station_id, False, name, ODD, ODD, STARTED] for name in "ab"]
    with unit_of_work() as db:
        with gathered(db):
            WAITS(db, values[:1])
            WAITS(db, values[1:])
            assert db.scalar(count) == 0
        assert db.scalar(count) == 2
        with pytest.raises(ValueError), gathered(db):
            WAITS(db, values)
            raise ValueError
        WAITS(db, values[:1])
        assert db.scalar(count) == 3


def test_many_are_found_by_one_parameter_of_numbers_or_of_texts(station_id):
    stations = Station.__table__
    by_id = select(stations.c.identity).where(among(stations.c.id, "ids"))
    by_text = select(stations.c.id).where(among(stations.c.identity, "names"))
    db = flask_db.session
    assert db.scalars(by_id, {"ids": [station_id, 10**12]}).all() == ["CP-1"]
    assert db.scalars(by_id, {"ids": []}).all() == []
    assert db.scalars(by_text, {"names": ["CP-1", ODD]}).all() == [station_id]
