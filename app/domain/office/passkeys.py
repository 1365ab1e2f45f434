"""Passkeys: the public halves of key pairs that a person's devices keep (WebAuthn).

The proof itself is looked at in `app.web.passkeys`; here is what follows from it.
"""

from datetime import datetime

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import Passkey, User

#: Passkeys of one person.
MOST = 20
REFUSED = "That passkey is not known here."


def add(
    db: Session,
    actor: Actor,
    user: User,
    *,
    name: str,
    credential_id: str,
    public_key: str,
    sign_count: int,
    now: datetime,
) -> Passkey:
    """Keep a new passkey; raises `Invalid`, `Taken`, or `Conflict` when there are too many."""
    if len(of_user(db, user.id)) >= MOST:
        raise Conflict(f"You have {MOST} passkeys already; remove one first.")
    row = Passkey(
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=texts.line(name, "The name", 120, field="name", required=True),
        credential_id=credential_id,
        public_key=public_key,
        sign_count=sign_count,
        made_at=now,
    )
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError:
        raise Taken("This passkey is kept already.") from None
    audit.note(db, actor, "passkey.add", row, now=now)
    return row


def of_user(db: Session, user_id: int) -> list[Passkey]:
    """A person's passkeys, the oldest first."""
    return list(db.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))


def by_credential(db: Session, credential_id: str) -> Passkey:
    """Return the passkey of somebody who may come in; raises `Invalid`."""
    query = select(Passkey).where(Passkey.credential_id == credential_id)
    found = db.scalar(query.options(joinedload(Passkey.user)))
    if found is None or found.user.archived_at is not None:
        raise Invalid(REFUSED)
    return found


def use(db: Session, passkey: Passkey, sign_count: int, *, now: datetime) -> None:
    """Note that a passkey was used; raises `Invalid` when its counter does not go on.

    A device that counts and tells a number again is a copy, or somebody repeats its answer.
    """
    goes_on = or_(Passkey.sign_count < sign_count, Passkey.sign_count == 0)
    noted = db.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id, goes_on)
        .values(sign_count=sign_count, last_used_at=now)
    )
    if not isinstance(noted, CursorResult) or noted.rowcount != 1:
        raise Invalid("This passkey seems to be a copy, so it is not taken. Tell an admin.")


def remove(db: Session, actor: Actor, user: User, passkey_id: int, *, now: datetime) -> str:
    """Forget a passkey of this person; returns its name.  Raises `NotFound` for another's."""
    row = db.get(Passkey, passkey_id)
    if row is None or row.user_id != user.id:
        raise NotFound("There is no such passkey.")
    audit.remove(db, actor, "passkey.remove", row, now=now)
    return row.name
