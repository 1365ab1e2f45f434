"""Signing in: e-mail and password, one-time links, and what a cookie is worth afterwards.

A cookie's worth is decided by a row and by nothing in it: a sign-in that nobody asked to remember
ends after twelve hours without a request, a remembered one after thirty days, used or not.  A
link's secret is shown once and stored only as its digest; it works once and not for long.  What is
answered never tells whether an address is on the staff.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, Select, bindparam, select, update
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.bulk import made_once
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import SYSTEM, Actor, Role, SignInWay
from app.domain.network import tenants
from app.domain.office import audit, rights, staff
from app.models import OneTimeLink, OwnRole, SignIn, Site, User

SETUP = "setup"
RESET = "reset"
#: How long a link works.
LIFETIME = {SETUP: timedelta(days=1), RESET: timedelta(hours=1)}
#: An invitation waits for somebody's morning, not for a forgetful minute.
INVITATION = timedelta(days=3)

REFUSED = "The e-mail address or the password is wrong."
USED_UP = "This link has been used or is too old. Ask for a new one."
#: A sign-in that is not remembered ends this long after its last request.
IDLE = timedelta(hours=12)
#: No sign-in lasts longer than this, whatever is done with it.
LONGEST = timedelta(days=30)
#: The last request is noted no more often than this: looking at a page is no write.
TOUCH_EVERY = timedelta(minutes=1)
#: For so long the address of an earlier sign-in counts as one of the person's own.
KNOWN_FOR = timedelta(days=90)


def digest(secret: str) -> str:
    """What is stored of a secret that is random enough to need no stretching."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(
    db: Session,
    user: User,
    *,
    now: datetime,
    address: str | None = None,
    agent: str = "",
    way: SignInWay = SignInWay.PASSWORD,
    remembered: bool = False,
) -> tuple[SignIn, str]:
    """Make a sign-in; returns it and the secret for the cookie."""
    secret = secrets.token_urlsafe(32)
    row = SignIn(
        tenant_id=user.tenant_id,
        user_id=user.id,
        token_hash=digest(secret),
        way=way,
        remembered=remembered,
        address=address,
        agent="".join(sign for sign in agent if sign.isprintable())[:200],
        made_at=now,
        seen_at=now,
        expires_at=now + (LONGEST if remembered else IDLE),
    )
    db.add(row)
    db.flush()
    return row, secret


@made_once
def _found() -> Select[SignIn]:
    who = joinedload(SignIn.user)
    query = select(SignIn).options(
        who.joinedload(User.own_role),
        who.joinedload(User.sites).load_only(Site.id),
        joinedload(SignIn.tenant),
    )
    return query.where(SignIn.token_hash == bindparam("token_hash"))


def find(db: Session, secret: str, *, now: datetime) -> SignIn | None:
    """Return the sign-in with this secret if it counts now."""
    row = db.scalars(_found(), {"token_hash": digest(secret)}).unique().one_or_none()
    if row is None or row.ended_at is not None or row.expires_at <= now:
        return None
    return row if row.user.archived_at is None else None


def touch(db: Session, sign_in_id: int, *, now: datetime) -> None:
    """Note that a sign-in was used; one that is not remembered lasts longer by that."""
    row = db.get(SignIn, sign_in_id)
    if row is not None and row.ended_at is None and now - row.seen_at >= TOUCH_EVERY:
        row.seen_at = now
        if not row.remembered:
            row.expires_at = min(now + IDLE, row.made_at + LONGEST)


def of_user(db: Session, user_id: int, *, now: datetime) -> list[SignIn]:
    """Return a person's sign-ins that count now, the one used last first."""
    query = select(SignIn).where(SignIn.user_id == user_id, *_counting(now))
    return list(db.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.id.desc())))


def end(db: Session, actor: Actor, sign_in_id: int, user_id: int, *, now: datetime) -> None:
    """End one sign-in of this person; raises `NotFound` for anybody else's."""
    row = db.get(SignIn, sign_in_id)
    if row is None or row.user_id != user_id:
        raise NotFound("There is no such sign-in.")
    if row.ended_at is None:
        row.ended_at = now
        audit.remark(db, actor, "user.sign_out", row.user, now=now)


def end_all(db: Session, user_id: int, *, now: datetime, but: int | None = None) -> int:
    """End every sign-in of a person (but one); returns how many."""
    open_ = update(SignIn).where(SignIn.user_id == user_id, *_counting(now))
    ended = db.execute(
        (open_ if but is None else open_.where(SignIn.id != but)).values(ended_at=now)
    )
    return ended.rowcount if isinstance(ended, CursorResult) else 0


def sign_out_everywhere(
    db: Session, actor: Actor, user: User, *, now: datetime, but: int | None = None
) -> int:
    """End a person's sign-ins, but for the one that asks; returns how many."""
    if count := end_all(db, user.id, now=now, but=but):
        audit.remark(db, actor, "user.sign_out_everywhere", user, now=now)
    return count


def counting(db: Session, ids: Iterable[int], *, now: datetime) -> dict[int, rights.Rights]:
    """Return which of these sign-ins count now, each with what its person may do."""
    query = select(SignIn.id, User.role, OwnRole.rights).join(SignIn.user)
    query = query.outerjoin(OwnRole, OwnRole.id == User.own_role_id)
    here = query.where(SignIn.id.in_(list(ids)), User.archived_at.is_(None), *_counting(now))
    return {number: rights.of_role(role, own) for number, role, own in db.execute(here)}


def knows_address(db: Session, user_id: int, address: str | None, *, now: datetime) -> bool:
    """Tell whether this person has come in from this address before."""
    query = select(SignIn.id).where(
        SignIn.user_id == user_id, SignIn.address == address, SignIn.made_at > now - KNOWN_FOR
    )
    return address is not None and db.scalar(query.limit(1)) is not None


def _counting(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return SignIn.ended_at.is_(None), SignIn.expires_at > now


def key_of(email: str) -> str:
    """How an e-mail address is compared."""
    return email.strip().casefold()[:254]


def person_with_password(db: Session, email: str, password: str, *, ahead: bool = False) -> User:
    """Return the member of staff with this password; raises `Invalid`.

    An unknown address takes as long as a wrong password.  Slow on purpose: call
    it outside a unit of work.  `ahead`: whoever asks has been here before.
    """
    user = db.scalar(select(User).where(User.email_key == key_of(email)))
    number, stored = (user.id, user.password_hash) if user else (None, None)
    db.rollback()  # whoever waits for these sums holds no connection meanwhile
    fits = staff.fits(stored, password, ahead=ahead)
    user = db.get(User, number) if fits and number is not None else None
    if user is None or user.archived_at is not None or user.password_hash != stored:
        raise Invalid(REFUSED)
    return user


def at_home(db: Session, email: str, address: str | None, *, now: datetime) -> bool:
    """Tell whether whoever has this e-mail address came in from this network address before."""
    number = db.scalar(select(User.id).where(User.email_key == key_of(email)))
    return number is not None and knows_address(db, number, address, now=now)


def come_in(
    db: Session,
    user: User,
    *,
    address: str | None,
    now: datetime,
    agent: str = "",
    way: SignInWay = SignInWay.PASSWORD,
    remembered: bool = False,
) -> tuple[SignIn, str]:
    """Keep that somebody came in; returns the sign-in and the secret for their cookie."""
    user.last_sign_in_at = now
    begun = begin(db, user, address=address, agent=agent, way=way, remembered=remembered, now=now)
    audit.note(
        db,
        Actor(user.name, user.id, address),
        "user.sign_in",
        user,
        now=now,
        before=audit.snapshot(user),
    )
    return begun


def issue_link(
    db: Session,
    purpose: str,
    *,
    now: datetime,
    user: User | None = None,
    lifetime: timedelta | None = None,
) -> str:
    """Make a link's secret; earlier ones of the same purpose and person stop working."""
    if user is not None:
        staff.refuse_machine(user)
    db.execute(
        update(OneTimeLink)
        .where(
            OneTimeLink.purpose == purpose,
            OneTimeLink.user_id.is_(None) if user is None else OneTimeLink.user_id == user.id,
            OneTimeLink.used_at.is_(None),
        )
        .values(used_at=now)
    )
    secret = secrets.token_urlsafe(32)
    db.add(
        OneTimeLink(
            purpose=purpose,
            token_hash=digest(secret),
            user_id=user.id if user else None,
            created_at=now,
            expires_at=now + (lifetime or LIFETIME[purpose]),
        )
    )
    db.flush()
    return secret


def issue_setup(db: Session, *, now: datetime) -> str:
    """Make the secret that creates the first admin; raises `Conflict` once there is staff."""
    if staff.exists(db):
        raise Conflict("There is staff already: an admin adds more.")
    return issue_link(db, SETUP, now=now)


def look_at(db: Session, purpose: str, secret: str, *, now: datetime) -> OneTimeLink:
    """Return a link that still works, without using it up; raises `Invalid`."""
    link = db.scalar(
        select(OneTimeLink).where(
            OneTimeLink.token_hash == digest(secret), OneTimeLink.purpose == purpose
        )
    )
    if link is None or link.used_at is not None or link.expires_at <= now:
        raise Invalid(USED_UP)
    return link


def create_first_admin(
    db: Session,
    secret: str,
    *,
    email: str,
    name: str,
    password: str,
    language: str = "en",
    now: datetime,
) -> User:
    """Turn the setup link into the first admin; raises `Invalid` or `Conflict`."""
    _redeem(db, look_at(db, SETUP, secret, now=now), now)
    if staff.exists(db):
        raise Conflict("There is staff already: an admin adds more.")
    return staff.create(
        db,
        SYSTEM,
        tenant_id=tenants.first(db, now=now).id,
        email=email,
        name=name,
        role=Role.ADMIN,
        password=password,
        language=language,
        now=now,
    )


def reset_password(
    db: Session, secret: str, password: str, *, address: str | None, now: datetime
) -> User:
    """Turn a reset link into a new password; raises `Invalid`."""
    link = look_at(db, RESET, secret, now=now)
    user = db.get(User, link.user_id) if link.user_id else None
    if user is None or user.archived_at is not None:
        raise Invalid(USED_UP)
    staff.set_password(db, Actor(user.name, user.id, address), user, password, now=now)
    _redeem(db, link, now)
    return user


def someone_to_reset(db: Session, email: str) -> User | None:
    """Return who may get a reset mail under this address, if anybody."""
    user = db.scalar(select(User).where(User.email_key == key_of(email)))
    return user if user is not None and user.archived_at is None and not user.owner_id else None


def _redeem(db: Session, link: OneTimeLink, now: datetime) -> None:
    # Two browsers may hold the same link: the row decides who was first.
    result = db.execute(
        update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise Invalid(USED_UP)
