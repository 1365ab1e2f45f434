"""Who somebody is whom the organisation's own sign-in (OpenID Connect) vouches for.

A person is known there by issuer and subject.  The first time the e-mail address finds them, and
only one that the provider has verified: whoever may choose an address there must not become
somebody else here.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor, Role
from app.domain.network import tenants
from app.domain.office import audit, sign_ins, staff
from app.models import User


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
