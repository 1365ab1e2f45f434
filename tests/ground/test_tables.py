"""Cells of a list's table know the columns they stand in; its filter is read off the address."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import g
from markupsafe import Markup

from app.web import listing
from app.web.tables import cells_of

COLUMNS = [("Name", "name"), ("E-mail", "email", "phone-none"), ("Idle", "", "num", "idle")]
ROW = Markup("<tbody><tr><td>Ada</td><td class='x'>a@b.c</td><td>4</td></tr></tbody>")


@pytest.fixture(autouse=True)
def _a_page(app):
    """Words of columns are in the language of whoever reads the page."""
    with app.test_request_context():
        yield


def test_a_card_says_what_each_of_its_cells_is():
    rows = cells_of(ROW, COLUMNS, cards=True)
    assert "<td class='x' data-label=\"E-mail\">" in rows
    assert '<td data-label="Idle">4' in rows


def test_a_box_to_tick_is_in_no_column():
    row = Markup("<tr><td class='check'></td><td>Ada</td><td>a</td><td>4</td></tr>")
    assert '<td data-label="Idle">4' in cells_of(row, COLUMNS, checks=True, cards=True)


def test_a_heads_word_cannot_leave_its_attribute():
    rows = cells_of(ROW, [('"><b>', "name"), ("", ""), ("", "")], cards=True)
    assert "<b>" not in rows


def test_a_column_that_is_put_away_is_not_shown_and_spans_are_narrower():
    foot = Markup('<tr><th colspan="2">All</th><td>4</td></tr>')
    assert cells_of(ROW, COLUMNS, away=["email"]).count(" hidden") == 1
    assert cells_of(foot, COLUMNS, away=["email"]) == (
        '<tr><th colspan="1">All</th><td>4</td></tr>'
    )


def test_the_first_column_stays_and_what_stands_beyond_the_last_too():
    rows = cells_of(Markup("<tr><td>Ada</td><td>a</td><td>4</td><td>more</td></tr>"), COLUMNS,
                    away=["name", "email", "idle"])  # fmt: skip
    assert "<td>Ada" in rows
    assert "<td>more" in rows
    assert rows.count(" hidden") == 2


def test_a_table_with_nothing_to_tell_is_left_as_it_is():
    assert cells_of(ROW, COLUMNS) is ROW


@dataclass(frozen=True)
class Narrowed:
    q: str = ""
    message_id: str = ""
    site_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    archived: bool = False
    ids: frozenset[int] | None = None


def test_a_filter_is_read_off_the_address_member_by_member(app):
    asked = "/?q=+depot+&message_id=a7&site=3&since=2026-03-28&until=2026-03-28&archived=1&ids=1"
    with app.test_request_context(asked):
        g.zone = "Europe/Berlin"
        assert listing.asked(Narrowed) == Narrowed(
            *("depot", "a7", 3),
            since=datetime(2026, 3, 27, 23, tzinfo=UTC),
            until=datetime(2026, 3, 28, 23, tzinfo=UTC),
        )
        assert listing.asked(Narrowed, q="", since=None).since is None


def test_what_cannot_be_read_narrows_nothing(app):
    with app.test_request_context("/?site=x&since=29&until=2026-02-30"):
        assert listing.asked(Narrowed) == Narrowed()
