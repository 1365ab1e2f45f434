"""The receipt as a PDF: the words of the mail on A4, readable by people and by programs."""

import io
import subprocess
import sys
from decimal import Decimal

import pytest
from pypdf import PdfReader

from app.domain.ground.vocabulary import Activity, Actor
from app.domain.money import billing
from app.domain.network import tenants
from app.models import Tenant
from app.text import glyphs, letters, receipt_pdf
from tests.support import lone
from tests.support.charging import STARTED, network


@pytest.fixture
def net(db):
    return network(db, name="Jürgen Łukasz Ωmega", language="de")


@pytest.fixture
def bill(db, net):
    tenants.edit(
        db, Actor("Grace"), db.get_one(Tenant, net.site.tenant_id), now=STARTED,
        seller_name="Hafen & Strom GmbH", seller_address="Am Kai 7, Hamburg",
        seller_tax_number="DE123", seller_contact="billing@hafen.example",
    )  # fmt: skip
    session = net.session()
    for minute, wh in ((0, 0), (30, 6_000), (50, 10_000)):
        net.reading(session, minute, wh)
    net.status(session, 40, Activity.SUSPENDED_EV)
    return lone.issue(db, session.id, now=STARTED)


def read(data):
    return PdfReader(io.BytesIO(data))


def text_of(data):
    return " ".join(" ".join(page.extract_text() for page in read(data).pages).split())


@pytest.mark.parametrize("language", ["en", "de"])
def test_it_says_what_the_mail_says(bill, language):
    """Every word of the mail but its greeting and its end, wherever lines break."""
    said = text_of(receipt_pdf.receipt(bill, language)).replace(" ", "")
    letter = letters.receipt(bill, language).text
    missing = [
        word
        for line in letter.splitlines()[3:-4]
        for word in line.split()
        if word.strip("-: ") and word.rstrip(":,") not in said
    ]
    assert not missing


def test_it_names_buyer_seller_sums_and_taxes(bill):
    said = text_of(receipt_pdf.receipt(bill, "de"))
    for words in (
        *("Jürgen Łukasz Ωmega", "Hafen & Strom GmbH", "Steuernummer: DE123", "Beleg 2026-000001"),
        *("Ausgestellt am 2. März 2026", "19 % Umsatzsteuer auf 5,50 €", "1,05 €", "6,55 €"),
        "Seite 1 von 1",
    ):
        assert words in said, words


def test_its_sums_stand_at_the_right_edge(bill):
    ends = {}

    def at(text, matrix, moved, font, size):
        if text.strip().endswith("€") and size == 9.5:
            ends[text.strip()] = matrix[4] + moved[4]

    read(receipt_pdf.receipt(bill, "de")).pages[0].extract_text(visitor_text=at)
    assert len(ends) >= 3
    assert min(ends.values()) > 450  # of 595 points; the margin is at 538


def test_it_is_one_page_of_a4_that_says_what_it_is(bill):
    document = read(receipt_pdf.receipt(bill, "de"))
    assert len(document.pages) == 1
    assert [round(float(side)) for side in document.pages[0].mediabox[2:]] == [595, 842]
    assert document.metadata.title == "Beleg 2026-000001"
    assert document.metadata.author == "Hafen & Strom GmbH"
    assert document.metadata.creation_date == STARTED
    assert document.trailer["/Root"]["/Lang"] == "de"


def test_the_same_bill_gives_the_same_bytes_for_ever(bill):
    assert receipt_pdf.receipt(bill, "en") == receipt_pdf.receipt(bill, "en")
    assert receipt_pdf.receipt(bill, "en") != receipt_pdf.receipt(bill, "de")


def test_texts_from_outside_are_cut_and_drawn_as_they_are(db, net, caplog):
    """Markup, placeholders of the library, line breaks, what steers the writing."""
    net.site.name = "<b>**Depot**</b> {nb} \r\n\x00\u202e 充電站"
    net.driver.name = "x" * 5_000
    bill = lone.issue(db, net.session().id, now=STARTED)
    said = text_of(receipt_pdf.receipt(bill, "en"))
    assert "<b>**Depot**</b> {nb} 充電站" in said
    assert not caplog.records


NAMES = {
    "深圳 東京 たろう 서울": "深圳 東京 たろう 서울",
    "สถานีชาร์จ": "สถานีชาร์จ",
    "Ἀθῆναι Հայաստան": "Ἀθῆναι Հայաստան",
    "\U0001d400\U0001d401C": "ABC",
    "\U0001f697 Depot": "(automobile) Depot",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0967": "namaste 1",
    "\ue123": "",
    "\U00012000": "(cuneiform sign a)",
}


@pytest.mark.parametrize(("given", "told"), NAMES.items())
def test_a_name_is_drawn_in_whatever_script_or_named(given, told):
    assert glyphs.drawable(glyphs.one_line(given)) == told


def test_arabic_is_joined_and_stands_from_right_to_left_as_hebrew_does():
    drawn = glyphs.drawable("محمد (CP-1) لا")
    assert drawn == "\ufee3\ufea4\ufee4\ufeaa (CP-1) \ufefb"
    assert glyphs.in_order(drawn) == "\ufefb (CP-1) \ufeaa\ufee4\ufea4\ufee3"
    assert glyphs.in_order("שלום 12") == "12 םולש"
    assert glyphs.drawable("بّـ") == "\ufe91\u0651\u0640"


@pytest.mark.parametrize("name", ["محمد بن عبد الله", "王小明", "สมชาย", "שלום", "\U0001f697"])
def test_a_receipt_has_no_boxes_and_says_its_names_in_letters(db, net, name):
    net.site.name = net.driver.name = name
    bill = lone.issue(db, net.session().id, now=STARTED)
    data = receipt_pdf.receipt(bill, "en")
    assert data == receipt_pdf.receipt(bill, "en") and len(data) < 60_000
    said = text_of(data)
    assert all(said.count(word) >= 2 for word in glyphs.drawable(name).split())


def test_a_long_bill_goes_on_with_its_number_on_every_page(db, bill):
    with db.no_autoflush:  # a bill in the database is never changed
        bill.facts = {**bill.facts, "explanation": bill.facts["explanation"] * 90}
        pages = read(receipt_pdf.receipt(bill, "en")).pages
        db.expire(bill)
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        assert f"Receipt 2026-000001 · page {number} of {len(pages)}" in page.extract_text()


def test_a_credit_and_a_correction_say_what_they_change(db, bill):
    made = billing.correct(
        db, Actor("Grace"), bill.session, reason="Zähler getauscht", now=STARTED,
        energy_wh=Decimal(5_000),
    )  # fmt: skip
    said = text_of(receipt_pdf.receipt(made, "de"))
    assert "2026-000001 (Gutschrift 2026-000002)" in said
    assert "Zähler getauscht" in said
    assert receipt_pdf.file_name(made) == "corrected-2026-000003.pdf"
    assert "-6,55 €" in text_of(receipt_pdf.receipt(made.corrects, "de"))
    assert receipt_pdf.file_name(made.corrects) == "credit-note-2026-000002.pdf"


DRAWN_UNDER_GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent
from app.process.clock import utc_now
from app.text.paper import Sheet
beats = []
def beat():
    while True:
        gevent.sleep(0.005)
        beats.append(1)
gevent.spawn(beat)
sheet = Sheet("Quittung", pages="%(page)s of %(pages)s", made_at=utc_now())
sheet.say("充電 東京")
print(len(beats))
"""


def test_other_requests_go_on_while_a_font_of_many_letters_is_read():
    told = subprocess.run(
        [sys.executable, "-c", DRAWN_UNDER_GEVENT], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) >= 3
