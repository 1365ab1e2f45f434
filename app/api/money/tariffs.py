"""Tariffs: named prices, to be assigned to sites, stations, drivers and groups."""

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Json
from app.models import Tariff
from app.schemas.answers import read
from app.schemas.base import Archived

noun = Noun("tariffs", "Named prices; written on the desk.")
blueprint = noun.blueprint

TARIFF = _rows.answer(
    "Tariff",
    "A named price; `definition` is what its newest version says.",
    Tariff,
    without=("name_key",),
    version=read(int, lambda row: row.current.number),
    definition=read(Json, lambda row: row.current.definition),
)


@noun.get(
    "/tariffs",
    "viewer",
    "List tariffs",
    answers={200: Pages(TARIFF)},
    query=Archived,
)
def list_(ask: Ask) -> object:
    """The tariffs, in the order in which they were written."""
    gone = Tariff.archived_at.is_not(None)
    query = select(Tariff).where(gone if ask.query.get("archived") else ~gone)
    return ask.page(query.options(selectinload(Tariff.versions)), Tariff.id, newest=False)


@noun.get("/tariffs/{tariff_id}", "viewer", "Read a tariff", answers={200: TARIFF})
def show(ask: Ask, tariff_id: int) -> object:
    """One tariff with its newest version."""
    return ask.get(Tariff, tariff_id, "tariff")
