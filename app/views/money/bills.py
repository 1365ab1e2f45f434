"""Bills on the desk: the list, one bill with its evidence and receipt, and what changes it."""

from datetime import datetime
from typing import Any

from flask import Response, abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Actor, BillingState, BillKind, ReceiptState
from app.domain.money import billing, questions, receipts
from app.extensions import db
from app.forms.ground import refusals
from app.forms.money import CorrectForm, RefundForm, ResendForm, in_wh
from app.models import Bill, DriverQuestion
from app.process.clock import utc_now
from app.queries.charging.sessions import review
from app.queries.ground import names
from app.queries.money import bills as queries
from app.queries.money import reviews as review_queries
from app.queries.money.bills import BillRow
from app.text import bill_text, letters
from app.text.writers import LOCALES, DeskWriter, Writer
from app.uow import unit_of_work
from app.views.ground import _bulk, _doing
from app.views.money._reviews import blueprint
from app.web import listing, papers, spreadsheet
from app.web.headers import framed
from app.web.security import actor, back

KINDS = [
    (BillKind.BILL.value, "bills"),
    (BillKind.CREDIT.value, N_("credit notes")),
    (BillKind.CORRECTION.value, N_("corrections")),
]
RECEIPTS = [
    ("trouble", "failed or unclear"),
    (ReceiptState.SENT.value, "sent"),
    (ReceiptState.QUEUED.value, "queued"),
    (ReceiptState.SENDING.value, "being sent"),
    (ReceiptState.SKIPPED.value, "none"),
    (ReceiptState.FAILED.value, "failed"),
    (ReceiptState.UNKNOWN.value, "unclear"),
]
LANGUAGES = {"en": "English", "de": "Deutsch"}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL, with its sums; or all of it as a file."""
    session = db.session()
    wanted, recent = _filter(session)
    if listing.wants_file():
        return _file(session, wanted)
    return render_template(
        "money/bills/index.html",
        page=(page := queries.page(session, wanted, listing.wish())),
        totals=queries.totals(session, wanted) if listing.summed(wanted, page) else None,
        recent=recent,
        kinds=KINDS,
        receipts=RECEIPTS,
        sites=names.all_sites(session),
        strays=review_queries.strays_waiting(session),
    )


def _file(session: Session, wanted: queries.Filter) -> Response:
    return listing.file_response(
        *("bills", spreadsheet.of_tuples(BillRow), queries.rows(session, wanted)),
        since=wanted.since,
        until=wanted.until,
    )


def _chosen_file(ids: frozenset[int] | None) -> Response:
    session = db.session()
    return _file(session, _filter(session)[0] if ids is None else queries.Filter(ids=ids))


_bulk.hang(
    blueprint,
    receipts.MANY,
    lambda work: _filter(work)[0].select(work),
    {
        "resend": lambda n: ngettext(
            "%(num)s receipt is sent again.", "%(num)s receipts are sent again.", n
        )
    },
    file=_chosen_file,
)


@blueprint.get("/<int:bill_id>")
def show(bill_id: int) -> ResponseReturnValue:
    """One bill: lines with their readings, why, chain, receipt."""
    return _page(_bill(bill_id), CorrectForm(), RefundForm(formdata=None))


@blueprint.post("/<int:bill_id>/correct")
def correct(bill_id: int) -> ResponseReturnValue:
    """Replace the bill by a credit and a correction."""
    bill, form = _bill(bill_id), CorrectForm()
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                made = billing.correct(
                    work, actor(), bill.session, reason=form.reason.data, now=utc_now(),
                    energy_wh=in_wh(form.energy_kwh.data), named=bill,
                )  # fmt: skip
                number, name = made.id, made.number
            flash(_("Corrected: %(name)s replaces the bill.", name=name), "success")
            return back("bills.show", bill_id=number)
    return _page(bill, form, RefundForm(formdata=None), open_form="correct"), 422


@blueprint.post("/<int:bill_id>/refund")
def refund(bill_id: int) -> ResponseReturnValue:
    """Take the bill back whole."""
    bill, form = _bill(bill_id), RefundForm()
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                made = billing.refund(
                    work, actor(), bill.session, reason=form.reason.data, now=utc_now(), named=bill
                )
                number, name = made.id, made.number
            flash(_("Refunded by credit note %(name)s.", name=name), "success")
            return back("bills.show", bill_id=number)
    return _page(bill, CorrectForm(formdata=None), form, open_form="refund"), 422


@blueprint.get("/<int:bill_id>/receipt")
def receipt(bill_id: int) -> ResponseReturnValue:
    """The receipt as the driver gets it, in a frame, in either language."""
    bill = _bill(bill_id)
    language = _language(bill)
    letter = letters.receipt(bill, language)
    return render_template(
        "money/bills/receipt.html", bill=bill, letter=letter, language=language, languages=LANGUAGES
    )


@blueprint.get("/<int:bill_id>/receipt/letter")
def letter(bill_id: int) -> ResponseReturnValue:
    """The receipt's HTML itself: the same rendering as the mail's."""
    bill = _bill(bill_id)
    return framed(letters.receipt(bill, _language(bill)).html)


@blueprint.get("/<int:bill_id>/receipt.pdf")
def pdf(bill_id: int) -> Response:
    """The receipt as a file for paper, in either language."""
    bill = _bill(bill_id)
    return papers.receipt(bill, _language(bill))


@blueprint.post("/<int:bill_id>/resend")
def resend(bill_id: int) -> ResponseReturnValue:
    """Send the receipt again, to the driver or to another address."""
    bill, form = _bill(bill_id), ResendForm()
    if bill.receipt is None:
        abort(404)
    with unit_of_work() as work:
        row = receipts.resend(
            work, actor(), bill.receipt, now=utc_now(), recipient=form.email.data or ""
        )
        recipient = row.recipient
    flash(_("Sending the receipt to %(recipient)s again.", recipient=recipient), "success")
    return back("bills.show", bill_id=bill_id)


def _page(bill: Bill, correct_form: Any, refund_form: Any, open_form: str = "") -> str:
    session = db.session()
    zone = bill.facts["timezone"]
    standing = billing.standing(session, bill.session)
    return render_template(
        "money/bills/show.html",
        bill=bill,
        session=bill.session,
        zone=zone,
        told=bill_text.in_words(bill, DeskWriter(zone)),
        late_payments=billing.late_payments(session, bill) if bill == standing else (),
        chain=queries.chain(session, bill.session_id),
        review=review(session, bill.session_id),
        questions=questions.of_bill(session, bill),
        faults=billing.faults_of(session, bill),
        correct_form=correct_form,
        refund_form=refund_form,
        open_form=open_form,
        changeable=standing is not None
        and standing.id == bill.id
        and bill.session.billing is BillingState.BILLED,
        resendable=bill.receipt is not None and bill.receipt.state in receipts.RESENDABLE,
    )


def _bill(bill_id: int) -> Bill:
    found = queries.one(db.session(), bill_id)
    if found is None:
        abort(404, "There is no such bill.")
    return found


def _language(bill: Bill) -> str:
    wanted = request.args.get("language", "")
    if wanted in LOCALES:
        return wanted
    return bill.receipt.language if bill.receipt else "en"


def _filter(session: Session) -> tuple[queries.Filter, bool]:
    """What the URL asks for, and whether the list begins with what is recent as it is so long."""
    return listing.lately(listing.asked(queries.Filter), session)


# What drivers ask about their receipts.


@blueprint.get("/questions", endpoint="questions")
def asked() -> ResponseReturnValue:
    """The questions that wait for an answer, or all of them."""
    closed = listing.text("state") == "all"
    page = queries.questions(db.session(), listing.wish(), closed=closed)
    return render_template("money/bills/questions.html", page=page, everything=closed)


def _question(bill_id: int, question_id: int) -> DriverQuestion:
    found = db.session.get(DriverQuestion, question_id)
    if found is None or found.bill_id != bill_id:
        abort(404, "There is no such question.")
    return found


def _answer(work: Session, who: Actor, found: DriverQuestion, *, now: datetime, text: str) -> None:
    say, link = Writer(found.language, "UTC").translate, letters.link(found.bill)
    questions.answer(work, who, found, text, say=say, link=link, now=now)


for _word, _act, _given, _said, _name in (
    ("answer", _answer, lambda: {"text": request.form.get("text", "")},
     N_("The answer is on its way by mail."), "answer"),
    ("close", questions.close, dict, N_("Closed without a mail."), "close_question"),
):  # fmt: skip
    _doing.does(
        *(blueprint, f"/<int:bill_id>/questions/<int:question_id>/{_word}", _act, _question, _said),
        given=_given,
        tells=True,
        anchor="questions",
        name=_name,
    )
