"""Drivers on the desk: who they are, what they were billed, and their tags."""

import csv
import io

import pytest
from sqlalchemy import select

from app.models import Bill, ChargingSession, Driver
from app.text.numbers import money
from tests.support.desk import page

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")


def test_the_list_shows_address_tags_and_sessions(made, operator):
    text = page(operator, "/drivers")
    assert "Ada Lovelace" in text and "ada@example.org" in text and "04:A2:19:B0" in text


def test_the_list_is_narrowed_and_exported_by_its_url(made, db, operator):
    made.drivers["Ben"].email = made.drivers["Ben"].email_key = None
    db.commit()
    body = page(operator, "/drivers?state=no_email&format=csv").lstrip("\ufeff")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [(row["name"], row["tags"]) for row in rows] == [("Ben Franklin", "04:77:C1:0E")]


def test_a_driver_page_adds_up_their_bills(made, db, operator):
    ada = made.drivers["Ada"]
    own = select(ChargingSession.id).where(ChargingSession.driver_id == ada.id)
    bills = db.scalars(select(Bill).where(Bill.session_id.in_(own))).all()
    assert bills
    text = page(operator, f"/drivers/{ada.id}")
    assert money(sum(bill.gross_minor for bill in bills), "EUR") in text


def test_a_driver_is_added_changed_archived_and_restored(made, db, operator):
    facts = {"name": "Mary Jackson", "email": "mary@example.org", "language": "de", "tariff": ""}
    added = operator.post("/drivers/new", data=facts)
    assert added.status_code == 303
    mary = db.scalar(select(Driver).where(Driver.name == "Mary Jackson"))
    changed = operator.post(f"/drivers/{mary.id}/edit", data={**facts, "note": "Night shift"})
    assert changed.status_code == 303
    assert "Night shift" in page(operator, changed.location)
    operator.post(f"/drivers/{mary.id}/archive")
    assert "Mary Jackson" not in page(operator, "/drivers?format=csv")
    operator.post(f"/drivers/{mary.id}/restore")
    assert "Mary Jackson" in page(operator, "/drivers?format=csv")


def test_a_driver_without_an_address_says_why_there_are_no_receipts(made, db, operator):
    made.drivers["Ada"].email = made.drivers["Ada"].email_key = None
    db.commit()
    text = page(operator, f"/drivers/{made.drivers['Ada'].id}")
    assert "Why does Ada Lovelace get no receipts?" in text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"email": "ADA@example.org"}, "Ada Lovelace has this e-mail address."),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "holds a control character"),
        ({"name": ""}, "Type a name."),
        ({"language": "fr"}, "Choose one from the list."),
        ({"tariff": "99"}, "Choose one from the list."),
    ],
)
def test_what_cannot_be_used_is_said_in_the_form(made, operator, given, sentence):
    facts = {"name": "Eve", "email": "", "language": "en", "tariff": "", **given}
    answer = operator.post("/drivers/new", data=facts)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_german_reader_is_no_reason_to_lose_umlauts(made, operator):
    assert "Çağla Öztürk" in page(operator, "/drivers")


FILE = """name,email,language
Ada King,ada@example.org,de
Mary Jackson,mary@example.org,en
Eve,eve,en
"""


def test_an_import_is_looked_through_and_then_carried_out(made, db, operator):
    upload = {"file": (io.BytesIO(FILE.encode()), "drivers.csv")}
    text = operator.post("/drivers/import", data=upload).text
    assert "Import 2 valid rows" in text and "“eve” is not an e-mail address." in text
    assert made.drivers["Ada"].name == "Ada Lovelace"
    answer = operator.post("/drivers/import", data={"text": FILE, "go": "1"})
    assert "1 added, 1 changed, 0 as they were." in page(operator, answer.location)
    db.expire_all()
    assert (made.drivers["Ada"].name, made.drivers["Ada"].language) == ("Ada King", "de")


def test_an_export_of_drivers_can_be_imported_again_without_a_change(made, operator):
    exported = page(operator, "/drivers?format=csv")
    text = operator.post("/drivers/import", data={"text": exported}).text
    assert "As they are</span><b>3</b>" in text


def test_a_file_without_names_is_refused(made, operator):
    answer = operator.post("/drivers/import", data={"text": "who\nAda\n"})
    assert answer.status_code == 422
    assert "no column named name" in answer.text
