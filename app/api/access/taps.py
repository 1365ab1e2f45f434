"""Taps: every decision about a tag that was shown, with its reason."""

from typing import Any

from sqlalchemy import func, select

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Verdict
from app.models import Authorisation

noun = Noun("authorisations", "Decisions about taps, the newest first.")
blueprint = noun.blueprint

TAP = _rows.shape(
    "Authorisation",
    "One decision about a tap: `reason` is a stable code, `sentence` says it in words.",
    Authorisation,
    renamed={"token": "id_tag"},
)


@noun.get(
    "/authorisations",
    "viewer",
    "List authorisations",
    answers={200: Pages(TAP)},
    query={
        "station_id": s.row_id(),
        "tag_id": s.row_id(),
        "session_id": s.row_id(),
        "id_tag": s.text("In any case.", most=255),
        "verdict": s.word(Verdict),
        "occasion": s.word(("authorize", "start", "stop")),
        "since": s.instant("At this moment or later."),
    },
)
def list_(ask: Ask) -> Any:
    """What taps were answered with, and why."""
    query, asked = select(Authorisation), ask.query
    for name in ("station_id", "tag_id", "session_id", "verdict", "occasion"):
        if name in asked:
            query = query.where(getattr(Authorisation, name) == asked[name])
    if "id_tag" in asked:
        query = query.where(func.lower(Authorisation.token) == asked["id_tag"].strip().lower())
    if "since" in asked:
        query = query.where(Authorisation.at >= asked["since"])
    return ask.page(query, Authorisation.id)
