"""A bill's number is looked up whole, as people type it, not looked for within all of them."""

import pytest

from app.models import BillCounter, Tenant
from app.queries.money import bills


@pytest.fixture
def billed(db, now):
    """Bills were issued in two years; year 0 counts the places in the chain."""
    db.add(Tenant(id=1, name="T", created_at=now))
    db.flush()
    db.add_all(BillCounter(tenant_id=1, year=year, last=17) for year in (0, 2025, 2026))
    db.flush()
    return db


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" 2026-000017 ", {"2026-000017"}),
        ("2026-17", {"2026-17", "2026-000017"}),
        ("2024-1234567", {"2024-1234567"}),
        ("17", {"17", "2025-000017", "2026-000017"}),
        ("0017", {"0017", "2025-000017", "2026-000017"}),
        ("26-17", {"26-17"}),
        ("x-17", {"x-17"}),
        ("17-", {"17-"}),
        ("2026-²", {"2026-²"}),
        ("9" * 40, {"9" * 40}),
        ("Ada", {"Ada"}),
        ("", {""}),
    ],
)
def test_a_text_stands_for_these_numbers(billed, text, found):
    assert set(bills.numbered(billed, text)) == found
