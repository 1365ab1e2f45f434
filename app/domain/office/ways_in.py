"""Ways in that need no password: invitations, passkeys, and the organisation's own sign-in.

Passkeys (WebAuthn) are the public halves of key pairs; `app.web.passkeys` looks at the proof.  At
the provider (OpenID Connect) a person is known by issuer and subject.  The first time the e-mail
address finds them, and only one that the provider has verified: whoever may choose an address there
must not become somebody else here.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CursorResult, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Role
from app.domain.network import tenants
from app.domain.office import audit, rights, sign_ins, staff
from app.models import OneTimeLink, Passkey, User


class Vouched(NamedTuple):
    """What a provider says of somebody, once its signature was looked at."""

    issuer: str
    subject: str
    email: str
    verified: bool
    name: str


def person(db: Session, said: Vouched, *, create: Role | None, now: datetime) -> User:
    """Return the member of staff that is meant, linked from now on.

    `create`: the role of somebody who is not on the staff; None: they are refused.  Raises
    `Invalid` with a sentence for them.
    """
    known = select(User).where(User.oidc_issuer == said.issuer, User.oidc_subject == said.subject)
    if (user := db.scalar(known)) is None:
        user = _by_email(db, said, create, now)
        actor = Actor(user.name, user.id)
        linked = {"oidc_issuer": said.issuer, "oidc_subject": said.subject}
        audit.change(db, actor, "user.link_provider", user, now=now, **linked)
    if user.archived_at is not None:
        raise Invalid("Your account is deactivated. An admin can let you in again.")
    return user


def _by_email(db: Session, said: Vouched, create: Role | None, now: datetime) -> User:
    if not said.email or not said.verified:
        raise Invalid("Your provider does not say that your e-mail address is verified.")
    user = db.scalar(select(User).where(User.email_key == sign_ins.key_of(said.email)))
    if user is None and create is None:
        raise Invalid(f"Nobody on the staff has the address {said.email}. Ask an admin to add you.")
    if user is None:
        return staff.create(
            db,
            Actor("single sign-on"),
            tenant_id=tenants.first(db, now=now).id,
            email=said.email,
            name=said.name or said.email.partition("@")[0],
            role=create or Role.VIEWER,
            now=now,
        )
    if user.owner_id is not None:
        raise Invalid("Nobody signs in as a machine.")
    if user.oidc_subject is not None:
        raise Invalid("Your address belongs to another account of the provider. Ask an admin.")
    return user


#: Passkeys of one person.
MOST_PASSKEYS = 20
UNKNOWN_PASSKEY = "That passkey is not known here."


def add_passkey(
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
    if len(passkeys_of(db, user.id)) >= MOST_PASSKEYS:
        raise Conflict(f"You have {MOST_PASSKEYS} passkeys already; remove one first.")
    row = Passkey(
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=texts.line(name, "The name", 120, field="name", required=True),
        credential_id=credential_id,
        public_key=public_key,
        sign_count=sign_count,
        made_at=now,
    )
    with texts.unless_taken(db, "This passkey is kept already."):
        db.add(row)
    audit.note(db, actor, "passkey.add", row, now=now)
    return row


def passkeys_of(db: Session, user_id: int) -> list[Passkey]:
    """A person's passkeys, the oldest first."""
    return list(db.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)))


def by_credential(db: Session, credential_id: str) -> Passkey:
    """Return the passkey of somebody who may come in; raises `Invalid`."""
    query = select(Passkey).where(Passkey.credential_id == credential_id)
    found = db.scalar(query.options(joinedload(Passkey.user)))
    if found is None or found.user.archived_at is not None:
        raise Invalid(UNKNOWN_PASSKEY)
    return found


def use_passkey(db: Session, passkey: Passkey, sign_count: int, *, now: datetime) -> None:
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


def remove_passkey(db: Session, actor: Actor, user: User, passkey_id: int, *, now: datetime) -> str:
    """Forget a passkey of this person; returns its name.  Raises `NotFound` for another's."""
    row = db.get(Passkey, passkey_id)
    if row is None or row.user_id != user.id:
        raise NotFound("There is no such passkey.")
    audit.remove(db, actor, "passkey.remove", row, now=now)
    return row.name


def is_invited(user: User) -> bool:
    """Tell whether somebody was invited and never came in."""
    came = user.password_hash or user.last_sign_in_at or user.owner_id
    return not came and user.archived_at is None


def invited_until(db: Session, user: User, *, now: datetime) -> datetime | None:
    """How long the link of an invitation works; None: there is none that does."""
    return db.scalar(
        select(func.max(OneTimeLink.expires_at)).where(
            OneTimeLink.user_id == user.id,
            OneTimeLink.purpose == sign_ins.RESET,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now,
        )
    )


def invite(db: Session, actor: Actor, user: User, *, now: datetime) -> str:
    """Return the secret of a link that waits for some days, by which somebody sets a password.

    Raises `Conflict`, or `Forbidden` where they may do more than the actor, who sees the link.
    """
    rights.refuse_more(actor, rights.of(user))
    if user.archived_at is not None:
        raise Conflict(f"{user.name} is deactivated.")
    audit.remark(db, actor, "user.invite", user, now=now)
    lifetime = sign_ins.INVITATION
    return sign_ins.issue_link(db, sign_ins.RESET, user=user, now=now, lifetime=lifetime)


def withdraw(db: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Take an invitation back: its links stop working, and nobody comes in by that address.

    Raises `Conflict` for somebody who came in already: those are deactivated.
    """
    if not is_invited(user):
        raise Conflict(f"{user.name} is no longer only invited; deactivate them instead.")
    db.execute(
        update(OneTimeLink)
        .where(OneTimeLink.user_id == user.id, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    audit.remark(db, actor, "user.withdraw", user, now=now)
    staff.archive(db, actor, user, now=now)
