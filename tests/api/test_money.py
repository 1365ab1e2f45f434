"""Tariffs, bills, decisions and receipts by the API: what the desk does, and its audit."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import BillKind, ReceiptState
from app.domain.money import questions
from app.models import AuditEntry, Bill, ChargingSession, Receipt, Review, StrayStop
from tests.api.client import Api

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")

PRICES = {
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "components": [{"kind": "energy", "price": "0.49"}, {"kind": "start", "price": 1}],
}


@pytest.fixture
def actions(db):
    """Every action in the audit since the test began."""
    before = set(db.scalars(select(AuditEntry.id)))

    def since():
        db.expire_all()
        entries = db.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [entry.action for entry in entries if entry.id not in before]

    return since


@pytest.fixture
def standing(db, made):
    """A bill that nothing has replaced, whose receipt was sent."""
    replaced = select(Bill.session_id).where(Bill.kind != BillKind.BILL)
    query = select(Bill).join(Receipt, Receipt.bill_id == Bill.id)
    found = db.scalars(
        query.where(
            Bill.kind == BillKind.BILL,
            Bill.session_id.not_in(replaced),
            Receipt.state == ReceiptState.SENT,
        )
    ).first()
    return found.id


def test_a_tariff_is_written_given_and_gets_versions(admin_api, actions):
    made = admin_api.post("/tariffs", {"name": "Public", "definition": PRICES, "note": "first"})
    assert (made["version"], made["currency"], made["is_default"]) == (1, "EUR", False)
    assert admin_api.answer.headers["Location"] == f"/api/v1/tariffs/{made['id']}"
    one = f"/tariffs/{made['id']}"
    dearer = {**PRICES, "components": [{"kind": "energy", "price": "0.59"}]}
    told = admin_api.patch(one, {"definition": dearer, "note": "dearer", "default": True})
    assert (told["version"], told["is_default"]) == (2, True)
    assert [row["note"] for row in admin_api.every(f"{one}/versions")] == ["dearer", "first"]

    site = admin_api.get("/sites")["items"][0]["id"]
    admin_api.patch(f"/sites/{site}", {"tariff_id": made["id"]})
    assert admin_api.get(f"{one}/holders")["site_ids"] == [site]
    admin_api.post(f"{one}/archive", status=409)
    assert [row["name"] for row in admin_api.every("/tariffs?currency=eur")].count("Public") == 1
    planned = {"definition": {**PRICES, "components": []}, "valid_from": "2028-01-01T00:00"}
    assert admin_api.patch(one, planned)["version"] == 2
    assert admin_api.get(f"{one}/versions")["items"][0]["valid_from"] == "2028-01-01T00:00"
    assert admin_api.post(f"{one}/versions/3/withdraw", status=200)["withdrawn_at"]
    admin_api.post(f"{one}/versions/2/withdraw", status=409)
    assert admin_api.post(f"{one}/copy", {"name": "Garage"})["definition"]["currency"] == "EUR"
    assert actions().count("tariff.edit") == 2 and "tariff.create" in actions()


def test_prices_that_cannot_be_used_are_refused_by_name(admin_api):
    wrong = {**PRICES, "components": [{"kind": "energy", "price": "much"}]}
    told = admin_api.post("/tariffs", {"name": "Wrong", "definition": wrong}, status=422)
    assert told["field"] == "definition.components.0.price"
    admin_api.post("/tariffs", {"name": "x", "definition": []}, status=422)


def test_an_imagined_session_is_priced(admin_api):
    made = admin_api.post("/tariffs", {"name": "Public", "definition": PRICES})
    told = admin_api.get(f"/tariffs/{made['id']}/price?energy_wh=10000&timezone=Europe/Berlin")
    assert told["gross_minor"] == 590
    assert [(line["kind"], line["gross_minor"]) for line in told["lines"]] == [
        ("energy", 490),
        ("start", 100),
    ]
    for query in ("starts=soon", "timezone=Nowhere", "energy_wh=-1"):
        admin_api.get(f"/tariffs/{made['id']}/price?{query}", 422)


def test_prices_belong_to_admins_of_all_sites(api):
    api.post("/tariffs", {"name": "Mine", "definition": PRICES}, status=403)
    api.get("/organisation", 403)


def test_the_organisation_says_who_sells(admin_api, actions):
    told = admin_api.patch("/organisation", {"seller_name": "Volt GmbH", "least_energy_wh": 50})
    assert (told["seller_name"], told["least_energy_wh"]) == ("Volt GmbH", 50)
    assert admin_api.get("/organisation") == told
    assert actions() == ["tenant.edit"]


def test_bills_are_found_and_told_line_by_line(api, db, standing):
    bill = db.get(Bill, standing)
    (found,) = api.get(f"/bills?number={bill.number}")["items"]
    told = api.get(f"/bills/{found['id']}")
    assert told["gross_minor"] == sum(line["gross_minor"] for line in told["lines"])
    assert any(line["stretches"] for line in told["lines"])
    assert told["explanation"] and told["receipt"]["deliveries"] is not None
    driver = bill.session.driver_id
    for query in (f"session_id={bill.session_id}", f"driver_id={driver}", "receipt=sent"):
        assert standing in [row["id"] for row in api.every(f"/bills?{query}")]
    assert api.get("/bills?since=2100-01-01T00:00:00Z")["items"] == []
    api.get("/bills/999999999", 404)


def test_a_bill_is_corrected_then_refunded(api, db, standing, actions):
    right = {"reason": "The meter was read wrongly.", "energy_wh": 5000}
    told = api.post(f"/bills/{standing}/correct", right)
    assert (told["kind"], told["energy_wh"]) == ("correction", 5000)
    again = api.post(f"/bills/{standing}/correct", right, status=409)
    assert told["number"] in again["detail"]
    credit = api.post(f"/bills/{told['id']}/refund", {"reason": "Goodwill."})
    assert (credit["kind"], credit["corrects_id"]) == ("credit", told["id"])
    assert actions() == ["bill.correct", "bill.refund"]


def test_a_receipt_is_read_and_sent_again(api, standing, actions):
    api.ask("GET", f"/bills/{standing}/receipt.pdf?language=de", 200)
    assert api.answer.data.startswith(b"%PDF-")
    answer = api.ask("GET", f"/bills/{standing}/letter?language=de", 200)
    assert answer is None and "<html" in api.answer.text
    assert "sandbox" in api.answer.headers["Content-Security-Policy"]
    told = api.post(f"/bills/{standing}/resend", {"email": "new@example.org"}, status=200)
    assert (told["state"], told["recipient"]) == ("queued", "new@example.org")
    assert told["deliveries"][-1]["event"] == "asked again"
    api.post(f"/bills/{standing}/resend", status=409)
    assert standing in [row["bill_id"] for row in api.every("/receipts?state=queued")]
    assert actions() == ["receipt.resend"]


def test_a_held_session_is_looked_at_and_decided(api, db, actions):
    waiting = api.every("/reviews?decided=false")
    assert waiting and all(row["sentences"] for row in waiting)
    held = db.scalars(
        select(Review)
        .join(ChargingSession)
        .where(Review.decided_at.is_(None), ChargingSession.tariff_version_id.is_not(None))
    ).first()
    one = f"/sessions/{held.session_id}/review"
    assert api.get(one)["decision"] is None
    api.post(f"{one}/approve", {}, status=422)
    told = api.post(f"{one}/correct", {"note": "Looked at it.", "energy_wh": 4200}, status=200)
    assert (told["decision"], told["corrected_energy_wh"]) == ("corrected", 4200)
    (bill,) = api.every(f"/bills?session_id={held.session_id}")
    assert bill["energy_wh"] == Decimal(4200)
    api.post(f"{one}/waive", {"note": "Too late."}, status=409)
    assert "review.decide" in actions()


def test_a_session_without_a_price_is_waived_or_priced(api, db):
    session = db.scalars(
        select(ChargingSession)
        .join(Review, Review.session_id == ChargingSession.id)
        .where(Review.decided_at.is_(None))
    ).first()
    session.tariff_version_id = None
    db.commit()
    one = f"/sessions/{session.id}/review"
    told = api.post(f"{one}/approve", {"note": "Fine."}, status=422)
    assert told["field"] == "tariff_version_id"
    assert api.post(f"{one}/waive", {"note": "Goodwill."}, status=200)["decision"] == "waived"


def test_a_session_that_is_not_held_has_no_review(api, made):
    assert api.get(f"/sessions/{made.sessions['finished'].id}/review", 404)["code"] == "not_found"


def test_stray_stops_are_assigned_or_put_aside(api, db, made, now, actions):
    running = made.sessions["running"]
    given = {"ended_at": now, "received_at": now, "payload": {"idTag": "x"}, "digest": "d"}
    strays = [
        StrayStop(station_id=running.station_id, transaction_ref=ref, meter_stop_wh=None, **given)
        for ref in ("lost-1", "lost-2")
    ]
    db.add_all(strays)
    db.commit()
    first, second = (f"/stray-stops/{stray.id}" for stray in strays)
    listed = api.every("/stray-stops?outcome=unmatched")
    assert {"lost-1", "lost-2"} <= {row["transaction_id"] for row in listed}
    why = {"note": "Same card, same minute."}
    api.post(f"{first}/assign", {**why, "session_id": 999_999}, status=422)
    told = api.post(f"{first}/assign", {**why, "session_id": running.id}, status=200)
    assert (told["id"], told["state"]) == (running.id, "ended")
    assert api.get(first)["outcome"] == "matched"
    assert api.post(f"{second}/dismiss", why, status=200)["outcome"] == "dismissed"
    api.post(f"{second}/dismiss", why, status=409)
    assert {"stray_stop.assign", "stray_stop.dismiss"} <= set(actions())


def test_money_is_for_operators_and_looking_for_viewers(app, secret_of, standing):
    viewer = Api(app, secret_of("viewer"))
    viewer.get(f"/bills/{standing}")
    viewer.post(f"/bills/{standing}/refund", {"reason": "Mine."}, status=403)
    viewer.post(f"/bills/{standing}/resend", status=403)


def test_a_question_is_listed_answered_and_closed_once(api, db, made, now):
    bill = db.scalars(select(Bill).join(Bill.receipt).where(Receipt.recipient.is_not(None))).first()
    asked = questions.ask(db, bill, "Why?", desk_url="", now=now)
    db.commit()
    (waiting,) = api.get("/questions?closed=false")["items"]
    assert (waiting["text"], waiting["bill_id"]) == ("Why?", bill.id)
    told = api.post(f"/questions/{asked.id}/answer", {"text": "The night rate."}, 200)
    assert told["answer"] == "The night rate."
    api.post(f"/questions/{asked.id}/close", {}, 409)
    assert api.get("/questions?closed=false")["items"] == []


def test_a_driver_is_counted_exported_and_forgotten_by_who_may_see_personal_data(
    api, admin_api, db, made
):
    driver = made.drivers["Ada"]
    api.get(f"/drivers/{driver.id}/personal-data", 403)
    api.post(f"/drivers/{driver.id}/forget", {"name": driver.name}, 403)
    told = admin_api.get(f"/drivers/{driver.id}/personal-data")
    assert {row["name"]: row["count"] for row in told["items"]}["sessions"] > 0
    assert all(row["why"] for row in told["kept"])
    admin_api.get(f"/drivers/{driver.id}/personal-data/file")
    assert admin_api.answer.data.startswith(b"PK")
    admin_api.post(f"/drivers/{driver.id}/forget", {"name": "Somebody"}, 422)


def test_a_drivers_month_is_told_with_its_sums_and_mailed(api, db, made, now):
    driver = made.drivers["Ada"]
    month = f"{now:%Y-%m}"
    told = api.get(f"/drivers/{driver.id}/statements/{month}")
    assert sum(each["gross_minor"] for each in told["sums"]) == sum(
        each["gross_minor"] for each in told["bills"]
    )
    api.get(f"/drivers/{driver.id}/statements/2026-13", 422)
    empty = api.get(f"/drivers/{driver.id}/statements/1999-01")
    assert empty == {"month": "1999-01", "sums": [], "bills": []}
    api.post(f"/drivers/{driver.id}/statements/1999-01/mail", {}, 409)
