"""The usual endpoints of a plain noun, hung on it one by one; `app/resource.py` has the nouns."""

from collections.abc import Callable
from typing import Any

from app.api.ground import _lists
from app.api.ground._noun import Ask, Noun, Reply, made_at
from app.resource import Resource
from app.schemas.answers import Answer
from app.schemas.base import Schema
from app.uow import unit_of_work


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


class Plain:
    """A noun whose rows are listed, read, added, changed and put away in the usual way.

    Each method hangs one endpoint on the noun, with what the reference says of it.  `called` is
    its word in the reference, `seen` completes rows before they are told.
    """

    def __init__(
        self,
        noun: Noun,
        of: Resource,
        shape: type[Answer],
        *,
        called: str = "",
        seen: Callable[[Ask, list[Any]], None] = lambda ask, rows: None,
    ) -> None:
        self.noun, self.of, self.shape, self.seen = noun, of, shape, seen
        self.called = called or of.noun
        self.path = f"/{noun.name}"
        self.one = f"{self.path}/{{{of.key}}}"

    def list(
        self, doc: str, asked: type[Schema], ways: _lists.Ways | None = None, summary: str = ""
    ) -> Callable[..., Any]:
        """Hang GET /nouns: a page of those in use, or with `archived` of those that are not."""
        return _lists.hang(
            *(self.noun, self.path, summary or f"List {self.called}s", doc),
            *(self.of.model, self.shape),
            asked=asked,
            ways=ways,
            options=self.of.loaded,
            newest=False,
            seen=self.seen,
        )

    def show(self, doc: str) -> None:
        """Hang GET /nouns/{id}."""
        of = f"Read {_a(self.called)}"
        self.noun.show(self.one, of, doc, self.shape, self.row, seen=self.completed)

    def create(
        self, doc: str, body: type[Schema], *problems: int, everywhere: bool = False, verb: str = ""
    ) -> None:
        """Hang POST /nouns; the summary says `verb`, or add."""

        def create(ask: Ask) -> Reply:
            with unit_of_work() as db:
                row = self.of.add(db, ask.actor, ask.tenant_id, now=ask.now, **ask.body)
            return self.made(ask, row)

        create.__doc__ = doc
        self.noun.post(
            self.path,
            f"{verb or 'Add'} {_a(self.called)}",
            body=body,
            answers={201: self.shape},
            problems=problems,
            everywhere=everywhere,
        )(create)

    def edit(self, doc: str, body: type[Schema], **given: Any) -> None:
        """Hang PATCH /nouns/{id}."""
        patch = {"name": "edit", "method": "PATCH", "body": body, "problems": (409,), **given}
        self._do("change", "", doc, patch.pop("act", self.of.edit), **patch)

    def archive(self, doc: str, *problems: int, verb: str = "archive", **given: Any) -> None:
        """Hang POST /nouns/{id}/archive; the summary says `verb`."""
        self._do(verb, "/archive", doc, self.of.archive, problems=problems, **given)

    def restore(self, doc: str, *problems: int, **given: Any) -> None:
        """Hang POST /nouns/{id}/restore."""
        self._do("restore", "/restore", doc, self.of.restore, problems=problems, **given)

    def _do(self, verb: str, place: str, doc: str, act: Any, **given: Any) -> None:
        summary, given = f"{verb.title()} {_a(self.called)}", {"seen": self.completed, **given}
        self.noun.decide(f"{self.one}{place}", summary, doc, self.shape, self.row, act, **given)

    def row(self, ask: Ask, number: int = 0, /, **path: int) -> Any:
        """Return the row that an address names; raises `Problem` 404."""
        number = [number, *path.values()][-1]
        if self.of.numbered is not None:
            return self.of.numbered(ask.db, number)
        return ask.get(self.of.model, number, self.of.noun)

    def completed(self, ask: Ask, row: Any) -> Any:
        """Return a row, completed."""
        self.seen(ask, [row])
        return row

    def made(self, ask: Ask, row: Any) -> Reply:
        """Answer with a row that was added, and where it is."""
        return made_at(self.path, self.completed(ask, row))
