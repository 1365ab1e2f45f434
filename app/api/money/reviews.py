"""What waits for a person: sessions whose bill is held, and stops that matched no session."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select

from app.api.charging.sessions import SESSION
from app.api.ground import _bulk, _lists, _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.api.ground._secrets import blotted
from app.domain.charging import sessions
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import Json, doubts
from app.domain.money import reviews
from app.models import ChargingSession, Review, StrayStop
from app.schemas import money as schemas
from app.schemas.answers import read
from app.schemas.bulk import ReviewsBulk
from app.uow import unit_of_work
from app.web.problems import Problem

noun = Noun("reviews", "Sessions whose bill is held, and stops that match no session.")
blueprint = noun.blueprint

REVIEW = _rows.answer(
    "Review",
    "Why the bill of a session is held, and what a person decided: approved, corrected, waived or "
    "kept; null: it waits.",
    Review,
    reasons=read(list[str], lambda row: row.reasons, "Codes of what cannot be trusted."),
    sentences=read(
        list[str], lambda row: [doubts.sentence(code) for code in row.reasons], "The same in words."
    ),
)
STRAY = _rows.answer(
    "StrayStop",
    "A stop that belongs to no session we know; the charger was answered all the same. `count`: "
    "how often it came.",
    StrayStop,
    without=("digest",),
    renamed={"transaction_ref": "transaction_id", "token": "id_tag"},
    payload=read(Json, lambda row: blotted(row.payload), "As it came."),
)
#: What the business calls a value -> the member that held it.
_MEMBERS = {"energy_kwh": "energy_wh", "tariff": "tariff_version_id"}


def _review(ask: Ask, session_id: int) -> Review:
    session = ask.get(ChargingSession, session_id, "session")
    found = ask.db.scalar(select(Review).where(Review.session_id == session.id))
    if found is None:
        raise Problem(404, "This session is not held for review.")
    return found


def _stray(ask: Ask, stray_id: int) -> StrayStop:
    stop: StrayStop = ask.get(StrayStop, stray_id, "stop")
    return stop


@noun.get("/reviews", "List reviews", answers={200: Pages(REVIEW)}, query=schemas.Reviews)
def list_(ask: Ask) -> object:
    """Sessions whose bill is or was held, the newest first."""
    ways = {"decided": lambda is_: Review.decided_at.is_not(None) == is_}
    return _lists.narrowed(ask, select(Review), Review, ways)


@noun.get("/sessions/{session_id}/review", "Read a session’s review", answers={200: REVIEW})
def show(ask: Ask, session_id: int) -> object:
    """Why the bill of a session is or was held."""
    return _review(ask, session_id)


@noun.post(
    "/sessions/{session_id}/review/approve",
    "Approve a held session",
    body=schemas.Approval,
    answers={200: REVIEW},
)
def approve(ask: Ask, session_id: int) -> object:
    """Bill the energy as it was measured; a bill that stands and says the same stays."""
    return _approved(ask, session_id)


@noun.post(
    "/sessions/{session_id}/review/correct",
    "Correct a held session",
    body=schemas.CorrectedApproval,
    answers={200: REVIEW},
)
def correct(ask: Ask, session_id: int) -> object:
    """Bill another energy, which is right; a bill that stands is credited and corrected."""
    return _approved(ask, session_id)


noun.decide(
    "/sessions/{session_id}/review/waive",
    "Waive a held session",
    "Charge nothing for the session; a bill that stands is credited.",
    *(REVIEW, _review, reviews.waive),
    body=schemas.Decision,
)


noun.decide(
    "/sessions/{session_id}/review/keep",
    "Keep the bill of a held session",
    "Leave the bill that stands as it is, whatever was told later.",
    *(REVIEW, _review, reviews.keep),
    body=schemas.Decision,
)


@noun.get(
    "/stray-stops",
    "List stray stops",
    answers={200: Pages(STRAY)},
    query=schemas.StrayStops,
)
def strays(ask: Ask) -> object:
    """Stops that matched no session when they came, the newest first."""
    return _lists.narrowed(ask, select(StrayStop), StrayStop)


@noun.get("/stray-stops/{stray_id}", "Read a stray stop", answers={200: STRAY})
def stray(ask: Ask, stray_id: int) -> object:
    """One stop and what became of it."""
    return ask.get(StrayStop, stray_id, "stop")


@noun.post(
    "/stray-stops/{stray_id}/assign",
    "Assign a stray stop",
    body=schemas.Assignment,
    answers={200: SESSION},
)
def assign(ask: Ask, stray_id: int) -> object:
    """Give a stop to the session that it ended."""
    found = _stray(ask, stray_id)
    session = ask.get(ChargingSession, ask.body["session_id"], "session")
    note = ask.body["note"]
    with unit_of_work() as db:
        return sessions.assign_stray(db, ask.actor, found, session, note=note, now=ask.now)


noun.decide(
    "/stray-stops/{stray_id}/dismiss",
    "Dismiss a stray stop",
    "Put a stop aside that needs nothing more.",
    *(STRAY, _stray, reviews.dismiss_stray),
    body=schemas.Decision,
)


def _approved(ask: Ask, session_id: int) -> Review:
    found = _review(ask, session_id)
    with _named_as_sent(), unit_of_work() as db:
        reviews.approve(db, ask.actor, found, now=ask.now, **ask.body)
    return found


@contextmanager
def _named_as_sent() -> Iterator[None]:
    """Let a refusal name the member that was sent."""
    try:
        yield
    except DomainError as error:
        error.field = _MEMBERS.get(error.field or "", error.field)
        raise


_bulk.hang(
    *(noun, reviews.MANY, list_, ReviewsBulk),
    "Bill many held sessions as they were measured, for one reason.",
)
