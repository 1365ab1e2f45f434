"""Taps: every decision about a tag that was shown, with its reason."""

from typing import Any

from sqlalchemy import func, select

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.models import Authorisation
from app.schemas import access as schemas

noun = Noun("authorisations", "Decisions about taps, the newest first.")
blueprint = noun.blueprint

TAP = _rows.answer(
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
    query=schemas.Taps,
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
