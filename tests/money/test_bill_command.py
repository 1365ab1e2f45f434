"""flask bill: lists, shows, counts again, and decides as the desk does."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from pypdf import PdfReader
from sqlalchemy import select, text

from app.domain.ground.vocabulary import BillKind, ReceiptState
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Receipt
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network


@pytest.fixture
def flask(flask):
    return partial(flask, "bill")


@pytest.fixture
def sessions(app):
    """Two billed sessions and a held one."""
    with unit_of_work() as db:
        net = network(db)
        made = [net.session(), net.session(), net.session(unauthorised=True)]
        for session in made:
            lone.issue(db, session.id, now=STARTED)
        return [session.id for session in made]


def bills():
    db = flask_db.session()
    db.rollback()
    return db.scalars(select(Bill).order_by(Bill.id)).all()


def test_bills_are_listed(flask, sessions):
    rows = json.loads(flask("list", "--json").stdout)
    assert [row["number"] for row in rows] == ["2026-000002", "2026-000001"]
    assert (rows[0]["gross"], rows[0]["currency"], rows[0]["receipt"]) == ("5.36", "EUR", "queued")
    assert "2026-000001" in flask("list", "--search", "000001").stdout
    none = flask("list", "--kind", "credit", "--json")
    assert (none.stdout, none.exit_code) == ("[]\n", 0), none.stderr


def test_a_bill_is_shown_with_its_lines_and_why(flask, sessions):
    shown = flask("show", "2026-000001")
    assert "Energy (10.000 kWh × 0.40\xa0€): 4.00\xa0€" in shown.stdout
    assert "meter 100.000 → 110.000 kWh" in shown.stdout
    assert "was frozen when the session began" in shown.stdout
    as_json = json.loads(flask("show", sessions[0], "--json").stdout)
    assert [line["amount"] for line in as_json["lines"]] == ["0.50\xa0€", "4.00\xa0€"]


def test_a_receipt_is_written_as_a_pdf(flask, sessions, tmp_path):
    path = tmp_path / "receipt.pdf"
    assert flask("pdf", "2026-000001", "-o", path).exit_code == 0
    assert "Receipt 2026-000001" in PdfReader(path).pages[0].extract_text()
    german = flask("pdf", sessions[0], "--language", "de", "-o", "-").stdout_bytes
    assert "Beleg 2026-000001" in PdfReader(io.BytesIO(german)).pages[0].extract_text()


def test_an_unknown_bill_is_said_in_one_sentence(flask, sessions):
    failed = flask("show", "2026-999999")
    assert failed.exit_code == 1
    assert failed.stderr == "There is no bill 2026-999999.\n"


def test_all_bills_are_exported(flask, sessions):
    rows = list(csv.DictReader(io.StringIO(flask("export").stdout)))
    assert [row["gross"] for row in rows] == ["5.36", "5.36"]


def test_held_sessions_are_listed_with_the_reason(flask, sessions):
    (row,) = json.loads(flask("held", "--json").stdout)
    assert row["session"] == sessions[2]
    assert row["why"] == ["The tag was refused, yet the charger went on charging."]


def test_a_review_shows_the_figures_and_what_is_proposed(flask, sessions):
    (row,) = json.loads(flask("held", "--json").stdout)
    found = json.loads(flask("review", str(row["session"]), "--json").stdout)
    assert found["why"] == row["why"]
    assert found["figures"][0]["energy_wh"]
    assert "propose" in found["proposal"]
    assert "propose" in flask("review", str(row["session"])).stdout


def test_a_held_session_is_approved(flask, sessions):
    assert flask("approve", sessions[2]).exit_code == 2
    done = flask("approve", sessions[2], "--reason", "our technician")
    assert done.stdout == "2026-000003 bill 5.36 EUR\n"
    again = flask("approve", sessions[2], "--reason", "again")
    assert again.exit_code == 1
    assert "decided this already" in again.stderr


def test_a_held_session_is_billed_with_another_energy(flask, sessions):
    assert "Name the right energy" in flask("correct", sessions[2], "--reason", "r").stderr
    assert flask("correct", sessions[2], "--kwh", "1.5", "--reason", "r").exit_code == 0
    assert bills()[-1].energy_wh == Decimal(1_500)


def test_a_held_session_is_waived(flask, sessions):
    assert flask("waive", sessions[2], "--reason", "goodwill").exit_code == 0
    assert len(bills()) == 2


def test_a_bill_is_corrected_and_taken_back_by_its_number(flask, sessions):
    assert flask("correct", "2026-000001", "--kwh", "5", "--reason", "r").exit_code == 0
    assert [bill.kind for bill in bills()[2:]] == [BillKind.CREDIT, BillKind.CORRECTION]
    assert flask("waive", "2026-000002", "--reason", "r").exit_code == 0
    assert bills()[-1].gross_minor == -536


LONG_AGO = ("--since", "2026-01-01")


def test_a_recount_confirms_every_bill(flask, sessions):
    done = flask("recompute", *LONG_AGO, "--dry-run", "--json")
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(("days_ago", "lasted_days"), [(400, 1), (364, 2)])
def test_a_bill_whose_connections_are_no_longer_kept_is_counted_again_when_asked(
    flask, sessions, days_ago, lasted_days
):
    with unit_of_work() as db:
        session = db.get(ChargingSession, sessions[0])
        session.meter_start_wh = Decimal(99_000)
        session.ended_at = datetime.now(UTC) - timedelta(days=days_ago)
        session.started_at = session.ended_at - timedelta(days=lasted_days)
        day = f"{session.ended_at:%Y-%m-%d}"
    assert json.loads(flask("recompute", "--dry-run", "--json").stdout) == []
    for asked in (["--since", day], ["--session", str(sessions[0])]):
        assert len(json.loads(flask("recompute", "--dry-run", "--json", *asked).stdout)) == 1


def test_a_recount_shows_the_difference_before_anything_changes(flask, sessions):
    with unit_of_work() as db:
        db.get(ChargingSession, sessions[0]).meter_start_wh = Decimal(99_000)
    (row,) = json.loads(flask("recompute", *LONG_AGO, "--dry-run", "--json").stdout)
    assert (row["billed"], row["recounted"]) == ("5.36", "5.83")
    assert len(bills()) == 2
    refused = flask("recompute")
    assert refused.exit_code == 1
    assert "--reason" in refused.stderr
    done = flask("recompute", *LONG_AGO, "--reason", "the first register was read wrongly")
    assert "1 of 1 corrected." in done.stderr
    assert [bill.gross_minor for bill in bills()] == [536, 536, -536, 583]


def test_a_receipt_is_sent_again(flask, sessions):
    with unit_of_work() as db:
        db.get(Receipt, 1).state = ReceiptState.UNKNOWN
    done = flask("resend", "2026-000001", "--to", "new@example.org")
    assert "new@example.org" in done.stdout
    failed = flask("resend", "2026-000001")
    assert failed.exit_code == 1
    assert "on its way" in failed.stderr


def test_bills_are_verified_and_each_fault_is_a_line(flask, sessions):
    done = flask("verify")
    assert (done.stdout, done.exit_code) == ("2 bills verified.\n", 0), done.stderr
    assert flask("verify", "--tenant", "Ampdesk").stdout == "2 bills verified.\n"
    with unit_of_work() as db:
        db.execute(text("DROP TRIGGER bill_lines_no_update"))
        db.execute(text("UPDATE bill_lines SET net_minor = net_minor + 1 WHERE bill_id = 2"))
    done = flask("verify")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("Bill 2026-000002: ") for line in lines)
    assert done.stderr == "There are 2 faults.\n"


def test_bills_of_an_unknown_tenant_are_not_called_verified(flask, sessions):
    done = flask("verify", "--tenant", "Nobody")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "There is no tenant called Nobody.\n"
