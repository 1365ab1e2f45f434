"""POST /nouns/bulk: one action on many rows, of which each that refuses is told with its reason."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any

from sqlalchemy import Select

from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Page
from app.domain.ground.errors import Invalid
from app.domain.ground.many import Many
from app.domain.ground.vocabulary import Json
from app.schemas.answers import Answer, From
from app.schemas.base import Schema, needed
from app.uow import unit_of_work


class Refused(Answer):
    """A row that stays as it was."""

    name: Annotated[str, From(lambda one: one[0])] = needed("What it is called.")
    why: Annotated[str, From(lambda one: one[1])] = needed("Why it was not changed, in words.")


class BulkResult(Answer):
    """What came of one action on many rows; the rows that refused it stay as they were."""

    found: int = needed("How many rows were meant and are in reach.")
    changed: int = needed("How many were changed.")
    refused: list[Refused] = needed("Those that were not, with the reason.")


@dataclass(frozen=True, slots=True)
class _Whole(Ask):
    """An ask that a list answers with all its rows instead of a page of them."""

    many: Many

    def page(self, query: Select[Any], key: Any, *, newest: bool = True) -> Page:
        """All rows, unless there are more than one may change at once."""
        del key, newest
        return Page(self.many.rows(self.db, query), None)


def hang(
    noun: Noun,
    many: Many,
    listed: Callable[[Ask], Page] | None,
    body: type[Schema],
    doc: str,
    beside: Callable[[], dict[str, Any]] = dict,
) -> None:
    """Hang POST /nouns/bulk on a noun; `listed` is its list, whose filter the body may hold.

    What else is sent, and what the desk knows `beside`, goes to the acts by name.
    """

    def bulk(ask: Ask) -> Json:
        given = dict(ask.body)
        action, ids, by = given.pop("action"), given.pop("ids", None), given.pop("filter", None)
        if (ids is None) == (by is None):
            raise Invalid("Say which rows: by `ids` or by a `filter`.", field="ids")
        with unit_of_work() as db:
            if by is not None and listed is not None:
                whole = {field.name: getattr(ask, field.name) for field in fields(Ask)}
                rows = listed(_Whole(**{**whole, "query": by.given()}, many=many)).rows
            else:
                rows = many.rows(db, many.of(ids or ()))
            tally = many.do(db, ask.actor, action, rows, now=ask.now, **given, **beside())
        missing = sorted((ids or frozenset()) - {row.id for row in rows})
        refused = [*tally.refused, *((str(number), "There is no such row.") for number in missing)]
        return {"found": len(rows), "changed": tally.changed, "refused": refused}

    bulk.__doc__ = f"{doc} At most {many.most:,} rows, by `ids` or by the `filter` of the list."
    noun.post(
        f"/{noun.name}/bulk",
        f"Change many {noun.name}",
        body=body,
        answers={200: BulkResult},
        problems=(404, 409),
    )(bulk)
