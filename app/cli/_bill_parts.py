"""The columns of `flask bill` lists."""

from decimal import Decimal

from app.cli._shared import Column
from app.domain.tariffs import from_minor
from app.domain.vocabulary import ReceiptState
from app.domain.vocabulary.doubts import sentence
from app.models import Bill, ChargingSession


def _amount(bill: Bill, minor: int) -> Decimal:
    return from_minor(minor, bill.currency)


def _driver(session: ChargingSession) -> str | None:
    return session.driver.name if session.driver else None


def _receipt(bill: Bill) -> str:
    if bill.receipt is None:
        return "none"
    skipped = bill.receipt.state is ReceiptState.SKIPPED
    return f"none: {bill.receipt.error}" if skipped else bill.receipt.state.value


LIST: list[Column] = [
    ("number", lambda bill: bill.number),
    ("kind", lambda bill: bill.kind),
    ("issued_at", lambda bill: bill.issued_at),
    ("session", lambda bill: bill.session_id),
    ("driver", lambda bill: _driver(bill.session)),
    ("energy_wh", lambda bill: bill.energy_wh),
    ("gross", lambda bill: _amount(bill, bill.gross_minor)),
    ("currency", lambda bill: bill.currency),
    ("receipt", _receipt),
]
MONEY: list[Column] = [
    ("net", lambda bill: _amount(bill, bill.net_minor)),
    ("tax", lambda bill: _amount(bill, bill.tax_minor)),
    ("reason", lambda bill: bill.reason),
    ("issued_by", lambda bill: bill.issued_by),
    ("digest", lambda bill: bill.digest),
]
HELD: list[Column] = [
    ("session", lambda review: review.session_id),
    ("held_since", lambda review: review.opened_at),
    ("driver", lambda review: _driver(review.session)),
    ("station", lambda review: review.session.station.identity),
    ("energy_wh", lambda review: review.session.energy_wh),
    ("why", lambda review: [sentence(code) for code in review.reasons]),
]
FIGURES: list[Column] = [
    ("figure", lambda figure: figure.label),
    ("energy_wh", lambda figure: figure.energy_wh),
    ("proposed", lambda figure: figure.proposed),
    ("for", lambda figure: list(figure.speaks_for)),
    ("against", lambda figure: list(figure.against)),
]
DIFFERENCES: list[Column] = [
    ("session", lambda found: found.session_id),
    ("bill", lambda found: found.number),
    ("billed_wh", lambda found: found.billed_wh),
    ("recounted_wh", lambda found: found.energy_wh),
    ("billed", lambda found: from_minor(found.billed_minor, found.currency)),
    (
        "recounted",
        lambda found: (
            None if found.gross_minor is None else from_minor(found.gross_minor, found.currency)
        ),
    ),
    ("currency", lambda found: found.currency),
    ("in_doubt", lambda found: found.sentences),
]
