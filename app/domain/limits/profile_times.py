"""Which limit of a charging profile holds at an instant.  Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.domain.limits.profile_documents import EVERY_S


def rate_at(document: Mapping[str, Any], at: datetime) -> str | None:
    """The limit that a document sets at an instant, in its unit; None where it sets none.

    A profile without a start of its own counts from now on.
    """
    if not _valid(document, at):
        return None
    starts = document.get("starts_at")
    seconds = (at - datetime.fromisoformat(starts)).total_seconds() if starts else 0.0
    if seconds < 0:
        return None
    if every_s := EVERY_S.get(document.get("kind", "")):
        seconds %= every_s
    lasts = document.get("duration_s")
    if lasts is not None and seconds >= lasts:
        return None
    found = None
    for period in document.get("periods", ()):
        if period.get("start_s", 0) > seconds:
            break
        found = period.get("limit")
    return found


def _valid(document: Mapping[str, Any], at: datetime) -> bool:
    begins, ends = document.get("valid_from"), document.get("valid_to")
    if begins and at < datetime.fromisoformat(begins):
        return False
    return not (ends and at >= datetime.fromisoformat(ends))
