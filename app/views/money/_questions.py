"""What drivers ask about their receipts, as part of the bills: the list, answering, closing."""

from datetime import datetime
from typing import Any

from flask import Blueprint, abort, render_template, request
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Actor
from app.domain.money import questions
from app.extensions import db
from app.models import DriverQuestion
from app.queries.money import bills as queries
from app.text import letters
from app.text.writers import Writer
from app.views.ground import _doing
from app.web import listing
from app.web.security import needs


@needs("read")
def index() -> Any:
    """The questions that wait for an answer, or all of them."""
    closed = listing.text("state") == "all"
    page = queries.questions(db.session(), listing.wish(), closed=closed)
    return render_template("money/bills/questions.html", page=page, everything=closed)


def _question(work: Session, bill_id: int, question_id: int) -> DriverQuestion:
    found = work.get(DriverQuestion, question_id)
    if found is None or found.bill_id != bill_id:
        abort(404, "There is no such question.")
    return found


def _answer(work: Session, who: Actor, found: DriverQuestion, *, now: datetime, text: str) -> None:
    say, link = Writer(found.language, "UTC").translate, letters.link(found.bill)
    questions.answer(work, who, found, text, say=say, link=link, now=now)


def add_to(blueprint: Blueprint) -> None:
    """Hang the pages on the bills."""
    blueprint.add_url_rule("/questions", "questions", index)
    for word, act, given, said, name in (
        ("answer", _answer, _text, N_("The answer is on its way by mail."), "answer"),
        ("close", questions.close, dict, N_("Closed without a mail."), "close_question"),
    ):
        _doing.does(
            *(blueprint, f"/<int:bill_id>/questions/<int:question_id>/{word}", act),
            *(_question, said, ".show"),
            given=given,
            tells=True,
            anchor="questions",
            name=name,
        )


def _text() -> dict[str, str]:
    return {"text": request.form.get("text", "")}
