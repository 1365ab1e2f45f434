"""Bills searched for: by numbers and addresses that are looked up, not looked for within all."""

from datetime import UTC, datetime

import pytest

from app.extensions import db as flask_db
from app.models import BillCounter, Driver, Tenant
from app.queries.ground.paging import Wish
from app.queries.money import bills
from tests.support.by_hand import Network

IS, WAS = "ada.is@new.example", "ada.was@old.example"


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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("new.example", [IS, WAS]),
        ("Ada.Is@new.example", [IS, WAS]),
        ("ada.was@old.example", [WAS]),
        (" ada.was@old.example ", [WAS]),
        ("old.example", []),
    ],
)
def test_an_address_is_a_part_of_a_drivers_or_the_whole_of_a_receipts(any_app, text, found):
    network = Network(flask_db.session(), datetime.now(UTC))
    place = network.station("CP-1")
    ada = network.add(
        Driver(tenant_id=network.tenant.id, name="Ada", email=IS, email_key=IS, language="en",
               created_at=network.now)
    )  # fmt: skip
    for address in (IS, WAS):
        network.bill(network.session(place, driver_id=ada.id), 100, recipient=address)
    network.bill(network.session(place), 100)
    page = bills.page(network.db, bills.Filter(q=text), Wish())
    assert sorted(bill.receipt.recipient for bill in page) == found
