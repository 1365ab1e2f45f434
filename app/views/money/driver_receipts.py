"""A receipt's own page, for its driver, who needs no account.

Its address holds a secret: one that the mail brought (`app.domain.money.receipts`), or one
that the station showed to somebody who paid there.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask_babel import force_locale
from flask_login import current_user

from app.domain.ground.errors import DomainError
from app.domain.ground.texts import N_ as _
from app.domain.money import questions, receipts, settlements
from app.domain.money.billing.usage import signed_texts
from app.extensions import db, limiter, the_settings
from app.models import Bill, MeterReading
from app.process.clock import utc_now
from app.queries.charging import session_chart, sessions
from app.queries.money import bills
from app.text import bill_text, drawn_chart
from app.text.writers import LOCALES, Writer
from app.uow import unit_of_work
from app.web import papers, scope
from app.web.listing import attachment
from app.web.security import back, public

#: Readings in the table that says the same as the chart.
MOST_ROWS = 24

blueprint = Blueprint("driver_receipts", __name__, url_prefix="/r/<key>")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a secret opens: a bill, or None while it is still being made; and in which words."""

    bill: Bill | None
    words: Writer


@blueprint.get("")
@limiter.limit("60/minute")
@public
def show(key: str) -> Response:
    """The receipt with its chart and what it replaced, or that it is still being made."""
    opened = _opened(key)
    if opened.bill is not None:
        return _page(opened.bill, opened.words, key)
    answer = make_response(_said("money/receipts/waiting.html", opened.words))
    answer.headers["Refresh"] = "60"
    return _unlisted(answer)


@blueprint.get("/receipt.pdf")
@limiter.limit("20/minute")
@public
def pdf(key: str) -> Response:
    """The same receipt as a file for paper."""
    opened = _opened(key)
    if opened.bill is None:
        abort(404)
    hidden = opened.bill.session.station.identity
    return _unlisted(papers.receipt(opened.bill, opened.words.language, hidden))


@blueprint.get("/signed.txt")
@limiter.limit("20/minute")
@public
def signed(key: str) -> Response:
    """What the meter signed of the session, to the letter: a driver checks it with its key."""
    bill = _opened(key).bill
    texts = list(signed_texts(sessions.samples(db.session(), bill.session_id))) if bill else []
    if bill is None or not texts:
        abort(404)
    answer = Response("\n\n".join(texts) + "\n", mimetype="text/plain")
    answer.headers["Content-Disposition"] = attachment(f"signed-readings-{bill.number}.txt")
    return _unlisted(answer)


@blueprint.post("/question")
@limiter.limit("10/hour")
@public
def ask(key: str) -> Response:
    """Take in a question; what a person cannot see is only filled in by a machine."""
    opened = _opened(key)
    bill, words, text = opened.bill, opened.words, request.form.get("text", "")
    if bill is None:
        abort(404)
    if not request.form.get("website"):
        try:
            with unit_of_work() as work:
                questions.ask(work, bill, text, desk_url=the_settings().desk_url, now=utc_now())
        except DomainError as error:
            refused = _page(bill, words, key, trouble=error.sentence, text=text)
            refused.status_code = error.status
            return refused
    return back("driver_receipts.show", key=key, asked=1, _anchor="question")


def _page(bill: Bill, words: Writer, key: str, trouble: str = "", text: str = "") -> Response:
    """The page of a bill; with `trouble`, and what was asked, where a question was refused."""
    session, settings = db.session(), the_settings()
    rows = sessions.readings(session, bill.session_id)
    chart = session_chart.of_bill(bill, rows)
    chain = bills.chain(session, bill.session_id)
    links = {
        each.id: receipts.write_link(settings.link_keys(), each.id)
        for each in chain
        if utc_now() < receipts.link_ends_at(each, settings.receipt_page_days)
    }
    return _unlisted(
        make_response(
            _said(
                "money/receipts/page.html",
                words,
                words=words,
                key=key,
                bill=bill,
                told=bill_text.in_words(bill, words, bill.session.station.identity),
                drawing=drawn_chart.of(chart.power, words),
                signed=any(signed_texts(rows)),
                readings=[_row(one, words) for one in session_chart.thinned(chart.rows, MOST_ROWS)],
                chain=chain,
                links=links,
                asked=questions.of_bill(session, bill),
                may_ask=questions.may_ask(bill),
                longest=questions.LONGEST,
                trouble=words.translate(trouble) if trouble else "",
                text=text,
                ends_at=receipts.link_ends_at(bill, settings.receipt_page_days),
            )
        )
    )


def _said(page: str, told_in: Writer, **known: Any) -> str:
    """A page in the driver's language all over, whatever their browser asks for."""
    with force_locale(told_in.language):
        return render_template(page, lang=told_in.language, _=told_in.translate, **known)


def _row(reading: MeterReading, words: Writer) -> tuple[str, str, str]:
    register, power = reading.register_wh, reading.power_w
    return (
        words.clock(reading.taken_at),
        "" if register is None else f"{words.number(register / 1000, 3)} kWh",
        "" if power is None else f"{words.number(Decimal(str(power)) / 1000, 1)} kW",
    )


def _opened(key: str) -> Opened:
    """What the secret opens; 404 in the same words for one that is wrong and one that is over."""
    session = db.session()
    # Who opens it counts for nothing here, be it staff of another company.
    if current_user.is_authenticated:
        scope.narrow(session, None)
    settings, asked = the_settings(), Writer(_asked_language(), "UTC")
    days, now = settings.receipt_page_days, utc_now()
    bill = receipts.linked_bill(session, settings.link_keys(), key, days=days, now=now)
    settlement = None if bill else settlements.by_receipt_key(session, key)
    if settlement is not None:
        bill = settlements.bill_of(session, settlement)
        if bill is None:
            return Opened(None, asked)
    if bill is None or now >= receipts.link_ends_at(bill, days) or _forgotten(bill):
        abort(404, asked.translate(_("This link leads to no receipt, or it has expired.")))
    language = bill.receipt.language if bill.receipt and not settlement else asked.language
    return Opened(bill, Writer(language, bill.facts["timezone"]))


def _forgotten(bill: Bill) -> bool:
    return bill.driver is not None and bill.driver.forgotten_at is not None


def _asked_language() -> str:
    """What the reader's browser speaks first of what we write."""
    wanted = (word.partition("-")[0].lower() for word in request.accept_languages.values())
    return next((word for word in wanted if word in LOCALES), "en")


def _unlisted(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "private, max-age=60"
    answer.headers["X-Robots-Tag"] = "noindex"
    # Other sites learn nothing of the address, and forms of this one still say where they are from.
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer
