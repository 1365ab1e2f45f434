"""Bills with their lines and the readings behind them, what replaces them, and their receipts."""

from collections.abc import Callable
from typing import Annotated

from flask import Response
from sqlalchemy.orm import Session, selectinload

from app.api.charging.sessions import BILL
from app.api.ground import _bulk, _lists, _rows
from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun, finds
from app.domain.ground.vocabulary import Actor, Json
from app.domain.money import billing, questions, receipts
from app.domain.money import tariffs as prices
from app.models import Bill, BillLine, Delivery, DriverQuestion, Receipt
from app.queries.money import bills as queries
from app.schemas import money as schemas
from app.schemas.answers import From, read
from app.schemas.bulk import BillsBulk
from app.text import letters
from app.text.writers import Writer
from app.web import papers
from app.web.headers import framed
from app.web.problems import Problem

noun = Noun("bills", "Bills, credits and corrections; once issued they never change.")

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


def _bill(ask: Ask, bill_id: int) -> Bill:
    found = queries.one(ask.db, bill_id) if bill_id < 2**63 else None
    if found is None:
        raise Problem(404, "There is no such bill.")
    return found


def _receipt(ask: Ask, bill_id: int) -> Receipt:
    row = _bill(ask, bill_id).receipt
    if row is None:
        raise Problem(404, "This bill has no receipt.")
    return row


def _of_its_session(act: Callable[..., Bill]) -> Callable[..., Bill]:
    """An act on the session of a bill, which has to be the one that stands."""
    return lambda db, actor, bill, **given: act(db, actor, bill.session, named=bill, **given)


list_ = _lists.hang(
    *(noun, "/bills", "List bills"),
    "The bills of sessions in reach, the newest first; `number` finds one.",
    *(Bill, BILL),
    asked=schemas.Bills,
    ways={
        "receipt": lambda state: Bill.receipt.has(Receipt.state == state),
    },
    at="issued_at",
)
noun.show(
    *("/bills/{bill_id}", "Read a bill"),
    "One bill, line by line, with the readings behind each.",
    *(BillDetail, _bill),
)
noun.decide(
    "/bills/{bill_id}/correct",
    "Correct a bill",
    "Replace the bill that stands by a credit and a correction; the driver gets one mail.",
    *(BillDetail, _bill, _of_its_session(billing.correct)),
    body=schemas.Correction,
    makes="/bills",
    seen=lambda ask, made: _bill(ask, made.id),
)
noun.decide(
    "/bills/{bill_id}/refund",
    "Refund a bill",
    "Take the bill that stands back whole, by a credit.",
    *(BillDetail, _bill, _of_its_session(billing.refund)),
    body=schemas.Refund,
    makes="/bills",
    seen=lambda ask, made: _bill(ask, made.id),
)


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


_lists.hang(
    *(noun, "/receipts", "List receipts", "The mails of bills in reach, the newest first."),
    *(Receipt, RECEIPT),
    name="receipts",
    asked=schemas.Receipts,
    options=[selectinload(Receipt.deliveries)],
)
noun.decide(
    "/bills/{bill_id}/resend",
    "Send a receipt again",
    "Send the receipt again, to the driver or to another address; not while it is under way.",
    *(RECEIPT, _receipt),
    lambda *who, now, email="": receipts.resend(*who, now=now, recipient=email or ""),
    body=schemas.Resending,
    result=True,
)
_bulk.hang(
    *(noun, receipts.MANY, list_, BillsBulk),
    "Send the receipts of many bills again, each to its driver’s address of today.",
)


# What drivers ask about their receipts, and the answers that go out by mail.

question_noun = Noun("questions", "What drivers ask about their receipts, on the pages of these.")
QUESTION = _rows.answer(
    "Question",
    "A question about a bill; `recipient` is the address that its receipt, and an answer, go to. "
    "`closed_at` null: it waits. Closed without an answer: it needed none, or not by mail.",
    DriverQuestion,
)


_lists.hang(
    *(question_noun, "/questions", "List questions"),
    "The questions about bills in reach, the newest first.",
    *(DriverQuestion, QUESTION),
    asked=schemas.Questions,
    ways={"closed": lambda is_: DriverQuestion.closed_at.is_not(None) == is_},
)
_question = finds(DriverQuestion, "question")


def _answer(db: Session, actor: Actor, row: DriverQuestion, **given: object) -> None:
    say = Writer(row.language, "UTC").translate
    questions.answer(db, actor, row, say=say, link=letters.link(row.bill), **given)  # type: ignore[arg-type]


question_noun.decide(
    "/questions/{question_id}/answer",
    "Answer a question",
    "Mail an answer to the driver, in the language of the receipt, and close the question.",
    *(QUESTION, _question, _answer),
    body=schemas.QuestionAnswer,
    problems=(409,),
)
question_noun.decide(
    "/questions/{question_id}/close",
    "Close a question",
    "Close a question that needs no mail.",
    *(QUESTION, _question, questions.close),
    problems=(409,),
)
