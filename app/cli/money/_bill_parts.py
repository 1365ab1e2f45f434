"""What `flask bill` works on: bills, sessions and reviews by name, and the columns of its lists."""

from decimal import Decimal
from operator import attrgetter

from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.ground.errors import NotFound
from app.domain.ground.vocabulary import ReceiptState
from app.domain.ground.vocabulary.doubts import sentence
from app.domain.money import billing
from app.domain.money.tariffs import from_minor
from app.models import Bill, ChargingSession, Review
from app.queries.money import bills as queries
from app.queries.money import reviews as review_queries


def _amount(bill: Bill, minor: int) -> Decimal:
    return from_minor(minor, bill.currency)


def _driver(session: ChargingSession) -> str | None:
    return session.driver.name if session.driver else None


def _receipt(bill: Bill) -> str:
    if bill.receipt is None:
        return "none"
    skipped = bill.receipt.state is ReceiptState.SKIPPED
    return f"none: {bill.receipt.error}" if skipped else bill.receipt.state.value


LIST: list[cli.Column] = [
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
MONEY: list[cli.Column] = [
    ("net", lambda bill: _amount(bill, bill.net_minor)),
    ("tax", lambda bill: _amount(bill, bill.tax_minor)),
    ("reason", lambda bill: bill.reason),
    ("issued_by", lambda bill: bill.issued_by),
    ("digest", lambda bill: bill.digest),
]
#: What `export` writes of a bill, read off its row: amounts in whole units of the currency.
EXPORTED: list[cli.Column] = [
    *((name, attrgetter(name)) for name in ("number", "kind", "issued_at", "session", "driver")),
    ("energy_wh", lambda row: row.energy_wh),
    ("gross", lambda row: from_minor(row.gross_minor, row.currency)),
    ("currency", lambda row: row.currency),
    ("receipt", lambda row: row.receipt or "none"),
    ("net", lambda row: from_minor(row.net_minor, row.currency)),
    ("tax", lambda row: from_minor(row.tax_minor, row.currency)),
    *((name, attrgetter(name)) for name in ("reason", "issued_by", "digest")),
]
HELD: list[cli.Column] = [
    ("session", lambda review: review.session_id),
    ("held_since", lambda review: review.opened_at),
    ("driver", lambda review: _driver(review.session)),
    ("station", lambda review: review.session.station.identity),
    ("energy_wh", lambda review: review.session.energy_wh),
    ("why", lambda review: [sentence(code) for code in review.reasons]),
]
FIGURES: list[cli.Column] = [
    ("figure", lambda figure: figure.label),
    ("energy_wh", lambda figure: figure.energy_wh),
    ("proposed", lambda figure: figure.proposed),
    ("for", lambda figure: list(figure.speaks_for)),
    ("against", lambda figure: list(figure.against)),
]
DIFFERENCES: list[cli.Column] = [
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
        session = db.get(ChargingSession, int(text))
        if session is None:
            raise NotFound(f"There is no session {text}.")
        return session, None
    bill = bill_of(db, text)
    billing.check_named(bill, billing.standing(db, bill.session))
    return bill.session, bill


def review_of(db: Session, session_id: int) -> Review:
    """The review of a session; raises NotFound."""
    review = review_queries.one(db, session_id)
    if review is None:
        raise NotFound(f"Session {session_id} is not held for review.")
    return review
