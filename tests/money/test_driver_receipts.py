"""A receipt's own page: the secret of its mail opens it, and it tells what the driver may know."""

import io
import re
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pypdf import PdfReader

from app.domain.ground.vocabulary import Activity, Actor
from app.domain.money import billing, receipts
from app.text import drawn_chart, letters
from app.text.writers import Writer
from tests.support import apps, lone
from tests.support.chance import texts
from tests.support.charging import Network, network

KEYS = ["old key of thirty-two characters…", "new key of thirty-two characters…"]


@pytest.fixture
def app(migrated, tmp_path):
    """An application whose links are made by the second of two keys."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path, receipt_secrets=(KEYS[1], KEYS[0])) as app:
        yield app


@pytest.fixture
def bill(db):
    """The bill of a German driver, issued a moment ago."""
    net = network(db, language="de")
    net.station.identity = net.station.identity_key = "secret-cp-9"
    started = datetime.now(UTC) - timedelta(hours=2)
    session = net.session(started_at=started)
    for minute, wh in ((0, 0), (30, 6_000), (50, 10_000), (60, 10_000)):
        net.reading(session, minute, wh, power_w=12_000.0 if minute < 50 else 0.0)
    net.status(session, 40, Activity.SUSPENDED_EV)
    made = lone.issue(db, session.id, now=datetime.now(UTC))
    db.commit()
    return made


def path_of(bill):
    return letters.link(bill).removeprefix("http://localhost:8000")


def opened(app, path):
    return app.test_client().get(path, headers={"Accept-Language": "en"})


def test_the_link_of_the_mail_opens_the_receipt_in_the_language_of_the_mail(app, bill):
    letter = letters.receipt(bill, "de")
    link = re.search(r"http://localhost:8000(/r/\S+)", letter.text).group(1)
    assert link in letter.html
    answer = opened(app, link)
    page = answer.text
    for words in ('lang="de"', "Beleg 2026-", "Warum dieser Preis", "6,55", "19\xa0% Umsatzsteuer"):
        assert words in page, words
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"].startswith("private")


def test_the_page_speaks_one_language_whatever_the_browser_asks_for(app, db, bill):
    bill.receipt.language = "en"
    db.commit()
    page = app.test_client().get(path_of(bill), headers={"Accept-Language": "de"}).text
    for words in ('lang="en"', "<dt>Place</dt>", "<dt>Charger</dt>", "<dt>Tariff</dt>"):
        assert words in page, words
    assert "<dt>Ort</dt>" not in page


def test_neither_the_mail_nor_the_page_nor_its_pdf_tells_the_identity_or_the_tag(app, bill):
    letter = letters.receipt(bill, "en")
    page = opened(app, path_of(bill)).text
    paper = PdfReader(io.BytesIO(opened(app, f"{path_of(bill)}/receipt.pdf").data))
    for text in (letter.text, letter.html, page, paper.pages[0].extract_text()):
        assert "Hafenstraße" in text
        assert "secret-cp-9" not in text
        assert "04:A2:19:B0" not in text


def test_power_and_energy_are_drawn_without_a_script(app, bill):
    page = opened(app, path_of(bill)).text
    assert '<svg class="drawn"' in page
    assert 'class="drawn-idle"' in page
    assert "12" in page.split('class="drawn"')[1].split("</svg>")[0]


def test_a_correction_shows_what_it_replaces_and_leads_there(app, db, bill):
    made = billing.correct(
        db, Actor("Grace"), bill.session, reason="r", now=datetime.now(UTC),
        energy_wh=Decimal(5_000),
    )  # fmt: skip
    db.commit()
    page = opened(app, path_of(made)).text
    assert "Grace" not in page
    assert page.count('href="/r/') == 3  # the PDF, the bill before and the credit
    assert path_of(bill) in page
    assert "Zu zahlen" in page


def test_wrong_secrets_and_those_whose_time_is_over_get_the_same_answer(app, db, bill):
    for days in (0, 89):
        assert opened_at(app, db, bill, days).status_code == 200
    over = opened_at(app, db, bill, 91)
    wrong = opened(app, "/r/" + "A" * 32)
    assert over.status_code == wrong.status_code == 404
    assert without_nonce(over) == without_nonce(wrong)


def without_nonce(answer):
    return re.sub(r'nonce="[^"]*"', "", answer.text)


def opened_at(app, db, bill, days):
    """Open the page of a bill that is so many days old."""
    began = datetime.now(UTC) - timedelta(days=days)
    old = bill.session
    again = Network(db, old.station.site, old.station, old.driver, old.tariff_version)
    made = lone.issue(db, again.session(started_at=began - timedelta(hours=2)).id, now=began)
    db.commit()
    return opened(app, path_of(made))


def test_who_has_no_account_is_not_sent_to_the_desk(app):
    page = opened(app, "/r/nothing").text
    assert "leads to no receipt" in page and ">Home<" not in page and 'href="/"' not in page


def test_a_key_that_was_replaced_opens_what_it_wrote(bill):
    old, new = (key.encode() for key in KEYS)
    secret = receipts.write_link([old], bill.id)
    assert receipts.read_link([new, old], secret) == bill.id
    assert receipts.read_link([new], secret) is None


@given(st.integers(1, 2**63 - 1), st.integers(0, 31), st.sampled_from("AZaz09-_"))
def test_a_secret_is_the_only_one_of_its_bill(number, place, letter):
    key = [b"key"]
    secret = receipts.write_link(key, number)
    other = secret[:place] + letter + secret[place + 1 :]
    assert receipts.read_link(key, secret) == number
    assert other == secret or receipts.read_link(key, other) is None
    assert receipts.write_link(key, number + 1)[:8] != secret[:8]


@given(texts(max_size=60))
def test_no_text_of_anybodys_opens_a_receipt(text):
    assert receipts.read_link([b"key"], text) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 10**5), st.none() | st.floats(0, 4e5)), min_size=2, max_size=50
    )
)
@example([(1, 0.0), (1, 5e-324)])
def test_whatever_was_measured_is_drawn_within_the_chart(points):
    times = [0]
    for step, _ in points[1:]:
        times.append(times[-1] + step)
    values = [value for _, value in points]
    chart = {
        "times": times,
        "idle": [[-5, times[-1] + 5, ""]],
        "series": [{"kind": "power", "unit": "kW", "label": "", "values": values}],
    }
    drawn = drawn_chart.of(chart, Writer("de", "Europe/Berlin"))
    (curve,) = drawn.curves
    for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", curve.path):
        assert drawn.left <= float(x) <= drawn.right
        assert drawn.top - 0.1 <= float(y) <= drawn.bottom


def test_what_the_meter_signed_is_handed_out_to_the_letter(app, db, bill):
    assert opened(app, f"{path_of(bill)}/signed.txt").status_code == 404
    assert "signed.txt" not in opened(app, path_of(bill)).text
    begin, end = 'OCMF|{"TX": "B", "ü": [1.50]}|{"SD":"3045"}', "1B1B1B1B 01010101"
    net = Network(
        db, bill.session.site, bill.session.station, bill.driver, bill.session.tariff_version
    )
    for minute, text in ((1, begin), (59, end)):
        signed = ["Energy.Active.Import.Register", text, None, None, None, None, True]
        net.reading(bill.session, minute, 0, register_wh=None, samples=[signed])
    db.commit()
    page = opened(app, path_of(bill)).text
    assert f"{path_of(bill)}/signed.txt" in page
    assert "Signierte Messwerte" in page
    answer = opened(app, f"{path_of(bill)}/signed.txt")
    assert answer.text == f"{begin}\n\n{end}\n"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert opened(app, "/r/wrong/signed.txt").status_code == 404
