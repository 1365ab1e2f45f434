"""POST /nouns/bulk: one action on many rows, of which each that refuses is told with its reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from inspect import signature
from typing import Annotated, Any

from sqlalchemy import Select, select

from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Page
from app.domain.ground.errors import Invalid
from app.domain.ground.many import Tally
from app.schemas.answers import Answer, From
from app.schemas.base import Schema, needed
from app.uow import unit_of_work

#: Rows that are changed at once, and those of which each is weighed and locked apart.
MOST, MOST_WEIGHED = 2_000, 200

Act = Callable[..., Tally]


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

    most: int = MOST

    def page(self, query: Select[Any], key: Any, *, newest: bool = True) -> Page:
        """All rows, unless there are more than one may change at once."""
        del newest
        rows = list(self.db.scalars(query.order_by(key).limit(self.most + 1)))
        if len(rows) > self.most:
            raise Invalid(
                f"More than {self.most:,} rows are not changed at once: narrow the list first."
            )
        return Page(rows, None)


def hang(
    noun: Noun,
    model: Any,
    listed: Callable[[Ask], Page] | None,
    body: type[Schema],
    acts: Mapping[str, Act],
    doc: str,
    *,
    weighed: bool = False,
) -> None:
    """Hang POST /nouns/bulk on a noun; `listed` is its list, whose filter the body may hold.

    `acts` do an action to rows; what else is sent goes to them by name.
    """
    most = MOST_WEIGHED if weighed else MOST

    def bulk(ask: Ask) -> Any:
        given = dict(ask.body)
        action, ids, by = given.pop("action"), given.pop("ids", None), given.pop("filter", None)
        if (ids is None) == (by is None):
            raise Invalid("Say which rows: by `ids` or by a `filter`.", field="ids")
        given = {name: value for name, value in given.items() if value is not None}
        if strange := sorted(given.keys() - signature(acts[action]).parameters.keys()):
            raise Invalid(f"This does not go with {action}.", field=strange[0])
        with unit_of_work() as db:
            whole = {field.name: getattr(ask, field.name) for field in fields(Ask)}
            if by is not None and listed is not None:
                rows = listed(_Whole(**{**whole, "query": by.given()}, most=most)).rows
            else:
                query = select(model).where(model.id.in_(ids or ()))
                rows = _Whole(**whole, most=most).page(query, model.id).rows
            tally = acts[action](db, ask.actor, rows, now=ask.now, **given)
        missing = sorted((ids or frozenset()) - {row.id for row in rows})
        refused = [*tally.refused, *((str(number), "There is no such row.") for number in missing)]
        return {"found": len(rows), "changed": tally.changed, "refused": refused}

    bulk.__doc__ = f"{doc} At most {most:,} rows, by `ids` or by the `filter` of the list."
    noun.post(
        f"/{noun.name}/bulk",
        f"Change many {noun.name}",
        body=body,
        answers={200: BulkResult},
        problems=(404, 409),
    )(bulk)
