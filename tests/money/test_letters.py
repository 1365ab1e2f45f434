"""What drivers read: in their language, with the readings, and harmless whatever it is made of."""

from contextlib import suppress
from decimal import Decimal
from email import message_from_bytes, policy

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import current_app
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.charging.energy import EnergyFlag
from app.domain.ground.vocabulary import Activity, Actor
from app.domain.money import billing
from app.domain.money.tariffs import TEMPLATES
from app.domain.network import tenants
from app.mails import mail
from app.models import Tenant
from app.text import letters
from app.text.writers import Writer
from app.uow import unit_of_work
from tests.support import lone
from tests.support.chance import tries
from tests.support.charging import STARTED, network
from tests.support.mail import send_receipt

CATALOGUE = "templates/translations/de/LC_MESSAGES/messages"


@pytest.fixture
def bill(app):
    with unit_of_work() as db:
        net = network(db, language="de")
        session = net.session()
        for minute, wh in ((0, 0), (30, 6_000), (50, 10_000)):
            net.reading(session, minute, wh)
        net.status(session, 40, Activity.SUSPENDED_EV)
        return lone.issue(db, session.id, now=STARTED)


def test_a_german_driver_reads_german_in_numbers_dates_and_words(bill):
    letter = letters.receipt(bill, "de")
    assert letter.subject == "Beleg 2026-000001: 10,000 kWh, 6,55 €"
    for text in (
        "Guten Tag Ada Lovelace,",
        "Ladevorgangs vom 2. März 2026",
        "Beginn: 02.03.2026, 10:00:00 MEZ",
        "Energie: 4,00\xa0€",
        "10,000 kWh × 0,40\xa0€, Steuer 19\xa0%",
        "Zähler 100,000 → 110,000 kWh",
        "Standzeit nach 10 freien Minuten: 1,00\xa0€",
        "19\xa0% Umsatzsteuer auf 5,50\xa0€: 1,05\xa0€",
        "Das Laden endete um 10:40; 10 von 20 Standminuten sind frei.",
        "Tarif „Kerb“, Version 3",
    ):
        assert text in letter.text, text


def test_an_english_driver_reads_english(bill):
    letter = letters.receipt(bill, "en")
    assert letter.subject == "Receipt 2026-000001: 10.000 kWh, €6.55"
    assert "Charging stopped at 10:40; 10 of 20 idle minutes are free." in letter.text
    assert "2 Mar 2026, 10:00:00 CET" in letter.text


def test_an_unknown_language_is_english(bill):
    assert letters.receipt(bill, "xx").language == "en"


def test_both_forms_say_the_same(bill):
    letter = letters.receipt(bill, "en")
    for text in ("€6.55", "€4.00", "110.000 kWh", "Session", "version 3", "19%", "20 min"):
        assert text in letter.text
        assert text in letter.html


def test_a_correction_says_what_it_replaces_and_what_is_paid_back(bill):
    with unit_of_work() as db:
        made = billing.correct(
            db, Actor("Grace"), bill.session, reason="Zähler getauscht", now=STARTED,
            energy_wh=Decimal(5_000),
        )  # fmt: skip
    letter = letters.receipt(made, "de")
    assert letter.subject.startswith("Berichtigter Beleg 2026-000003")
    assert "Ersetzt: 2026-000001 (Gutschrift 2026-000002)" in letter.text
    assert "Wird erstattet: 2,38\xa0€" in letter.text
    assert "Grund: Zähler getauscht" in letter.text
    assert "der Zähler hatte 10,000 kWh gemeldet" in letter.text
    credit = letters.receipt(made.corrects, "en")
    assert credit.subject == "Credit note 2026-000002: -10.000 kWh, -€6.55"


NASTY = "Eve\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script><img src=x onerror=y>"


def test_the_seller_and_the_day_of_issue_stand_on_the_receipt(app):
    with unit_of_work() as db:
        net = network(db)
        tenants.edit(
            db, Actor("Grace"), db.get_one(Tenant, net.site.tenant_id), now=STARTED,
            seller_name="Hafen & Strom <b>", seller_address="Am Kai 7, Hamburg",
            seller_tax_number="DE123", seller_contact="billing@hafen.example",
        )  # fmt: skip
        made = lone.issue(db, net.session().id, now=STARTED)
    german = letters.receipt(made, "de")
    for text in (german.text, letters.receipt(made, "en").text):
        assert "Hafen & Strom <b>" in text
        assert "Am Kai 7, Hamburg" in text
        assert "billing@hafen.example" in text
    assert "Steuernummer: DE123" in german.text
    assert "Ausgestellt am 2. März 2026" in german.text
    assert "Hafen &amp; Strom &lt;b&gt;" in german.html


def test_a_receipt_without_a_seller_says_nothing_of_it(bill):
    letter = letters.receipt(bill, "en")
    assert "Seller" not in letter.text + letter.html


def test_no_register_contradicts_an_energy_that_staff_set(bill):
    with unit_of_work() as db:
        made = billing.correct(
            db, Actor("Grace"), bill.session, reason="r", now=STARTED, energy_wh=Decimal(5_000)
        )
    for language in ("en", "de"):
        letter = letters.receipt(made, language)
        for register in ("100.000", "110.000", "100,000", "110,000"):
            assert register not in letter.text + letter.html
    assert "The energy was set by our staff" in letters.receipt(made, "en").text
    taken_back = letters.receipt(made.corrects, "en")
    assert "Meter: 100.000 → 110.000 kWh" in taken_back.text


def test_a_name_full_of_headers_and_markup_stays_a_name(smtp_app, smtp_server, make_receipt):
    send_receipt(make_receipt(name=NASTY))
    (sent,) = smtp_server.messages
    assert sent["Bcc"] is None
    assert sent["To"].addresses[0].addr_spec == "ada@example.org"
    assert "\r" not in str(sent["To"]) and "\n" not in str(sent["To"])
    html = sent.get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_a_place_full_of_markup_and_a_reason_with_line_breaks_are_harmless(app):
    with unit_of_work() as db:
        net = network(db)
        net.site.name = "<b onclick=x>Depot</b>"
        net.station.name = "\r\nX-Evil: 1"
        bill = lone.issue(db, net.session().id, now=STARTED)
    letter = letters.receipt(bill, "en")
    assert "<b onclick" not in letter.html
    assert "\n" not in letter.subject


def test_headers_are_one_short_line(app):
    made = mail.compose(
        current_app.config["SETTINGS"],
        recipient="ada@example.org",
        name="x" * 5_000 + "\x00\u2028y",
        subject="a\r\nTo: b@example.org\x0b" + "s" * 5_000,
        text="t",
        message_id="m\r\nX: y@z",
        now=STARTED,
    )
    read = message_from_bytes(made.content, policy=policy.default)
    assert len(read["To"].addresses[0].display_name) == mail.NAME_MOST
    assert len(str(read["Subject"])) == mail.SUBJECT_MOST
    head = made.content.split(b"\r\n\r\n")[0]
    assert b"\r\nTo: b@" not in head
    assert b"\r\nX: y" not in head


@settings(max_examples=tries(60), deadline=None)
@given(
    st.text("aB1 _.-+€,\"'()=?@<>", max_size=75),
    st.text("ab1.+-_", min_size=1, max_size=12),
    st.sampled_from(["example.org", "a-b.example", "1.2", "b..c"]),
)
def test_a_plain_header_is_what_the_rules_make_of_it(words, local, domain):
    with suppress(mail.Refused):
        value = mail._address(words, f"{local}@{domain}")
        for utf8, rules in ((False, policy.SMTP), (True, policy.SMTPUTF8)):
            wanted = rules.fold_binary(*rules.header_store_parse("To", value))
            assert mail._header(utf8, "To", value) == wanted


@settings(max_examples=tries(200), deadline=None)
@example("Depot Nord, connector 1 of CP-7 reports GroundFailure since 12:00:00")
@example("CP-7 日本語日本語日本語 — €5.36 …")
@example("=?utf-8?q?x?=")
@example("s" * 200)
@given(st.lists(st.text("aB1_-€ö日,()=?", min_size=1, max_size=80), min_size=1).map(" ".join))
def test_a_subject_begins_on_its_first_line_and_reads_as_it_was_meant(words):
    wanted = mail.one_line(words, mail.SUBJECT_MOST)
    made = mail._subject(wanted)
    assert not made.startswith((b"Subject:\r", b"Subject: \r"))
    assert message_from_bytes(made + b"\r\n", policy=policy.default)["Subject"] == wanted
    if max(map(len, wanted.split(" "))) <= 60:
        assert max(map(len, made.split(b"\r\n"))) <= 78


def test_numbers_that_are_equal_are_written_by_their_places_and_sign(app):
    writer = Writer("en", "Europe/Berlin")
    assert writer.price(Decimal("0.4"), "EUR") == writer.price(Decimal("0.40"), "EUR") == "€0.40"
    assert [writer.number(Decimal(text), 1) for text in ("0", "-0")] == ["0.0", "-0.0"]
    assert [writer.number(Decimal(text)) for text in ("1.50", "1.5", "1500")] == [
        *("1.5", "1.5", "1,500"),
    ]
    assert Writer("de", "Europe/Berlin").number(Decimal("1500.5")) == "1.500,5"


# The catalogue


def catalogue(suffix, read):
    with open(f"{CATALOGUE}.{suffix}", "rb") as file:
        return {message.id: message.string for message in read(file) if message.id}


def test_the_compiled_catalogue_is_that_of_its_source():
    assert catalogue("mo", read_mo) == catalogue("po", read_po)


def test_every_sentence_of_prices_and_meters_has_its_german():
    known = catalogue("po", read_po)
    wanted = [*TEMPLATES.values(), *(flag.sentence for flag in EnergyFlag)]
    assert [text for text in wanted if not known.get(text)] == []


def test_a_translation_fills_in_the_same_values():
    from re import findall

    placeholder = r"%(?:\(\w+\)s|%)"
    for text, german in catalogue("po", read_po).items():
        assert sorted(findall(placeholder, german)) == sorted(findall(placeholder, text)), text
