"""What drivers ask about their receipts, as part of the bills: the list, answering, closing."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, render_template, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.ground.errors import DomainError
from app.domain.money import questions
from app.extensions import db
from app.models import DriverQuestion
from app.queries.money import bills as queries
from app.text import letters
from app.text.writers import Writer
from app.uow import unit_of_work
from app.web import listing
from app.web.security import actor, back, needs


@needs("read")
def index() -> Any:
    """The questions that wait for an answer, or all of them."""
    closed = listing.text("state") == "all"
    page = queries.questions(db.session(), listing.wish(), closed=closed)
    return render_template("money/bills/questions.html", page=page, everything=closed)


@needs("write")
def answer(bill_id: int, question_id: int) -> Any:
    """Mail an answer to the driver."""

    def act(work: Session, found: DriverQuestion) -> None:
        questions.answer(
            *(work, actor(), found, request.form.get("text", "")),
            say=Writer(found.language, "UTC").translate,
            link=letters.link(found.bill),
            now=utc_now(),
        )

    return _done(bill_id, question_id, act, _("The answer is on its way by mail."))


@needs("write")
def close(bill_id: int, question_id: int) -> Any:
    """Close a question that was answered otherwise, or needs no answer."""

    def act(work: Session, found: DriverQuestion) -> None:
        questions.close(work, actor(), found, now=utc_now())

    return _done(bill_id, question_id, act, _("Closed without a mail."))


def _done(
    bill_id: int, question_id: int, act: Callable[[Session, DriverQuestion], None], said: str
) -> Any:
    found = db.session.get(DriverQuestion, question_id)
    if found is None or found.bill_id != bill_id:
        abort(404, "There is no such question.")
    try:
        with unit_of_work() as work:
            act(work, found)
    except DomainError as error:
        flash(error.sentence, "error")
    else:
        flash(said, "success")
    return back("bills.show", bill_id=bill_id, _anchor="questions")


def add_to(blueprint: Blueprint) -> None:
    """Hang the pages on the bills."""
    one = "/<int:bill_id>/questions/<int:question_id>"
    blueprint.add_url_rule("/questions", "questions", index)
    blueprint.add_url_rule(f"{one}/answer", "answer", answer, methods=["POST"])
    blueprint.add_url_rule(f"{one}/close", "close_question", close, methods=["POST"])
