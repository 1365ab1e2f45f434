"""What drivers ask about their receipts, and the answers that go out by mail."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Actor
from app.domain.money import questions
from app.models import DriverQuestion
from app.schemas import money as schemas
from app.text import letters
from app.text.writers import Writer

noun = Noun("questions", "What drivers ask about their receipts, on the pages of these.")
blueprint = noun.blueprint

QUESTION = _rows.answer(
    "Question",
    "A question about a bill; `recipient` is the address that its receipt, and an answer, go to. "
    "`closed_at` null: it waits. Closed without an answer: it needed none, or not by mail.",
    DriverQuestion,
)


@noun.get(
    "/questions",
    "List questions",
    answers={200: Pages(QUESTION)},
    query=schemas.Questions,
)
def list_(ask: Ask) -> object:
    """The questions about bills in reach, the newest first."""
    ways = {"closed": lambda is_: DriverQuestion.closed_at.is_not(None) == is_}
    return _lists.narrowed(ask, select(DriverQuestion), DriverQuestion, ways)


def _question(ask: Ask, question_id: int) -> DriverQuestion:
    found: DriverQuestion = ask.get(DriverQuestion, question_id, "question")
    return found


def _answer(db: Session, actor: Actor, row: DriverQuestion, **given: object) -> None:
    say = Writer(row.language, "UTC").translate
    questions.answer(db, actor, row, say=say, link=letters.link(row.bill), **given)  # type: ignore[arg-type]


noun.decide(
    "/questions/{question_id}/answer",
    "Answer a question",
    "Mail an answer to the driver, in the language of the receipt, and close the question.",
    *(QUESTION, _question, _answer),
    body=schemas.QuestionAnswer,
    problems=(409,),
)
noun.decide(
    "/questions/{question_id}/close",
    "Close a question",
    "Close a question that needs no mail.",
    *(QUESTION, _question, questions.close),
    problems=(409,),
)
