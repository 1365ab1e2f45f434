"""What waits for a person: sessions whose bill is held, and stops that matched no session."""

from sqlalchemy import select

from app.api.charging.sessions import SESSION
from app.api.ground import _bulk, _lists, _rows
from app.api.ground._noun import Ask, Noun, finds
from app.api.ground._rows import blotted
from app.domain.charging import sessions
from app.domain.ground.vocabulary import Json, doubts
from app.domain.money import reviews
from app.models import ChargingSession, Review, StrayStop
from app.schemas import money as schemas
from app.schemas.answers import read
from app.schemas.bulk import ReviewsBulk
from app.uow import unit_of_work
from app.web.problems import Problem

noun = Noun("reviews", "Sessions whose bill is held, and stops that match no session.")

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


def _review(ask: Ask, session_id: int) -> Review:
    mine = Review.session_id == _session(ask, session_id).id
    found = ask.db.scalar(select(Review).where(mine))
    if found is None:
        raise Problem(404, "This session is not held for review.")
    return found


_session = finds(ChargingSession, "session")
_stray = finds(StrayStop, "stop")


list_ = _lists.hang(
    *(noun, "/reviews", "List reviews"),
    "Sessions whose bill is or was held, the newest first.",
    *(Review, REVIEW),
    asked=schemas.Reviews,
    ways={"decided": lambda is_: Review.decided_at.is_not(None) == is_},
)
noun.show(
    *("/sessions/{session_id}/review", "Read a session’s review"),
    "Why the bill of a session is or was held.",
    *(REVIEW, _review),
)
noun.decide(
    "/sessions/{session_id}/review/approve",
    "Approve a held session",
    "Bill the energy as it was measured; a bill that stands and says the same stays.",
    *(REVIEW, _review, reviews.approve),
    body=schemas.Approval,
)
noun.decide(
    "/sessions/{session_id}/review/correct",
    "Correct a held session",
    "Bill another energy, which is right; a bill that stands is credited and corrected.",
    *(REVIEW, _review, reviews.approve),
    body=schemas.CorrectedApproval,
)
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
_lists.hang(
    *(noun, "/stray-stops", "List stray stops"),
    "Stops that matched no session when they came, the newest first.",
    *(StrayStop, STRAY),
    name="strays",
    asked=schemas.StrayStops,
)
noun.show(
    *("/stray-stops/{stray_id}", "Read a stray stop", "One stop and what became of it."),
    *(STRAY, _stray),
    name="stray",
)


@noun.post(
    "/stray-stops/{stray_id}/assign",
    "Assign a stray stop",
    body=schemas.Assignment,
    answers={200: SESSION},
)
def assign(ask: Ask, stray_id: int) -> object:
    """Give a stop to the session that it ended."""
    found, number = _stray(ask, stray_id), ask.body["session_id"]
    session = ask.get(ChargingSession, number, "session", field="session_id")
    with unit_of_work() as db:
        note = ask.body["note"]
        return sessions.assign_stray(db, ask.actor, found, session, note=note, now=ask.now)


noun.decide(
    "/stray-stops/{stray_id}/dismiss",
    "Dismiss a stray stop",
    "Put a stop aside that needs nothing more.",
    *(STRAY, _stray, reviews.dismiss_stray),
    body=schemas.Decision,
)
_bulk.hang(
    *(noun, reviews.MANY, list_, ReviewsBulk),
    "Bill many held sessions as they were measured, for one reason.",
)
