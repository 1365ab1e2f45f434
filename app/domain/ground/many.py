"""One action on many rows: what came of it, and how rows are decided apart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.domain.ground.errors import DomainError

Row = TypeVar("Row")


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
