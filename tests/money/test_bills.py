"""Bills on the desk: the list, one bill, its receipt, the review inbox, the mail folder."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy import text as sql

from app.domain.ground.vocabulary import Actor, BillingState, BillKind, ReceiptState
from app.domain.money import receipts
from app.domain.money.billing.evidence import Candidate, Weighed
from app.domain.office import outbox
from app.extensions import db as flask_db
from app.mails import post_office
from app.models import AuditEntry, Bill, ChargingSession, Receipt, Review, StrayStop
from app.process.clock import utc_now
from app.uow import unit_of_work
from tests.support import lone, seed

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NASTY = "<svg/onload=alert(1)>"


@pytest.fixture
def made(app):
    with unit_of_work() as db:
        found = seed.fill(db, NOW, history=3)
        found.drivers["Ben"].name = NASTY
        found.ids = {name: row.id for name, row in found.sessions.items()}
        found.people_ids = {name: row.id for name, row in found.people.items()}
    return found


def rows(query):
    db = flask_db.session()
    db.rollback()
    return db.scalars(query).all()


def bill_of(made, name="finished"):
    return rows(
        select(Bill).where(Bill.session_id == made.ids[name]).order_by(Bill.sequence.desc())
    )[0]


def read(client, url):
    answer = client.get(url)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


# The list


def test_the_list_shows_every_bill_with_its_sums(desk, made):
    page = read(desk["viewer"], "/bills")
    bill = bill_of(made)
    assert bill.number in page
    assert "4 in EUR" in page
    assert NASTY not in page


def test_the_url_narrows_and_sorts_it(desk, made):
    for query, found in (
        ("q=2026-000001", 1),
        ("q=2026-1", 1),
        ("q=2026-00000", 0),
        ("q=ada", 2),
        ("q=%25", 0),
        ("kind=bill", 4),
        ("kind=credit", 0),
        ("kind=nonsense", 4),
        ("receipt=sent", 4),
        ("receipt=trouble", 0),
        ("site=999", 0),
        ("since=2026-03-02", 1),
        ("until=1999-01-01", 0),
        ("since=rubbish&page=999999&sort=rubbish", 4),
        ("sort=-gross", 4),
        ("sort=driver", 4),
    ):
        answer = desk["viewer"].get(f"/bills?format=csv&{query}")
        lines = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
        assert len(lines) == found, query
        assert read(desk["viewer"], f"/bills?{query}")


def test_a_name_in_the_csv_cannot_become_a_formula(desk, made):
    with unit_of_work() as db:
        db.get(ChargingSession, made.ids["finished"]).driver.name = "=1+1"
    answer = desk["viewer"].get("/bills?format=csv")
    assert "'=1+1" in answer.text


# One bill


def test_a_bill_shows_its_lines_with_the_readings_behind_them_and_why(desk, made):
    page = read(desk["viewer"], f"/bills/{bill_of(made).id}")
    for text in ("night rate", "interpolated between the readings", "Charging stopped at", "v7"):
        assert text in page
    assert "Take it back" not in page


def test_nobody_elses_bill_and_no_bill_are_not_found(desk):
    assert desk["viewer"].get("/bills/4711").status_code == 404
    assert desk["viewer"].get("/bills/4711/receipt").status_code == 404


def test_a_correction_adds_a_credit_and_a_new_bill(desk, made):
    first = bill_of(made)
    answer = desk["operator"].post(
        f"/bills/{first.id}/correct", data={"energy_kwh": "12,5", "reason": "meter exchanged"}
    )
    assert answer.status_code == 303
    last = bill_of(made)
    assert (last.kind, last.energy_wh) == (BillKind.CORRECTION, 12_500)
    page = read(desk["viewer"], f"/bills/{last.id}")
    assert "From bill to bill" in page
    assert first.number in page
    again = desk["operator"].post(f"/bills/{first.id}/correct", data={"reason": "r"})
    assert again.status_code in (303, 422)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"energy_kwh": "5", "reason": ""}, "Say why"),
        ({"energy_kwh": "-5", "reason": "r"}, "between 0 and 2000"),
        ({"energy_kwh": "many", "reason": "r"}, "The energy must be"),
        ({"energy_kwh": "", "reason": "r"}, "would not change"),
    ],
)
def test_a_correction_that_cannot_be_is_explained_and_changes_nothing(desk, made, data, said):
    bill = bill_of(made)
    answer = desk["operator"].post(f"/bills/{bill.id}/correct", data=data)
    assert answer.status_code == 422
    assert said in answer.text
    assert bill_of(made).id == bill.id


def test_a_bill_is_taken_back_whole(desk, made):
    bill = bill_of(made)
    url = f"/bills/{bill.id}/refund"
    assert desk["operator"].post(url, data={"reason": ""}).status_code == 422
    assert desk["operator"].post(url, data={"reason": "out of order"}).status_code == 303
    assert bill_of(made).gross_minor == -bill.gross_minor


@pytest.mark.parametrize("act", ["correct", "refund", "resend"])
def test_a_viewer_changes_nothing(desk, made, act):
    bill = bill_of(made)
    answer = desk["viewer"].post(f"/bills/{bill.id}/{act}", data={"reason": "r"})
    assert answer.status_code == 403


# The receipt


def test_the_preview_is_the_letter_in_a_frame_without_rights(desk, made):
    bill = bill_of(made)
    page = read(desk["viewer"], f"/bills/{bill.id}/receipt?language=de")
    assert "sandbox" in page
    file = desk["viewer"].get(f"/bills/{bill.id}/receipt.pdf?language=de")
    assert f"Beleg {bill.number}" in PdfReader(io.BytesIO(file.data)).pages[0].extract_text()
    answer = desk["viewer"].get(f"/bills/{bill.id}/receipt/letter?language=de")
    assert "Beleg" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_the_letter_of_a_nasty_name_holds_no_markup_of_it(desk, made):
    bill = next(b for b in rows(select(Bill)) if b.session.driver.name == NASTY)
    answer = desk["viewer"].get(f"/bills/{bill.id}/receipt/letter")
    assert NASTY not in answer.text
    assert "&lt;svg" in answer.text


def test_a_receipt_is_sent_again_to_the_driver_or_elsewhere(desk, made):
    bill = bill_of(made)
    url = f"/bills/{bill.id}/resend"
    assert desk["operator"].post(url, data={"email": "new@example.org"}).status_code == 303
    (receipt,) = rows(select(Receipt).where(Receipt.bill_id == bill.id))
    assert (receipt.state, receipt.recipient) == (ReceiptState.QUEUED, "new@example.org")
    desk["operator"].post(url, headers={"Referer": f"http://localhost/bills/{bill.id}"})
    page = read(desk["operator"], f"/bills/{bill.id}")
    assert "on its way already" in page


def test_an_unclear_receipt_says_why_it_is_not_repeated(desk, made):
    bill = bill_of(made)
    with unit_of_work() as db:
        receipts.resend(db, Actor("Grace"), db.get(Receipt, bill.receipt.id), now=NOW)
        claimed = receipts.claim(db, bill.receipt.id, domain="x.example", now=NOW)
        outbox.settle(
            db, receipts.KIND, claimed, ReceiptState.UNKNOWN, "the line went dead", now=NOW
        )
    page = read(desk["viewer"], f"/bills/{bill.id}")
    assert "the driver never gets two" in page
    assert "the line went dead" in page
    assert bill.number in read(desk["viewer"], "/bills?receipt=trouble")


# The inbox


def test_the_inbox_shows_what_waits_and_why(desk, made):
    page = read(desk["viewer"], "/bills/review")
    assert "No plug explains the step from the last reading" in page
    assert "The tag was refused" in page
    assert "Stops that match no session" in page
    assert read(desk["viewer"], "/bills/review?show=decided")


def test_a_review_shows_the_numbers_side_by_side(desk, made):
    url = f"/bills/review/{made.ids['held']}"
    page = read(desk["operator"], url)
    for text in ("910.000\xa0kWh", "Most the plug can give", "Approve", "Waive", "Take it"):
        assert text in page
    assert "Approve" not in read(desk["viewer"], url)
    assert desk["viewer"].get("/bills/review/4711").status_code == 404


def test_a_review_after_the_bill_says_how_far_it_lies_from_the_bill(desk, made):
    number = bill_of(made).number
    with unit_of_work() as db:
        session = db.get(ChargingSession, made.ids["finished"])
        session.meter_stop_wh += 900
        session.last_register_wh = session.meter_stop_wh
        db.add(
            Review(
                tenant_id=session.tenant_id,
                site_id=session.site_id,
                session_id=session.id,
                reasons=["late_stop_after_decision"],
                opened_at=NOW,
            )
        )
    page = read(desk["operator"], f"/bills/review/{made.ids['finished']}")
    assert f"{number}</a> of" in page
    assert "By what is known now, it would be" in page
    assert "\xa0€ more." in page
    assert "+0.900\xa0kWh" in page


WEIGHED = (
    Candidate("stop_start", Decimal(910_000), ("The charger named both registers.",), (NASTY,)),
    Candidate("under_power", Decimal("9123.5"), ("The measured power, added up.",)),
)


@pytest.mark.parametrize("proposed", [Decimal("9123.5"), None])
def test_the_figures_stand_side_by_side_with_what_speaks_for_each(
    desk, made, monkeypatch, proposed
):
    monkeypatch.setattr(Weighed, "candidates", WEIGHED)
    monkeypatch.setattr(Weighed, "proposed_wh", proposed)
    url = f"/bills/review/{made.ids['held']}"
    page = read(desk["operator"], url)
    for text in (
        "Final register − first register",
        "The charger named both registers.",
        "Measured power over the time",
        "9.124\xa0kWh",
        f"{url}?energy_kwh=9.1235#decide",
    ):
        assert text in page  # fmt: skip
    assert NASTY not in page
    assert (page.count("proposed</span>") == 1) is (proposed is not None)
    assert ("No figure is proposed" in page) is (proposed is None)
    assert "Take it" not in read(desk["viewer"], url)


def test_a_figure_that_is_taken_fills_the_field_and_shows_its_cost(desk, made):
    url = f"/bills/review/{made.ids['held']}"
    page = read(desk["operator"], f"{url}?energy_kwh=9.1235")
    assert 'value="9.1235"' in page
    assert "would cost" in page
    for text in ("NaN", "-1", "1e9", "Infinity", "1e-999999999", NASTY):
        assert desk["operator"].get(url, query_string={"energy_kwh": text}).status_code == 200


def decide(desk, made, role="operator", name="held", **data):
    return desk[role].post(f"/bills/review/{made.ids[name]}", data=data)


def test_approving_bills_it(desk, made):
    answer = decide(desk, made, decision="approve", note="checked on site")
    assert answer.status_code == 303
    assert bill_of(made, "held").issued_by == "Otto Olsen"
    entry = rows(select(AuditEntry).where(AuditEntry.action == "review.decide"))[0]
    assert (entry.actor, entry.note) == ("Otto Olsen", "checked on site")
    assert "checked on site" in read(desk["viewer"], "/bills/review?show=decided")
    assert "checked on site" in read(desk["viewer"], f"/bills/{bill_of(made, 'held').id}")


def test_correcting_bills_another_energy(desk, made):
    assert decide(desk, made, decision="correct", note="n", energy_kwh="9.1").status_code == 303
    assert bill_of(made, "held").energy_wh == Decimal(9_100)


def test_waiving_bills_nothing(desk, made):
    assert decide(desk, made, decision="waive", note="goodwill").status_code == 303
    assert rows(select(Bill).where(Bill.session_id == made.ids["held"])) == []
    (session,) = rows(select(ChargingSession).where(ChargingSession.id == made.ids["held"]))
    assert session.billing is BillingState.WAIVED


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"decision": "approve", "note": ""}, 422, "Say why"),
        ({"decision": "waive", "note": " "}, 422, "reason"),
        ({"decision": "correct", "note": "n"}, 422, "Name the energy"),
        ({"decision": "correct", "note": "n", "energy_kwh": "1e9"}, 422, "between 0 and 2000"),
        ({"decision": "other", "note": "n"}, 400, ""),
    ],
)
def test_a_decision_that_lacks_something_is_not_taken(desk, made, data, status, said):
    answer = decide(desk, made, **data)
    assert answer.status_code == status
    assert said in answer.text
    (review,) = rows(select(Review).where(Review.session_id == made.ids["held"]))
    assert review.decided_at is None


def test_a_viewer_decides_nothing(desk, made):
    assert decide(desk, made, role="viewer", decision="waive", note="n").status_code == 403


def test_the_second_of_two_deciders_is_told_who_was_first(desk, made):
    decide(desk, made, role="admin", decision="waive", note="n")
    answer = decide(desk, made, decision="approve", note="n")
    assert answer.status_code == 303
    page = read(desk["operator"], answer.headers["Location"])
    assert "Grace Hopper has decided this already" in page


def test_a_session_without_a_price_offers_the_tariffs(desk, made):
    with unit_of_work() as db:
        session = db.get(ChargingSession, made.ids["past0"])
        session.billing, session.tariff_version_id = BillingState.OPEN, None
        lone.issue(db, session.id, now=NOW)
    page = read(desk["operator"], f"/bills/review/{made.ids['past0']}")
    assert "Kerb day/night, version 7" in page
    answer = decide(desk, made, name="past0", decision="approve", note="n", tariff="")
    assert "choose a tariff" in answer.text
    assert decide(
        desk, made, name="past0", decision="approve", note="n", tariff="1"
    ).status_code == 303  # fmt: skip


def test_a_stop_of_no_session_is_put_aside(desk, made):
    (stray,) = rows(select(StrayStop))
    url = f"/bills/stray/{stray.id}/dismiss"
    assert desk["viewer"].post(url, data={"note": "n"}).status_code == 403
    assert desk["operator"].post(url, data={"note": "a test of ours"}).status_code == 303
    assert "Stops that match no session" not in read(desk["viewer"], "/bills/review")


def test_a_stop_of_no_session_is_given_to_the_one_it_ended(desk, made):
    (stray,) = rows(select(StrayStop))
    url = f"/bills/stray/{stray.id}/assign"
    data = {"note": "by its register", "session_id": "999999"}
    assert desk["viewer"].post(url, data=data).status_code == 403
    desk["operator"].post(url, data=data)
    (unchanged,) = rows(select(StrayStop))
    assert unchanged.outcome == "unmatched"
    page = read(desk["operator"], "/bills/review")
    if "It ended a session" in page:
        number = page.split('name="session_id" required><option value="')[1].split('"')[0]
        data["session_id"] = number
        assert desk["operator"].post(url, data=data).status_code == 303
        (given,) = rows(select(StrayStop))
        assert (given.outcome, str(given.session_id)) == ("matched", number)


# The mail folder


@pytest.fixture
def written(app, made):
    with unit_of_work() as db:
        bill = db.scalar(select(Bill).limit(1))
        receipts.resend(db, Actor("Grace"), bill.receipt, now=NOW)
        number = bill.receipt.id
    post_office.send(app.config["SETTINGS"], post_office.RECEIPTS, [number], utc_now)
    (path,) = (app.config["SETTINGS"].data_dir / "mail").iterdir()
    return path.name


def test_admins_read_the_mails_that_were_written_to_files(desk, written):
    assert "Receipt 2026-" in read(desk["admin"], "/mail")
    page = read(desk["admin"], f"/mail/{written}")
    assert "Message-ID" in page
    letter = desk["admin"].get(f"/mail/{written}/letter")
    assert "sandbox" in letter.headers["Content-Security-Policy"]


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_nobody_else_reads_them(desk, written, role):
    for url in ("/mail", f"/mail/{written}", f"/mail/{written}/letter"):
        assert desk[role].get(url).status_code == 403


@pytest.mark.parametrize(
    "name", ["..%2Fsecret_key", "..%2f..%2fetc%2fpasswd.eml", ".hidden.eml", "none.eml", "a.txt"]
)
def test_only_mails_of_the_folder_are_read(desk, written, name):
    assert desk["admin"].get(f"/mail/{name}").status_code == 404


# The chain


def test_a_bill_says_that_it_is_as_it_was_issued(desk, made):
    bill = bill_of(made)
    shown = read(desk["viewer"], f"/bills/{bill.id}")
    assert "verified</span>" in shown
    assert f'<code class="small" title="{bill.digest}">{bill.digest[:12]}</code>' in shown
    assert "not as issued" not in shown


def test_a_bill_that_is_not_as_it_was_issued_says_what_is_wrong(desk, made):
    bill = bill_of(made)
    number = bill.id
    with unit_of_work() as db:
        db.execute(sql("DROP TRIGGER bills_no_update"))
        db.execute(sql(f"UPDATE bills SET gross_minor = 1 WHERE id = {number}"))
    shown = read(desk["viewer"], f"/bills/{number}")
    assert "not as issued" in shown
    assert "its digest differs" in shown
