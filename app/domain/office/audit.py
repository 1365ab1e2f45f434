"""The audit: who did what to which thing; entries are only ever added."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import insert, inspect
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.vocabulary import Actor, Json
from app.models import AuditEntry

#: Columns whose values never appear in the audit.
SECRET = frozenset(
    {"password_hash", "next_password_hash", "password_proof", "token_hash", "key_hash"}
    | {"secret", "old_secret", "totp_secret", "totp_step", "code_hash"}
    | {"credential_id", "public_key", "sign_count"}
    | {"access_epoch"}
    # These two only repeat others, folded.
    | {"serial_key", "certificate_name_key"}
    # Whoever knows it opens the station's public page; chance, and no decision.
    | {"field_code"}
)


def snapshot(row: Any) -> Json:
    """Return a row's columns as plain JSON values, secrets left out."""
    state = {}
    for column in inspect(row).mapper.column_attrs:
        if column.key not in SECRET:
            state[column.key] = _plain(getattr(row, column.key))
    return state


def note(
    db: Session,
    actor: Actor,
    action: str,
    subject: Any,
    *,
    now: datetime,
    before: Json | None = None,
    remark: str | None = None,
    tenant_id: int | None = None,
) -> AuditEntry:
    """Add an entry about `subject` (a flushed row), with what changed since `before`.

    `action` is noun.verb ("station.register").  With `before` (a `snapshot` taken
    earlier) only the columns that differ are kept; without it, the whole new state.
    """
    after = snapshot(subject)
    if before is not None:
        changed = [key for key in after if before.get(key) != after[key]]
        before = {key: before.get(key) for key in changed}
        after = {key: after[key] for key in changed}
    of = subject.tenant_id if tenant_id is None else tenant_id
    return _added(db, _columns(of, actor, action, subject, now, before, after, remark))


def remark(
    db: Session, actor: Actor, action: str, subject: Any, words: str | None = None, *, now: datetime
) -> AuditEntry:
    """Add an entry about `subject` (a flushed row), of which nothing changed that it could tell."""
    entry = _columns(subject.tenant_id, actor, action, subject, now, {}, {}, words)
    return _added(db, entry)


def note_all(
    db: Session,
    actor: Actor,
    action: str,
    subjects: Sequence[Any],
    more: Sequence[Json],
    *,
    now: datetime,
) -> None:
    """Add an entry about each of many new rows of a tenant, with `more` of each."""
    rows = [
        _columns(one.tenant_id, actor, action, one, now, None, {**snapshot(one), **extra}, None)
        for one, extra in zip(subjects, more, strict=True)
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


def archive(db: Session, actor: Actor, noun: str, row: Any, *, now: datetime) -> bool:
    """Put a row into the archive; returns whether it was in use."""
    return row.archived_at is None and change(
        db, actor, f"{noun}.archive", row, now=now, archived_at=now
    )


def restore(db: Session, actor: Actor, noun: str, row: Any, *, now: datetime) -> bool:
    """Take a row out of the archive; returns whether it was there."""
    return change(db, actor, f"{noun}.restore", row, now=now, archived_at=None)


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
    for attribute in ("label", "name", "value", "number", "email"):
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
