"""What was decided about the tag of an event, kept with it: a repeat is answered the same."""

from datetime import datetime
from typing import Any

from app.domain.ground.vocabulary import Decision, Verdict


def noted(decision: Decision, *, stopping: bool) -> dict[str, Any]:
    """A decision as an event keeps it; `stopping`: it was about ending the session."""
    expires_at = decision.expires_at
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "sentence": decision.sentence,
        "tag_id": decision.tag_id,
        "driver_id": decision.driver_id,
        "parent": decision.parent,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "language": decision.language,
        "stopping": stopping,
    }


def decided(event: Any) -> Decision | None:
    """The decision that an event (its row of either kind) keeps; None where it showed no tag."""
    answer = event.answer
    if not answer:
        return None
    expires_at = answer.get("expires_at")
    return Decision(
        Verdict(answer["verdict"]),
        answer["reason"],
        answer["sentence"],
        answer.get("tag_id"),
        answer.get("driver_id"),
        answer.get("parent"),
        datetime.fromisoformat(expires_at) if expires_at else None,
        answer.get("language"),
    )
