"""Forgetting what is older than it is kept (`retention_rules`), a few rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import rows_changed
from app.domain.office import housekeeping
from app.domain.office.retention_rules import RULES, Rule
from app.models import SystemMark

#: So many old rows are looked for at a time.
_LOOKED_FOR = 5000
#: How the marks of what was removed last are called.
_MARK = "forgot {name}"


def old_rows(db: Session, rule: Rule, *, before: datetime) -> Iterator[Sequence[Any]]:
    """The keys of rows that a rule lets go, some at a time, oldest first; this only reads.

    Those that came are to be removed before the next are asked for.
    """
    key, after = _key(rule), None
    while True:
        if not rule.in_order:
            query = select(key).where(_old(rule, before)).order_by(rule.since)
            keys = db.scalars(query.limit(_LOOKED_FOR)).all()
            more = len(keys) == _LOOKED_FOR
        else:
            fits = rule.only(before) if rule.only is not None else key.is_not(None)
            query = select(key, rule.since.label("at"), fits.label("fits")).order_by(key)
            rows = db.execute(
                (query if after is None else query.where(key > after)).limit(_LOOKED_FOR)
            ).all()
            aged = [row for row in rows if row.at < before]
            keys = [row[0] for row in aged if row.fits]
            more, after = len(rows) == _LOOKED_FOR and bool(aged), rows[-1][0] if rows else None
        if keys:
            yield keys
        if not more:
            return


def remove(
    db: Session, rule: Rule, keys: Sequence[Any], *, before: datetime, now: datetime
) -> None:
    """Remove rows by their keys, as far as they are still old; `now` names the round."""
    old = delete(rule.table).where(_key(rule).in_(keys), _old(rule, before))
    if gone := rows_changed(db, old):
        _note(db, rule, gone, now)


def _key(rule: Rule) -> Any:
    return next(iter(rule.table.__mapper__.primary_key))


def _old(rule: Rule, before: datetime) -> ColumnElement[bool]:
    aged: ColumnElement[bool] = rule.since < before
    return aged if rule.only is None else and_(aged, rule.only(before))


def _note(db: Session, rule: Rule, count: int, now: datetime) -> None:
    """Note how many went, and when; of one round it is the sum."""
    mark = housekeeping.mark(db, _MARK.format(name=rule.name), now)
    before = int(mark.sentence or 0) if mark.at == now else 0
    mark.at, mark.sentence = now, str(before + count)
    db.flush()


def removed_last(db: Session) -> Mapping[str, SystemMark]:
    """By the name of each rule: when something was removed last (`at`), and how much."""
    parts = {_MARK.format(name=rule.name): rule.name for rule in RULES}
    marks = db.scalars(select(SystemMark).where(SystemMark.part.in_(parts)))
    return {parts[mark.part]: mark for mark in marks}
