"""The receipt of a payment at a station, opened with the secret that the station shows."""

import io
import shutil
from datetime import timedelta
from decimal import Decimal

import pytest
from pypdf import PdfReader

from app.models import Settlement
from tests.support import apps, lone
from tests.support.charging import STARTED, network


@pytest.fixture
def app(migrated, tmp_path):
    """An application whose receipts of long ago can still be opened."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path, receipt_page_days=3650) as app:
        yield app


@pytest.fixture
def paid(db):
    """A session that was paid for at its station, and how to open its receipt."""
    net = network(db)
    session = net.session()
    for minute, wh in ((0, 0), (30, 5_000), (60, 10_000)):
        net.reading(session, minute, wh)
    row = Settlement(
        station_id=net.station.id,
        psp_reference="psp-1",
        session_id=session.id,
        state="settled",
        amount=Decimal("5.36"),
        settled_at=STARTED,
        received_at=STARTED,
        receipt_key="secret-of-the-receipt",
    )
    db.add(row)
    db.commit()
    return session


def opened(app, key="secret-of-the-receipt", language="de"):
    return app.test_client().get(f"/r/{key}", headers={"Accept-Language": language})


def test_a_receipt_that_is_not_made_yet_says_so_and_looks_again(app, paid):
    answer = opened(app)
    assert "Ihr Beleg wird gerade erstellt." in answer.text
    assert answer.headers["Refresh"] == "60"


@pytest.mark.parametrize(
    ("language", "word"),
    [("de-CH,en;q=0.5", "Warum dieser Preis"), ("fr", "Why this price")],
)
def test_the_receipt_is_that_of_the_bill_in_the_readers_language(
    app, db, paid, now, language, word
):
    lone.settle(db, paid.id, now=now + timedelta(hours=2))
    db.commit()
    answer = opened(app, language=language)
    assert word in answer.text
    assert answer.headers["Cache-Control"] == "private, max-age=60"


def test_it_is_a_pdf_too(app, db, paid, now):
    assert opened(app, "secret-of-the-receipt/receipt.pdf").status_code == 404
    lone.settle(db, paid.id, now=now + timedelta(hours=2))
    db.commit()
    answer = opened(app, "secret-of-the-receipt/receipt.pdf")
    assert "Beleg" in PdfReader(io.BytesIO(answer.data)).pages[0].extract_text()
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="receipt-2026-000001.pdf"'
    )
    assert answer.headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("key", ["another", "another/receipt.pdf"])
def test_a_wrong_secret_opens_nothing(app, paid, key):
    assert opened(app, key=key).status_code == 404
