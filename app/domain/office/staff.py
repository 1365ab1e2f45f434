"""Staff: who may use the desk, with which role, at which sites, and with what password.

There is always an admin left: the last one can neither be demoted nor
deactivated.  A new password, another role or reach, or a deactivation ends every
sign-in of the person; another reach takes the files along that were made within the old one.

Passwords are stretched with scrypt, some 60 ms of one core each.  A server sets `run`, so that
these sums are done off its loop and few at a time; `ahead` lets those go first who showed that they
have been here before.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from app.domain.ground import clock, texts
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Role
from app.domain.office import audit, jobs, rights
from app.models import SignIn, Site, User

LANGUAGES = ("en", "de")
#: How numbers and days are written but as the language does, and what the desk looks like.
FORMATS, THEMES = ("iso",), ("system", "light", "dark")
_CHANGEABLE = ("email", "name", "role", "timezone", "language", "formats", "theme")


def create(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    email: str,
    name: str,
    role: Role | str,
    now: datetime,
    password: str | None = None,
    site_ids: Iterable[int] = (),
    timezone: str | None = None,
    language: str = "en",
) -> User:
    """Add a member of staff; without a password they need a one-time link to choose one.

    `role` is the name of one; `site_ids` empty means: all sites.  Raises `Invalid` (naming the
    field), `Taken` for an e-mail address in use, `Forbidden` for rights that the actor lacks.
    """
    user = User(
        tenant_id=tenant_id,
        name=texts.line(name, "The name", 120, field="name", required=True),
        timezone=_timezone(timezone),
        language=_language(language),
        sites=sites_of(db, tenant_id, site_ids),
        created_at=now,
    )
    set_role(db, actor, user, role)
    _set_email(user, email)
    if password is not None:
        user.password_hash = hashed(password, user)
    db.add(user)
    flush(db, user)
    audit.note(db, actor, "user.create", user, now=now)
    return user


def edit(db: Session, actor: Actor, user: User, *, now: datetime, **given: Any) -> User:
    """Change what is given of a member of staff, by the names that `create` has, and of their page.

    Raises `Invalid`, `Taken`, `Conflict` for the last admin, or `Forbidden` where they may do
    more than the actor, now or then.
    """
    rights.refuse_more(actor, rights.of(user))
    refuse_machine(user)
    facts = {name: getattr(user, name) for name in _CHANGEABLE}
    facts |= {"role": user.role_name, "site_ids": [site.id for site in user.sites], **given}
    if unknown := facts.keys() - {*_CHANGEABLE, "site_ids"}:
        raise TypeError(f"a member of staff has no {min(unknown)}")
    before = audit.snapshot(user)
    new_role, own_role = rights.named(db, user.tenant_id, facts["role"])
    sites = sites_of(db, user.tenant_id, facts["site_ids"])
    if user.role is Role.ADMIN and (new_role is not Role.ADMIN or sites):
        _keep_an_admin(db, user)
    if move(db, user, sites, now=now) or (new_role, own_role) != (user.role, user.own_role):
        _end_sign_ins(db, user, now=now)
    set_role(db, actor, user, facts["role"])
    user.timezone = _timezone(facts["timezone"])
    user.language = _language(facts["language"])
    user.formats = _one_of(FORMATS, facts["formats"], "formats")
    user.theme = _one_of(THEMES, facts["theme"], "theme")
    user.name = texts.line(facts["name"], "The name", 120, field="name", required=True)
    _set_email(user, facts["email"])
    flush(db, user)
    audit.note(db, actor, "user.edit", user, now=now, before=before)
    return user


def move(db: Session, user: User, sites: list[Site], *, now: datetime) -> bool:
    """Give somebody the reach of some sites (none: of all); tells whether it is another one."""
    if {site.id for site in sites} == {site.id for site in user.sites}:
        return False
    user.sites = sites
    jobs.reach_changed(db, user.id, now=now)
    return True


def choose_theme(user: User, theme: str) -> None:
    """Keep what somebody's pages are to look like; raises `Invalid`."""
    user.theme = _one_of(THEMES, theme, "theme")


def archive(db: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Deactivate: signed out everywhere, no way back in; history keeps the name.

    Raises `Conflict` for oneself and for the last admin.
    """
    if user.archived_at is not None:
        return
    if actor.user_id == user.id:
        raise Conflict("You cannot deactivate yourself; another admin can.")
    rights.refuse_more(actor, rights.of(user))
    if user.role is Role.ADMIN:
        _keep_an_admin(db, user)
    _end_sign_ins(db, user, now=now)
    jobs.reach_changed(db, user.id, now=now)
    audit.archive(db, actor, user, now=now, kind="user")


def restore(db: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Let a deactivated member of staff sign in again."""
    rights.refuse_more(actor, rights.of(user))
    audit.restore(db, actor, user, now=now, kind="user")


def set_password(db: Session, actor: Actor, user: User, password: str, *, now: datetime) -> None:
    """Give a new password; every earlier sign-in of this person ends."""
    refuse_machine(user)
    user.password_hash = hashed(password, user)
    _end_sign_ins(db, user, now=now)
    audit.note(db, actor, "user.set_password", user, now=now)


def refuse_machine(user: User) -> None:
    """Raise `Conflict` for a machine: nobody signs in as it."""
    if user.owner_id is not None:
        raise Conflict(f"{user.name} is a machine: it has tokens, and no way to sign in.")


def by_email(db: Session, email: str) -> User:
    """Find a member of staff by e-mail address, or a machine by its name; raises `NotFound`."""
    typed = email.strip().casefold()
    machine = and_(User.owner_id.is_not(None), func.lower(User.name) == typed)
    user = db.scalar(select(User).where(or_(User.email_key == typed, machine)))
    if user is None:
        raise NotFound(f"Nobody on the staff has the e-mail address “{email.strip()}”.")
    return user


def get(db: Session, user_id: int) -> User:
    """Return a member of staff; raises `NotFound` for one that is not, or is not yours."""
    user = db.get(User, user_id)
    if user is None:
        raise NotFound("There is no such member of staff.")
    return user


def exists(db: Session) -> bool:
    """Tell whether anybody is on the staff yet."""
    return db.scalar(select(User.id).limit(1)) is not None


def _end_sign_ins(db: Session, user: User, *, now: datetime) -> None:
    db.execute(
        update(SignIn)
        .where(SignIn.user_id == user.id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def _keep_an_admin(db: Session, user: User) -> None:
    others = db.scalar(
        select(func.count(User.id)).where(
            User.tenant_id == user.tenant_id,
            User.role == Role.ADMIN,
            User.archived_at.is_(None),
            User.id != user.id,
            User.owner_id.is_(None),
            ~User.sites.any(),
        )
    )
    if not others:
        raise Conflict("This is the last admin of all sites: make another one first.", field="role")


def _set_email(user: User, email: str) -> None:
    text = texts.email(email)
    if text is None:
        raise Invalid("The e-mail address must not be empty.", field="email")
    user.email, user.email_key = text, text.casefold()


def flush(db: Session, user: User) -> None:
    """Write somebody down; raises `Taken` where the address, or a machine's name, is in use."""
    # The address is unique beyond the tenant, so the database has to say it, not a scoped select.
    email = user.email or user.name
    with texts.unless_taken(db, f"“{email}” is in use already.", "name" if user.owner else "email"):
        db.flush()


def set_role(db: Session, actor: Actor, user: User, name: str) -> None:
    """Give a role by its name; raises `Invalid`, or `Forbidden` for more than the actor may."""
    user.role, user.own_role = rights.named(db, user.tenant_id, name)
    rights.refuse_more(actor, rights.of(user))


def sites_of(db: Session, tenant_id: int, site_ids: Iterable[int]) -> list[Site]:
    """Return the sites of these numbers; raises `Invalid`."""
    wanted = set(site_ids)
    if not wanted:
        return []
    found = list(db.scalars(select(Site).where(Site.id.in_(wanted), Site.tenant_id == tenant_id)))
    if len(found) != len(wanted):
        raise Invalid("One of these sites does not exist.", field="sites")
    return found


def _timezone(timezone: str | None) -> str | None:
    return clock.zone_name(timezone) if timezone else None


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise Invalid(f"“{language}” is not a language of the desk.", field="language")
    return language


def _one_of(words: tuple[str, ...], word: str | None, field: str) -> str | None:
    if word and word not in words:
        raise Invalid(f"“{word}” is none of {', '.join(words)}.", field=field)
    return word or None


LEAST_PASSWORD = 12
MOST_PASSWORD = 200
#: How much work a password is: werkzeug's words for scrypt with 32 MiB.
PASSWORD_METHOD = "scrypt:32768:8:1"


def _here(work: Callable[[], Any], ahead: bool) -> Any:
    return work()


#: How the slow sums are done: in the caller's own time, unless a server knows better.
run: Callable[[Callable[[], Any], bool], Any] = _here

#: What the password of somebody who does not exist is held against: no password fits it.
_NOBODY = f"{PASSWORD_METHOD}$nobody${'0' * 128}"


def hashed(password: str, user: User) -> str:
    """Stretch a password; raises `Invalid` for one that is too easy to guess."""
    if len(password) < LEAST_PASSWORD:
        raise Invalid(f"The password needs at least {LEAST_PASSWORD} characters.", field="password")
    if len(password) > MOST_PASSWORD:
        raise Invalid(
            f"The password may have at most {MOST_PASSWORD} characters.", field="password"
        )
    plain = password.casefold()
    if len(set(plain)) < 5 or plain in {user.email_key, (user.name or "").casefold()}:
        raise Invalid("That password is too easy to guess.", field="password")
    return stretched(password)


def stretched(password: str) -> str:
    return str(run(lambda: generate_password_hash(password, PASSWORD_METHOD), True))


def fits(stored: str | None, typed: str, *, ahead: bool = False) -> bool:
    """Compare with what is stored; with nothing stored it takes as long and never fits."""
    found = run(lambda: check_password_hash(stored or _NOBODY, typed[:MOST_PASSWORD]), ahead)
    return bool(found) and stored is not None
