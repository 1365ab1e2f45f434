"""Files of long lists, CSV and XLSX: written in pieces, and never more held than a piece."""

import csv
import gc
import io
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from app import uow
from app.domain.ground import clock
from app.domain.ground.vocabulary import Role
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Site, User
from app.queries.charging import session_rows
from app.queries.charging.sessions import Filter
from app.queries.ground import paging
from app.uow import unit_of_work
from app.web import listing, spreadsheet
from tests.support import fleet, seed

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def made(any_app):
    with unit_of_work() as db:
        found = seed.fill(db, NOW, history=12)
        found.ids = {name: row.id for name, row in found.sessions.items()}
        found.ids["driver"] = found.sessions["finished"].driver_id
    return found


@pytest.fixture
def viewer(any_app, made):
    return seed.signed_in(any_app, made.people[Role.VIEWER])


def read_csv(answer):
    return list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))


def read_workbook(data):
    """The cells of each sheet, as texts."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    names = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
    sheets = (ElementTree.fromstring(archive.read(name)) for name in names)
    return [[["".join(c.itertext()) for c in row] for row in s.iter(f"{MAIN}row")] for s in sheets]


@pytest.mark.parametrize(
    "address", ["/sessions", "/bills", "/messages", "/tags", "/drivers", "/stations"]
)
def test_both_kinds_of_file_hold_the_same_rows_piece_by_piece(viewer, monkeypatch, address):
    whole = read_csv(viewer.get(f"{address}?format=csv"))
    monkeypatch.setattr(paging, "PIECE", 3)
    monkeypatch.setattr(listing, "PIECE", 3)
    assert read_csv(viewer.get(f"{address}?format=csv")) == whole
    assert len(whole) > 3
    answer = viewer.get(f"{address}?format=xlsx")
    assert answer.mimetype == spreadsheet.XLSX
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')
    (sheet,) = read_workbook(answer.data)
    assert sheet[0] == whole[0]
    assert [row[0] for row in sheet[1:] if "at" not in sheet[0][0]] == [
        row[0] for row in whole[1:] if "at" not in whole[0][0]
    ]
    assert len(sheet) == len(whole)


def fetched(client, address):
    """A file as a server's thread hands it out: the request ends before the file does."""
    with ThreadPoolExecutor(1) as server:
        return server.submit(lambda: read_csv(client.get(address))).result()


@pytest.mark.parametrize(
    "address",
    ["/sessions", "/bills", "/messages", "/tags", "/drivers", "/stations", "/sites", "/tariffs"],
)
def test_a_file_that_outlives_its_request_tells_what_its_reader_may_see(
    any_app, made, monkeypatch, address
):
    person = made.people[Role.VIEWER]
    with unit_of_work() as db:
        db.get_one(User, person.id).sites = [db.get_one(Site, made.sites["Depot Nord"].id)]
    client = seed.signed_in(any_app, person)
    whole = fetched(client, f"{address}?format=csv&when=all")
    monkeypatch.setattr(paging, "PIECE", 2)
    monkeypatch.setattr(listing, "PIECE", 2)
    monkeypatch.setattr(spreadsheet, "_PART", 10)
    monkeypatch.setattr(listing, "_HELD", 10)
    assert fetched(client, f"{address}?format=csv&when=all") == whole
    assert len(whole) > 1


def test_sessions_of_the_same_instant_are_neither_lost_nor_told_twice(made, monkeypatch):
    with unit_of_work() as db:
        unbilled = ChargingSession.id.not_in(select(Bill.session_id))
        db.execute(update(ChargingSession).where(unbilled).values(started_at=NOW))
        same = db.scalars(select(ChargingSession.id).where(unbilled)).all()
    monkeypatch.setattr(paging, "PIECE", 2)
    found = [row.session for row in session_rows.rows(flask_db.session(), Filter())]
    assert len(set(found)) == len(found) > 10
    assert [one for one in found if one in same] == sorted(same, reverse=True)
    assert len(same) > 3


def test_a_piece_takes_one_statement_and_keeps_no_connection(made, monkeypatch):
    monkeypatch.setattr(paging, "PIECE", 4)
    db = flask_db.session()
    db.rollback()
    rows = session_rows.rows(db, Filter())
    with fleet.statements(db) as asked:
        for _ in range(4):
            next(rows)
        assert sum("SELECT" in one for one in asked) == 1
        assert flask_db.engine.pool.checkedout() == 0, "whoever takes the file may be slow"
        next(rows)
        assert sum("SELECT" in one for one in asked) == 2


def test_whoever_writes_a_file_lets_others_run_after_every_few_rows(any_app, made, monkeypatch):
    ways = []
    monkeypatch.setattr(clock, "LOOKS", 1)
    monkeypatch.setattr(clock, "TURN_S", -1.0)
    monkeypatch.setattr(clock, "let_others_run", lambda: ways.append(1))
    admin = seed.signed_in(any_app, made.people[Role.ADMIN])
    for address in (
        "/sessions?format=csv&when=all",
        "/bills?format=xlsx&when=all",
        f"/drivers/{made.ids['driver']}/rights/file",
        f"/sessions/{made.ids['finished']}/support-bundle",
    ):
        ways.clear()
        assert admin.get(address).status_code == 200
        assert len(ways) >= 5, address


def test_a_long_read_lets_others_run_when_its_time_is_up_not_at_each_step(app, monkeypatch):
    ways = []
    monkeypatch.setattr(uow, "let_others_run", lambda: ways.append(1))
    long = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                "SELECT count(*) FROM n")  # fmt: skip
    told = []
    for pause_s in (3600.0, 0.0):
        monkeypatch.setattr(uow, "SQLITE_PAUSE_S", pause_s)
        patience = uow.patience_s.set(60.0)
        db = flask_db.session()
        db.rollback()
        ways.clear()
        db.scalar(long)
        told.append(len(ways))
        uow.patience_s.reset(patience)
    assert told[0] == 0
    assert told[1] > 10


def test_a_session_tells_its_duration_idle_time_tax_and_its_sites_clock(viewer, made):
    head, *rows = read_csv(viewer.get("/sessions?format=csv"))
    told = [dict(zip(head, row, strict=True)) for row in rows]
    (row,) = [one for one in told if one["session"] == str(made.ids["finished"])]
    begun, ended = (datetime.fromisoformat(row[name]) for name in ("site_started", "site_ended"))
    assert begun.utcoffset() == begun.astimezone(BERLIN).utcoffset()
    assert int(row["duration_s"]) == (ended - begun).total_seconds()
    assert int(row["net_minor"]) + int(row["tax_minor"]) == int(row["total_minor"])
    assert 0 < int(row["idle_s"]) < int(row["duration_s"])
    (running,) = [one for one in told if one["session"] == str(made.ids["running"])]
    assert running["ended"] == running["site_ended"] == running["duration_s"] == ""


def test_a_workbook_keeps_numbers_times_and_texts_apart():
    at = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)
    row = ["=1+1", Decimal("8.400"), 3, at, None, True, "a<b & \x00c", " blank "]
    (sheet,) = read_workbook(b"".join(spreadsheet.workbook(list("abcdefgh"), [row], BERLIN)))
    assert sheet == [
        list("abcdefgh"),
        ["'=1+1", "8.400", "3", "46204.5208333333", "", "yes", "a<b & c", " blank "],
    ]


def test_a_full_sheet_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(spreadsheet, "_MOST_ROWS", 2)
    sheets = read_workbook(b"".join(spreadsheet.workbook(["n"], ([n] for n in range(5)))))
    assert sheets == [
        [["n"], ["0"], ["1"]],
        [["n"], ["2"], ["3"]],
        [["n"], ["4"]],
    ]


def test_an_empty_list_is_a_file_of_its_header():
    assert read_workbook(b"".join(spreadsheet.workbook(["n"], []))) == [[["n"]]]
    assert "".join(spreadsheet.lines(["n"], [])) == "n\r\n"


@pytest.mark.landing
@pytest.mark.parametrize("write", [spreadsheet.lines, spreadsheet.workbook])
def test_the_memory_that_a_file_takes_does_not_grow_with_its_rows(write):
    def peak(count):
        rows = ([number, "Depot Nord", NOW, Decimal(number)] for number in range(count))
        gc.collect()
        tracemalloc.start()
        size = sum(len(part) for part in write(list("abcd"), rows, BERLIN))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, most

    small, few = peak(3_000)
    # What other threads take in the meantime counts, too, but not each time.
    tried = (peak(9_000) for _ in range(3))
    assert any(large > 2 * small and many < few + 100_000 for large, many in tried)


def test_what_fails_before_the_file_begins_is_an_ordinary_error(viewer, monkeypatch):
    def fails(*_):
        raise RuntimeError("no such thing")
        yield

    monkeypatch.setattr(session_rows, "in_pieces", fails)
    viewer.application.config["PROPAGATE_EXCEPTIONS"] = False
    viewer.application.testing = False
    answer = viewer.get("/sessions?format=csv")
    assert answer.status_code == 500
    assert "attachment" not in answer.headers.get("Content-Disposition", "")
