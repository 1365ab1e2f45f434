"""Where people and programs meet the fee of an unused reservation: desk, API, mail, webhooks."""

import csv
import io
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from app.domain.access import forgetting
from app.domain.ground.safe import Safe
from app.domain.ground.vocabulary import SYSTEM, BillingState, ReceiptState, ReservationState
from app.domain.money import billing, no_show_fees, tariff_book
from app.domain.office import api_tokens, deliveries, webhooks
from app.domain.office.webhooks import Means, Reach
from app.extensions import db as flask_db
from app.models import (
    Bill,
    ChargingSession,
    Connection,
    Driver,
    Receipt,
    Reservation,
    WebhookDelivery,
)
from app.tasks.webhooks import gather
from app.uow import unit_of_work
from tests.api.client import Api
from tests.support import lone, seed
from tests.support.fixtures import SQLITE_BY_DAY

pytestmark = pytest.mark.parametrize("database", SQLITE_BY_DAY)

HALF = timedelta(minutes=30)
FEE = {
    "currency": "EUR",
    "components": [
        {"kind": "energy", "price": "0.50"},
        {"kind": "no_show", "price": "2"},
        {"kind": "no_show_time", "price": "0.05"},
    ],
}


@pytest.fixture
def made(any_app):
    """The seeded network; Ada has prices of her own, and let half an hour pass, two hours ago."""
    now = seed.lately()
    with unit_of_work() as db:
        found = seed.fill(db, now, history=2)
        ada, station = found.drivers["Ada"], found.stations["CP-03"]
        since = now - timedelta(hours=2)
        hers = ChargingSession.tag_id == found.tags["Ada"].id
        for one in db.scalars(select(ChargingSession).where(hers)):
            if (
                one.started_at < since + 2 * HALF
                and one.ended_at
                and one.ended_at > since - 2 * HALF
            ):
                # It is seeded by the hour of the day: she would have come.
                one.started_at -= timedelta(hours=9)
                one.ended_at -= timedelta(hours=9)
        tariff = tariff_book.create(
            db, SYSTEM, ada.tenant_id, name="Ada's", definition=FEE, now=since - timedelta(days=9)
        )
        ada.tariff_id = tariff.id
        db.add(
            Connection(
                station_id=station.id, protocol="ocpp1.6", node="a", address="192.0.2.7",
                opened_at=since - HALF, closed_at=since + 2 * HALF,
            )
        )  # fmt: skip
        row = Reservation(
            tenant_id=ada.tenant_id, station_id=station.id, evse=7, token="04:A2:19:B0",
            tag_id=found.tags["Ada"].id, driver_id=ada.id, state=ReservationState.EXPIRED,
            kept_from=since, created_at=since, created_by="Grace", expires_at=since + HALF,
            settled_at=since + HALF,
        )  # fmt: skip
        db.add(row)
        db.flush()
        no_show_fees.weigh_due(db, now=now)
        ids = SimpleNamespace(reservation=row.id, session=row.session_id, driver=ada.id)
        admin = found.people["admin"]
        _, secret = api_tokens.issue(db, SYSTEM, admin, name="test", now=now)
        found.ids, found.secret = ids, secret
    found.client = seed.signed_in(any_app, found.people["admin"])
    found.api, found.now = Api(any_app, secret), now
    return found


@pytest.fixture
def bill(made):
    with unit_of_work() as db:
        return settled(db, made).id


@pytest.fixture
def held(made):
    with unit_of_work() as db:
        db.get_one(ChargingSession, made.ids.session).flags = ["reserved_offline"]
        db.flush()
        settled(db, made)


def settled(db, made):
    return lone.settle(db, made.ids.session, now=made.now)


def read(made, url):
    answer = made.client.get(url)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def test_the_desk_shows_the_bill_its_session_and_the_reservation(made, bill):
    page = read(made, f"/bills/{bill}")
    for text in ("Unused reservation", "3.50", "and nobody came", "no-show"):
        assert text in page, text
    assert "Correct it…" not in page and "Refund…" in page
    assert "no-show" in read(made, "/bills")
    session = read(made, f"/sessions/{made.ids.session}")
    assert "It is an unused reservation: nobody charged." in session
    for text in ("Reserved from", "The plug was reserved", "The reservation ran out"):
        assert text in session, text
    for text in ("No readings", "Transaction", "Session began", "Stop stored", "Correct…"):
        assert text not in session, text
    for told in (page, session):
        assert "It was frozen when the reservation began." in told
    number = f'/sessions/{made.ids.session}"'
    assert number not in read(made, "/sessions")
    assert number in read(made, "/sessions?state=no_show")
    reservations = read(made, "/reservations")
    assert number in reservations and "It counts as a no-show." in reservations
    assert "Reserved" in read(made, f"/bills/{bill}/receipt")
    assert made.client.get(f"/bills/{bill}/receipt.pdf").data.startswith(b"%PDF")
    assert read(made, f"/drivers/{made.ids.driver}")


def test_it_is_in_the_file_of_bills(made, bill):
    answer = made.client.get("/bills?format=csv&q=ada")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    [row] = [row for row in rows if row["session"] == str(made.ids.session)]
    assert row["gross_minor"] == "350", row
    assert made.client.get("/bills?format=xlsx").data.startswith(b"PK")


def test_a_reviewer_approves_it_and_is_asked_for_no_energy(made, held):
    url = f"/bills/review/{made.ids.session}"
    page = read(made, url)
    assert "The station was offline for a part of the reserved time" in page
    assert "Approve" in page and "3.50" in page and "Reserved until" in page
    assert "What the energy could be" not in page and "Bill this energy instead" not in page
    wrong = {"decision": "correct", "energy_kwh": "5", "note": "?"}
    refused = made.client.post(url, data=wrong)
    assert refused.status_code == 422 and "it has no energy" in refused.text
    assert made.client.get(f"{url}?energy_kwh=5").status_code < 500
    good = made.client.post(url, data={"decision": "approve", "note": "It was there."})
    assert good.status_code == 303
    flask_db.session.rollback()
    row = flask_db.session.get(ChargingSession, made.ids.session)
    assert row.billing is BillingState.BILLED


def test_programs_read_it_beside_the_others(made, bill):
    told = made.api.get(f"/bills/{bill}")
    assert (told["session_id"], told["gross_minor"], told["energy_wh"]) == (
        made.ids.session,
        350,
        0,
    )
    session = made.api.get(f"/sessions/{made.ids.session}")
    assert (session["state"], session["billing"]) == ("no_show", "billed")
    reservation = made.api.get(f"/reservations/{made.ids.reservation}")
    assert (reservation["no_show"], reservation["session_id"]) == (True, made.ids.session)
    usual = [row["id"] for row in made.api.get("/sessions?limit=500")["items"]]
    assert made.ids.session not in usual
    [only] = made.api.get("/sessions?state=no_show")["items"]
    assert only["id"] == made.ids.session
    assert made.api.get("/sessions/count")["count"] == len(usual)


def test_webhooks_tell_of_the_bill_and_of_no_session(made):
    events = ["bill.issued", "session.started", "session.ended"]
    with unit_of_work() as db:
        reach = Means(Safe("key", "webhooks"), Reach())
        given = {"name": "Portal", "url": "https://example.com/", "events": events}
        tenant = db.get_one(Driver, made.ids.driver).tenant_id
        webhooks.add(db, SYSTEM, tenant, reach, now=made.now - timedelta(hours=9), **given)
        settled(db, made)
    gather(deliveries.listening(flask_db.session()), made.now)
    flask_db.session.rollback()
    bodies = [json.loads(row.body) for row in flask_db.session.scalars(select(WebhookDelivery))]
    own = [
        body["type"]
        for body in bodies
        if made.ids.session in (body["data"].get("session_id"), body["data"]["id"])
        and not (body["type"] == "bill.issued" and body["data"]["session_id"] != made.ids.session)
    ]
    assert own == ["bill.issued"]


def test_a_driver_may_be_forgotten_and_the_money_stays(made, bill):
    tenant = None
    with unit_of_work() as db:
        ada = db.get_one(Driver, made.ids.driver)
        tenant = ada.tenant_id
        for row in db.scalars(select(ChargingSession).where(ChargingSession.driver_id == ada.id)):
            if row.billing in (BillingState.OPEN, BillingState.HELD):
                row.billing = BillingState.WAIVED
        db.execute(update(Receipt).values(state=ReceiptState.SENT))
        db.flush()
        forgetting.forget(db, SYSTEM, ada, name=ada.name, now=made.now)
    db = flask_db.session()
    db.rollback()
    assert db.get_one(Bill, bill).gross_minor == 350
    faults = [str(fault) for fault in billing.verify(db, tenant).faults]
    assert [fault for fault in faults if db.get_one(Bill, bill).number in fault] == []
