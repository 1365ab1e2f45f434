"""What `flask bill` works on: bills, sessions and reviews by name, and the columns of its lists."""

from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.ground.errors import NotFound
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import ReceiptState
from app.domain.ground.vocabulary.doubts import sentence
from app.domain.money import billing
from app.domain.money.tariffs import from_minor
from app.models import Bill, ChargingSession, Review
from app.queries.money import bills as queries
from app.queries.money import reviews as review_queries


def _amount(row: Any, minor: int | None) -> Decimal | None:
    return None if minor is None else from_minor(minor, row.currency)


def _receipt(bill: Bill) -> str:
    if bill.receipt is None:
        return "none"
    skipped = bill.receipt.state is ReceiptState.SKIPPED
    return f"none: {bill.receipt.error}" if skipped else bill.receipt.state.value


LIST: list[cli.Column] = [
    *read("number kind issued_at session=session_id driver=driver.name energy_wh"),
    ("gross", lambda bill: _amount(bill, bill.gross_minor)),
    *read("currency"),
    ("receipt", _receipt),
]
MONEY: list[cli.Column] = [
    ("net", lambda bill: _amount(bill, bill.net_minor)),
    ("tax", lambda bill: _amount(bill, bill.tax_minor)),
    *read("reason issued_by digest"),
]
#: What `export` writes of a bill, read off its row: amounts in whole units of the currency.
EXPORTED: list[cli.Column] = [
    *read("number kind issued_at session driver energy_wh"),
    ("gross", lambda row: _amount(row, row.gross_minor)),
    *read("currency"),
    ("receipt", lambda row: row.receipt or "none"),
    *MONEY,
]
HELD: list[cli.Column] = [
    *read("session=session_id held_since=opened_at driver=session.driver.name"),
    *read("station=session.station.identity energy_wh=session.energy_wh"),
    ("why", lambda review: [sentence(code) for code in review.reasons]),
]
FIGURES: list[cli.Column] = [
    *read("figure=label energy_wh proposed"),
    ("for", lambda figure: list(figure.speaks_for)),
    ("against", lambda figure: list(figure.against)),
]
DIFFERENCES: list[cli.Column] = [
    *read("session=session_id bill=number billed_wh recounted_wh=energy_wh"),
    ("billed", lambda found: _amount(found, found.billed_minor)),
    ("recounted", lambda found: _amount(found, found.gross_minor)),
    *read("currency in_doubt=sentences"),
]


def bill_of(db: Session, text: str) -> Bill:
    """A bill by its number, or the one that stands for a session; raises NotFound."""
    found = queries.by_number(db, cli.the_tenant(db).id, text)
    if found is None and text.isdigit():
        session = db.get(ChargingSession, int(text))
        standing = billing.standing(db, session) if session is not None else None
        found = queries.one(db, standing.id) if standing is not None else None
    if found is None:
        raise NotFound(f"There is no bill {text}.")
    return found


def named_by(db: Session, text: str) -> tuple[ChargingSession, Bill | None]:
    """A session by its id, or a bill by its number with its session.

    Raises NotFound, and Conflict where another bill than the named one stands.
    """
    if text.isdigit():
        return cli.finds(ChargingSession, "session")(db, text), None
    bill = bill_of(db, text)
    billing.check_named(bill, billing.standing(db, bill.session))
    return bill.session, bill


def review_of(db: Session, session_id: int) -> Review:
    """The review of a session; raises NotFound."""
    review = review_queries.one(db, session_id)
    if review is None:
        raise NotFound(f"Session {session_id} is not held for review.")
    return review
