"""One action on many rows: what may be done, what came of it, and how rows are decided apart."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from inspect import signature
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain.ground.errors import DomainError, Invalid
from app.domain.ground.vocabulary import Actor

Row = TypeVar("Row")

#: Rows that are changed at once, and those of which each is weighed and locked apart.
MOST, MOST_WEIGHED = 2_000, 200


@dataclass(slots=True)
class Tally:
    """How many rows an action changed, and which refused it: what each is called, and why."""

    changed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    def sift(
        self,
        rows: Iterable[Row],
        refusal: Callable[[Row], str | None],
        called: Callable[[Row], str],
    ) -> list[Row]:
        """Return the rows that nothing speaks against; of the others, note what does."""
        able = []
        for row in rows:
            if (why := refusal(row)) is None:
                able.append(row)
            else:
                self.refused.append((called(row), why))
        return able


@dataclass(frozen=True, slots=True)
class Many:
    """What may be done to many rows of a noun, for the desk, the API and the command line.

    An act is called as `act(db, actor, rows, now=…)`; what else it takes goes to it by name.
    `loaded` is what the acts read of other tables; where rows are `weighed`, each is locked apart.
    """

    model: Any
    acts: Mapping[str, Callable[..., Tally]]
    loaded: Sequence[Any] = ()
    weighed: bool = False

    @property
    def most(self) -> int:
        """How many rows may be changed at once."""
        return MOST_WEIGHED if self.weighed else MOST

    def of(self, ids: Collection[int]) -> Select[Any]:
        """Select the rows of these numbers."""
        return select(self.model).where(self.model.id.in_(ids))

    def rows(self, db: Session, found: Select[Any]) -> list[Any]:
        """Return the rows that were selected, by their numbers; raises `Invalid`: too many."""
        query = found.order_by(None).options(*self.loaded).order_by(self.model.id)
        rows = list(db.scalars(query.limit(self.most + 1)))
        self.refuse_more(len(rows))
        return rows

    def refuse_more(self, count: int) -> None:
        """Raise `Invalid` where there are more rows than may be changed at once."""
        if count > self.most:
            raise Invalid(
                f"More than {self.most:,} rows are not changed at once: narrow the list first."
            )

    def do(
        self,
        db: Session,
        actor: Actor,
        action: str,
        rows: Sequence[Any],
        *,
        now: datetime,
        **given: Any,
    ) -> Tally:
        """Do an action of `acts` to rows, with what is `given` and not None.

        Raises `Invalid` for what belongs to another action, and what the act raises.
        """
        given = {name: value for name, value in given.items() if value is not None}
        if strange := sorted(given.keys() - signature(self.acts[action]).parameters.keys()):
            raise Invalid(f"This does not go with {action}.", field=strange[0])
        return self.acts[action](db, actor, rows, now=now, **given)


def apart(
    db: Session, rows: Iterable[Row], act: Callable[[Row], Any], called: Callable[[Row], str]
) -> Tally:
    """Do something to each row in a savepoint of its own: what one refuses stops no other.

    It is for decisions that lock and weigh each row, as those about money do.
    """
    tally = Tally()
    for row in rows:
        try:
            with db.begin_nested():
                tally.changed += bool(act(row))
        except DomainError as error:
            tally.refused.append((called(row), error.sentence))
    return tally
