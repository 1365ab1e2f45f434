"""A spreadsheet that opens an export runs nothing: no text becomes a formula."""

import csv
import io

import pytest
from sqlalchemy import String, select, update

from app.domain.access.imports import sheet
from app.models import Base
from app.web import spreadsheet
from tests.security.town import _is_free_text, unguard
from tests.security.walk import body, pages
from tests.support import seed

FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@pytest.mark.parametrize("first", FORMULAS)
def test_a_text_that_begins_like_a_formula_is_defused_and_comes_back(first):
    text = f"{first}cmd|'/c calc'!A1"
    written = next(spreadsheet.lines([text], []))
    (row,) = csv.reader(io.StringIO(written, newline=""))
    assert not row[0].startswith(FORMULAS)
    if first not in "\t\r":  # blanks at the ends are trimmed when a file is read
        assert sheet.plain(row[0]) == text


def test_numbers_stay_numbers():
    assert spreadsheet.cell(-5) == -5


@pytest.mark.landing
def test_no_export_holds_a_formula(app, db, now):
    made = seed.fill(db, now, history=0)
    unguard(db)
    for table in Base.metadata.sorted_tables:
        if table.name in {"bills", "bill_lines", "audit_entries"} or "id" not in table.c:
            continue
        free = [column for column in table.c if _is_free_text(column)]
        for row_id in db.scalars(select(table.c.id)).all():
            values = {column.name: formula(column, row_id) for column in free}
            if values:
                db.execute(update(table).where(table.c.id == row_id).values(values))
    db.commit()
    client = seed.signed_in(app, made.people["admin"])
    nowhere = type("Nowhere", (), {"ids": {}})()
    checked, wrong = 0, []
    for _, url in pages(app, nowhere):
        answer = client.get(f"{url}?format=csv")
        if answer.mimetype != "text/csv":
            continue
        assert "attachment" in answer.headers["Content-Disposition"], url
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for row in csv.reader(io.StringIO(body(answer).lstrip("\ufeff"), newline="")):
            wrong += [(url, cell) for cell in row if is_formula(cell)]
            checked += sum("HYPER" in cell for cell in row)
    assert not wrong
    assert checked > 20


def formula(column, row_id):
    """A formula that fits the column; names stay apart."""
    assert isinstance(column.type, String)
    text = f'=HYPERLINK("{row_id}")'
    return text[: column.type.length or 100]


def is_formula(cell):
    """Whether a spreadsheet would take this for more than a text or a number."""
    if not cell.startswith(FORMULAS):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False
