"""Receipts of payments at stations, by an address with a secret that the station shows."""

from flask import Blueprint, Response, abort, make_response, render_template, request

from app.domain.money import settlements
from app.extensions import db, limiter
from app.models import Bill
from app.text import letters
from app.text.writers import Writer
from app.web import papers
from app.web.security import public

blueprint = Blueprint("payment_receipts", __name__)

LANGUAGES = ("en", "de")


@blueprint.get("/r/<key>")
@limiter.limit("60/minute")
@public
def show(key: str) -> Response:
    """The receipt of the session that was paid, or that it is still being made."""
    bill, language = _bill(key), _language()
    if bill is not None:
        answer = make_response(letters.receipt(bill, language).html)
    else:
        words = Writer(language, "UTC")
        page = "money/bills/receipt_waiting.html"
        answer = make_response(render_template(page, lang=language, _=words.translate))
        answer.headers["Refresh"] = "60"
    return _unlisted(answer)


@blueprint.get("/r/<key>/receipt.pdf")
@limiter.limit("20/minute")
@public
def pdf(key: str) -> Response:
    """The same receipt as a file for paper."""
    bill = _bill(key)
    if bill is None:
        abort(404)
    return _unlisted(papers.receipt(bill, _language()))


def _bill(key: str) -> Bill | None:
    settlement = settlements.by_receipt_key(db.session(), key)
    if settlement is None:
        abort(404)
    return settlements.bill_of(db.session(), settlement)


def _language() -> str:
    """What the reader's browser speaks first of what we write."""
    wanted = (word.partition("-")[0].lower() for word in request.accept_languages.values())
    return next((word for word in wanted if word in LANGUAGES), LANGUAGES[0])


def _unlisted(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
