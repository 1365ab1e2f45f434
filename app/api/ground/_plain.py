"""The usual endpoints of a plain noun, hung on it one by one; `app/resource.py` has the nouns."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select

from app.api.ground._noun import ROOT, Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.resource import Resource
from app.schemas.answers import Answer
from app.schemas.base import Schema
from app.uow import unit_of_work

#: The condition that the value of a parameter means; without one it equals a column.
Finds = Mapping[str, Callable[[Ask, Any], Any]]


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


class Plain:
    """A noun whose rows are listed, read, added, changed and put away in the usual way.

    Each method hangs one endpoint on the noun, with what the reference says of it.  `called` is
    its word in the reference, `seen` completes rows before they are told; `everywhere` keeps
    out whoever may not see all sites.
    """

    def __init__(
        self,
        noun: Noun,
        of: Resource,
        shape: type[Answer],
        *,
        called: str = "",
        seen: Callable[[Ask, list[Any]], None] = lambda ask, rows: None,
        everywhere: bool = False,
    ) -> None:
        self.everywhere = everywhere
        self.noun, self.of, self.shape, self.seen = noun, of, shape, seen
        self.called = called or of.noun
        self.path = f"/{noun.name}"
        self.one = f"{self.path}/{{{of.key}}}"

    def list(
        self, doc: str, asked: type[Schema], finds: Finds | None = None, summary: str = ""
    ) -> Callable[[Ask], Any]:
        """Hang GET /nouns: a page of those in use, or with `archived` of those that are not."""
        model, ways = self.of.model, finds or {}

        def list_(ask: Ask) -> Any:
            query = select(model).options(*self.of.loaded)
            if self.of.archive:
                gone = model.archived_at.is_not(None)
                query = query.where(gone if ask.query.get("archived") else ~gone)
            for name in asked.model_fields:
                if name != "archived" and (value := ask.query.get(name)) is not None:
                    way = ways.get(name)
                    query = query.where(way(ask, value) if way else getattr(model, name) == value)
            page = ask.page(query, model.id, newest=False)
            self.seen(ask, page.rows)
            return page

        list_.__doc__ = doc
        summary = summary or f"List {self.called}s"
        answers = {200: Pages(self.shape)}
        self.noun.get(
            self.path,
            summary,
            answers=answers,
            query=asked,
            everywhere=self.everywhere,
        )(list_)
        return list_

    def show(self, doc: str) -> None:
        """Hang GET /nouns/{id}."""

        def show(ask: Ask, **path: int) -> Any:
            return self.completed(ask, self.row(ask, path))

        show.__doc__ = doc
        self.noun.get(
            self.one,
            f"Read {_a(self.called)}",
            answers={200: self.shape},
            everywhere=self.everywhere,
        )(show)

    def create(
        self, doc: str, body: type[Schema], *problems: int, everywhere: bool = False
    ) -> None:
        """Hang POST /nouns."""

        def create(ask: Ask) -> Any:
            with unit_of_work() as db:
                row = self.of.add(db, ask.actor, ask.tenant_id, now=ask.now, **ask.body)
            return self.made(ask, row)

        create.__doc__ = doc
        self.noun.post(
            self.path,
            f"Add {_a(self.called)}",
            body=body,
            answers={201: self.shape},
            problems=problems,
            everywhere=everywhere or self.everywhere,
        )(create)

    def edit(self, doc: str, body: type[Schema]) -> None:
        """Hang PATCH /nouns/{id}."""

        def edit(ask: Ask, **path: int) -> Any:
            row = self.row(ask, path)
            with unit_of_work() as db:
                self.of.edit(db, ask.actor, row, now=ask.now, **ask.body)
            return self.completed(ask, row)

        edit.__doc__ = doc
        self.noun.patch(
            self.one,
            f"Change {_a(self.called)}",
            body=body,
            answers={200: self.shape},
            problems=(409,),
            everywhere=self.everywhere,
        )(edit)

    def archive(self, doc: str, *problems: int) -> None:
        """Hang POST /nouns/{id}/archive."""
        self._put("archive", self.of.archive, doc, problems)

    def restore(self, doc: str, *problems: int) -> None:
        """Hang POST /nouns/{id}/restore."""
        self._put("restore", self.of.restore, doc, problems)

    def _put(self, verb: str, act: Any, doc: str, problems: tuple[int, ...]) -> None:
        self.noun.decide(
            *(f"{self.one}/{verb}", f"{verb.title()} {_a(self.called)}", doc),
            *(self.shape, lambda ask, **path: self.row(ask, path), act),
            seen=self.completed,
            problems=problems,
            everywhere=self.everywhere,
        )

    def row(self, ask: Ask, path: Mapping[str, int]) -> Any:
        """Return the row that an address names; raises `Problem` 404."""
        return ask.get(self.of.model, path[self.of.key], self.of.noun)

    def completed(self, ask: Ask, row: Any) -> Any:
        """Return a row, completed."""
        self.seen(ask, [row])
        return row

    def made(self, ask: Ask, row: Any) -> Reply:
        """Answer with a row that was added, and where it is."""
        return Reply(201, self.completed(ask, row), {"Location": f"{ROOT}{self.path}/{row.id}"})
