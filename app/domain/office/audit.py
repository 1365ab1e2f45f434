"""The audit: who did what to which thing, before and after; entries are only ever added.

What a row was before is kept as it is written: every flush of a database session remembers, until
the unit of work ends, which columns of a row changed and from what.  So whoever adds an entry need
not say it, and cannot forget it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import LoaderCallableStatus, Session, SessionTransaction

from app.domain.ground import events
from app.domain.ground.vocabulary import Actor, Json
from app.models import AuditEntry

#: Columns that are secret: that one changed is told, never from what to what.
SECRET = frozenset(
    {"password_hash", "next_password_hash", "password_proof", "token_hash", "key_hash"}
    | {"secret", "old_secret", "totp_secret", "code_hash", "credential_id", "public_key"}
)
MASK = "•••"
#: Columns that say nothing to people: they repeat others, count for machines, or open a page.
LEFT_OUT = frozenset(
    {"access_epoch", "serial_key", "certificate_name_key", "field_code"}
    | {"totp_step", "sign_count"}
    # Thousands of ids, for a moment; each has a row of its own.
    | {"goes_to"}
)
NEVER = SECRET | LEFT_OUT
_WAS = "audit_was"
Row = TypeVar("Row")


@event.listens_for(Session, "before_flush")
def _remember(db: Session, _context: Any, _instances: Any) -> None:
    """Keep what changed rows were, and which rows are new."""
    kept: WeakKeyDictionary[Any, Json | None] = db.info.setdefault(_WAS, WeakKeyDictionary())
    for row in db.new:
        kept.setdefault(row, None)
    for row in db.dirty:
        was = kept.setdefault(row, {})
        if was is not None:
            for name, value in inspect(row).committed_state.items():
                was.setdefault(name, value)


@event.listens_for(Session, "after_transaction_end")
def _forget(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:  # not a savepoint within it
        db.info.pop(_WAS, None)


def changes(db: Session, row: Any) -> tuple[Json, Json]:
    """What changed of a row in this unit of work: before and after, secrets masked."""
    db.flush()
    was, before, after = db.info.get(_WAS, {}).get(row) or {}, {}, {}
    state = inspect(row)
    for name, old in was.items():
        # What was never read before it was set is not known; of a secret that does not matter.
        if name in LEFT_OUT or (old is LoaderCallableStatus.NO_VALUE and name not in SECRET):
            continue
        new = getattr(row, name)
        if name in state.mapper.relationships:
            if not isinstance(old, list):
                continue
            old, new = sorted(map(name_of, old)), sorted(map(name_of, new))
        elif name in state.mapper.column_attrs:
            old, new = _plain(old), _plain(new)
        if old != new:
            hidden = name in SECRET
            before[name] = MASK if hidden and old is not None else old
            after[name] = MASK if hidden and new is not None else new
    return before, after


def snapshot(row: Any) -> Json:
    """Return a row's columns as plain JSON values, secrets left out."""
    state = {}
    for column in inspect(row).mapper.column_attrs:
        if column.key not in NEVER:
            state[column.key] = _plain(getattr(row, column.key))
    return state


def joined(row: Any) -> Json:
    """Return what people call the rows that a row is joined with, by the names of its members."""
    relations = inspect(row).mapper.relationships
    ours = [one.key for one in relations if one.secondary is not None and not one.viewonly]
    return {name: sorted(map(name_of, getattr(row, name))) for name in ours}


def note(
    db: Session,
    actor: Actor,
    action: str,
    subject: Any,
    *,
    now: datetime,
    before: Json | None = None,
    also: tuple[Json, Json] | None = None,
    remark: str | None = None,
    tenant_id: int | None = None,
) -> AuditEntry:
    """Add an entry about `subject` (a flushed row), with what changed since `before`.

    `action` is noun.verb ("station.register").  With `before` (a `snapshot` taken
    earlier) only the columns that differ are kept, and secrets that changed, masked; without it
    what changed in this unit of work, or of a new row the whole state.  `also` is what changed
    beside the row, before and after: the `changes` of a row of its own, or words.
    """
    after = snapshot(subject)
    was, now_is = changes(db, subject)
    if before is not None:
        changed = [key for key in after if before.get(key) != after[key]]
        hidden = {key for key in was if key in SECRET or key not in after}
        before = {key: before.get(key) for key in changed} | {key: was[key] for key in hidden}
        after = {key: after[key] for key in changed} | {key: now_is[key] for key in hidden}
    elif was:
        before, after = was, now_is
    else:
        after |= joined(subject)
    if also is not None:
        before = also[0] or None if before is None else before | also[0]
        after = after | also[1]
    of = subject.tenant_id if tenant_id is None else tenant_id
    return _added(db, _columns(of, actor, action, subject, now, before, after, remark))


def added(db: Session, actor: Actor, action: str, row: Row, *, now: datetime) -> Row:
    """Add a row with an entry of all that it is, and return it."""
    db.add(row)
    db.flush()
    note(db, actor, action, row, now=now)
    return row


@contextmanager
def edited(
    db: Session, actor: Actor, action: str, row: Any, *, now: datetime, tenant_id: int | None = None
) -> Iterator[None]:
    """Write what is changed of a row within, and add an entry about it if anything was."""
    before, others = snapshot(row), joined(row)
    yield
    db.flush()
    if snapshot(row) != before or joined(row) != others:
        note(db, actor, action, row, now=now, before=before, tenant_id=tenant_id)


def remark(
    db: Session,
    actor: Actor,
    action: str,
    subject: Any,
    words: str | None = None,
    *,
    now: datetime,
    also: tuple[Json, Json] = ({}, {}),
    silent: bool = False,
) -> AuditEntry:
    """Add an entry about `subject` (a flushed row) in `words`, and what changed of it, if anything.

    `also` is as of `note`.  `silent`: what it was must not be told, because it is to be forgotten.
    """
    before, after = ({}, {}) if silent else changes(db, subject)
    before, after = before | also[0], after | also[1]
    entry = _columns(subject.tenant_id, actor, action, subject, now, before, after, words)
    return _added(db, entry)


def note_all(
    db: Session,
    actor: Actor,
    action: str,
    subjects: Sequence[Any],
    *,
    now: datetime,
) -> None:
    """Add an entry about each of many new rows of a tenant."""
    rows = [
        _columns(one.tenant_id, actor, action, one, now, None, snapshot(one) | joined(one), None)
        for one in subjects
    ]
    db.execute(insert(AuditEntry.__table__), rows)
    events.record(db, events.Decided(rows[0]["tenant_id"]))


def remark_all(
    db: Session,
    actor: Actor,
    action: str,
    subjects: Sequence[Any],
    words: str | None = None,
    *,
    now: datetime,
) -> None:
    """Add an entry about each of many rows of one tenant, in one statement."""
    rows = [_columns(one.tenant_id, actor, action, one, now, {}, {}, words) for one in subjects]
    db.execute(insert(AuditEntry.__table__), rows)
    events.record(db, events.Decided(rows[0]["tenant_id"]))


def _columns(
    tenant_id: int,
    actor: Actor,
    action: str,
    subject: Any,
    now: datetime,
    before: Json | None,
    after: Json,
    words: str | None,
) -> Json:
    return {
        "tenant_id": tenant_id,
        "at": now,
        "actor": actor.name,
        "user_id": actor.user_id,
        "token_id": actor.token_id,
        "address": actor.address,
        "action": action,
        "subject_kind": type(subject).__name__,
        "subject_id": subject.id,
        "subject": name_of(subject),
        "before": before,
        "after": after,
        "note": words,
    }


def _added(db: Session, columns: Json) -> AuditEntry:
    entry = AuditEntry(**columns)
    db.add(entry)
    events.record(db, events.Decided(entry.tenant_id))
    return entry


def remove(db: Session, actor: Actor, action: str, row: Any, *, now: datetime) -> None:
    """Delete a row, and add an entry with all that it was."""
    before = {key: value for key, value in snapshot(row).items() if value is not None}
    gone = dict.fromkeys(before)
    _added(db, _columns(row.tenant_id, actor, action, row, now, before, gone, None))
    db.delete(row)
    db.flush()


def archive(db: Session, actor: Actor, row: Any, *, now: datetime, kind: str) -> bool:
    """Put a row into the archive; returns whether it was in use."""
    return row.archived_at is None and change(
        db, actor, f"{kind}.archive", row, now=now, archived_at=now
    )


def restore(db: Session, actor: Actor, row: Any, *, now: datetime, kind: str) -> bool:
    """Take a row out of the archive; returns whether it was there."""
    return change(db, actor, f"{kind}.restore", row, now=now, archived_at=None)


def change(
    db: Session, actor: Actor, action: str, row: Any, *, now: datetime, **columns: Any
) -> bool:
    """Set columns of a row and add an entry about it; returns whether anything changed."""
    return bool(change_all(db, actor, action, [row], now=now, **columns))


def change_all(
    db: Session, actor: Actor, action: str, rows: Sequence[Any], *, now: datetime, **columns: Any
) -> list[Any]:
    """Set columns of many rows and add an entry about each that changed; returns those.

    However many they are, they are written together, and so are the entries.
    """
    before = [snapshot(row) for row in rows]
    for row in rows:
        for name, value in columns.items():
            setattr(row, name, value)
    db.flush()
    changed, entries = [], []
    for row, old in zip(rows, before, strict=True):
        new = snapshot(row)
        if differing := [name for name in new if new[name] != old[name]]:
            was, is_now = ({name: state[name] for name in differing} for state in (old, new))
            changed.append(row)
            entries.append(_columns(row.tenant_id, actor, action, row, now, was, is_now, None))
    if entries:
        db.execute(insert(AuditEntry.__table__), entries)
        events.record(db, events.Decided(entries[0]["tenant_id"]))
    return changed


def name_of(row: Any) -> str:
    """What people call a row."""
    for attribute in ("label", "name", "identity", "value", "number", "email"):
        if text := getattr(row, attribute, None):
            return str(text)[:200]
    return f"{type(row).__name__} {row.id}"


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value
