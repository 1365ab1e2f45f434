"""When a form of a row was opened: one that is older than the row's last change is refused."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from app.domain.ground.errors import DomainError
from app.domain.office import sent_forms
from app.extensions import db


def when(row: Any) -> int:
    """What a form says of it (`form.opened`); what the row says is read after that."""
    if (sent := _sent()) is not None:
        return sent
    opened = sent_forms.newest_change(db.session(), row)
    db.session.expire(row)
    return opened


def refuse_changed(work: Session, form: Any, row: Any) -> None:
    """Raise `Conflict` where somebody changed the row since; sent once more, it is meant so."""
    sent = _sent()
    if sent is None:
        return
    try:
        sent_forms.refuse_changed(work, row, sent)
    except DomainError:
        form.opened = sent_forms.newest_change(work, row)
        raise


def _sent() -> int | None:
    return request.form.get("opened", type=int)
