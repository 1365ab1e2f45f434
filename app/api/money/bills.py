"""Bills with their lines and the readings behind them, what replaces them, and their receipts."""

from typing import Annotated

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.api.charging.sessions import BILL
from app.api.ground import _bulk, _lists, _rows
from app.api.ground._noun import ROOT, Ask, File, Noun, Reply
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Json
from app.domain.money import billing, receipts
from app.domain.money import tariffs as prices
from app.models import Bill, BillLine, ChargingSession, Delivery, Receipt
from app.queries.money import bills as queries
from app.schemas import money as schemas
from app.schemas.answers import From, read
from app.schemas.bulk import BillsBulk
from app.text import letters
from app.uow import unit_of_work
from app.web import papers
from app.web.headers import framed
from app.web.problems import Problem

noun = Noun("bills", "Bills, credits and corrections; once issued they never change.")
blueprint = noun.blueprint

LINE = _rows.answer(
    "BillLine",
    "One line. `unit_price` is in the major unit of the currency; `stretches` are the readings "
    "and times that its quantity comes from.",
    BillLine,
    without=("id", "bill_id", "parameters", "evidence"),
    label=read(str, lambda line: prices.say([line.label, line.parameters])),
    stretches=read(list[Json], lambda line: (line.evidence or {}).get("parts", [])),
)
DELIVERY = _rows.answer(
    "ReceiptEvent",
    "What happened to the mail of a receipt.",
    Delivery,
    without=("id", "receipt_id"),
)
RECEIPT = _rows.answer(
    "Receipt",
    "The mail of a bill; it is sent once. `unknown`: whether it arrived is not known.",
    Receipt,
    without=("claimed_at",),
    deliveries=list[DELIVERY],  # type: ignore[valid-type]
)


class BillDetail(BILL):  # type: ignore[misc,valid-type]
    """A bill with its lines, with what it rests on, and with its receipt.

    `explanation` says why it costs so much; `seller` is as it was when the bill was issued.
    """

    lines: list[LINE]  # type: ignore[valid-type]
    receipt: RECEIPT | None  # type: ignore[valid-type]
    seller: Annotated[Json, From(lambda bill: bill.facts.get("seller", {}))]
    explanation: Annotated[
        list[str],
        From(lambda bill: [prices.say(phrase) for phrase in bill.facts.get("explanation", ())]),
    ]


@noun.get("/bills", "List bills", answers={200: Pages(BILL)}, query=schemas.Bills)
def list_(ask: Ask) -> object:
    """The bills of sessions in reach, the newest first; `number` finds one."""
    ways = {
        "driver_id": lambda number: Bill.session.has(ChargingSession.driver_id == number),
        "receipt": lambda state: Bill.receipt.has(Receipt.state == state),
    }
    return _lists.narrowed(ask, select(Bill), Bill, ways, at="issued_at")


@noun.get("/bills/{bill_id}", "Read a bill", answers={200: BillDetail})
def show(ask: Ask, bill_id: int) -> object:
    """One bill, line by line, with the readings behind each."""
    return _bill(ask, bill_id)


@noun.post(
    "/bills/{bill_id}/correct",
    "Correct a bill",
    body=schemas.Correction,
    answers={201: BillDetail},
)
def correct(ask: Ask, bill_id: int) -> object:
    """Replace the bill that stands by a credit and a correction; the driver gets one mail."""
    bill = _bill(ask, bill_id)
    with unit_of_work() as db:
        made = billing.correct(db, ask.actor, bill.session, named=bill, now=ask.now, **ask.body)
    return _made(ask, made)


@noun.post(
    "/bills/{bill_id}/refund",
    "Refund a bill",
    body=schemas.Refund,
    answers={201: BillDetail},
)
def refund(ask: Ask, bill_id: int) -> object:
    """Take the bill that stands back whole, by a credit."""
    bill = _bill(ask, bill_id)
    with unit_of_work() as db:
        made = billing.refund(db, ask.actor, bill.session, named=bill, now=ask.now, **ask.body)
    return _made(ask, made)


@noun.get(
    "/bills/{bill_id}/letter",
    "Read a receipt as a letter",
    answers={200: File("text/html", "The letter, as the mail holds it.")},
    query=schemas.LetterAsked,
)
def receipt_letter(ask: Ask, bill_id: int) -> Response:
    """The receipt as the driver gets it: the same rendering as the mail’s."""
    bill = _bill(ask, bill_id)
    return framed(letters.receipt(bill, _language(ask, bill)).html)


@noun.get(
    "/bills/{bill_id}/receipt.pdf",
    "Read a receipt as a PDF",
    answers={200: File("application/pdf", "The words of the letter on A4.")},
    query=schemas.LetterAsked,
)
def receipt_pdf(ask: Ask, bill_id: int) -> Response:
    """The receipt for paper; the same bill gives the same bytes."""
    bill = _bill(ask, bill_id)
    return papers.receipt(bill, _language(ask, bill))


def _language(ask: Ask, bill: Bill) -> str:
    return str(ask.query.get("language", bill.receipt.language if bill.receipt else "en"))


@noun.get("/receipts", "List receipts", answers={200: Pages(RECEIPT)}, query=schemas.Receipts)
def receipts_(ask: Ask) -> object:
    """The mails of bills in reach, the newest first."""
    query = select(Receipt).options(selectinload(Receipt.deliveries))
    return _lists.narrowed(ask, query, Receipt)


@noun.post(
    "/bills/{bill_id}/resend",
    "Send a receipt again",
    body=schemas.Resending,
    answers={200: RECEIPT},
)
def resend(ask: Ask, bill_id: int) -> object:
    """Send the receipt again, to the driver or to another address; not while it is under way."""
    row = _bill(ask, bill_id).receipt
    if row is None:
        raise Problem(404, "This bill has no receipt.")
    address = ask.body.get("email") or ""
    with unit_of_work() as db:
        return receipts.resend(db, ask.actor, row, now=ask.now, recipient=address)


def _bill(ask: Ask, bill_id: int) -> Bill:
    found = queries.one(ask.db, bill_id) if bill_id < 2**63 else None
    if found is None:
        raise Problem(404, "There is no such bill.")
    return found


def _made(ask: Ask, bill: Bill) -> Reply:
    return Reply(201, _bill(ask, bill.id), {"Location": f"{ROOT}/bills/{bill.id}"})


_bulk.hang(
    *(noun, receipts.MANY, list_, BillsBulk),
    "Send the receipts of many bills again, each to its driver’s address of today.",
)
