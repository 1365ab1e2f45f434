"""API tokens: keys for programs, of people or of machines, and the machines themselves.

A machine is a program on the staff: it has tokens and a person who answers for it, but no sign-in.
A token has its person's rights and reach at most; what its person loses, it loses at once.  The
secret is shown once; its digest is stored, and its beginning so that people recognise it.

Idempotency keys belong to a token: the same request under the same key is done once and answered
alike.  A request that was refused has changed nothing, so it gives its key back.
"""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit, rights, staff
from app.domain.office.rights import Rights
from app.domain.office.sign_ins import digest
from app.models import ApiToken, IdempotencyKey, OwnRole, User, user_sites

PREFIX = "ampd_"
#: For so long an idempotency key is kept.
KEPT = timedelta(hours=24)
LONGEST = 255
FIELD = "Idempotency-Key"
#: A token's last use is noted no more often than this: a busy program must not write on every call.
TOUCH_EVERY = timedelta(minutes=1)


def issue(
    db: Session,
    actor: Actor,
    user: User,
    *,
    name: str,
    now: datetime,
    days: int | None = None,
    scope: Rights | None = None,
    site_ids: Collection[int] = (),
) -> tuple[ApiToken, str]:
    """Make a token that works for `days` days (None: until revoked); returns it and its secret.

    `scope` and `site_ids` narrow it (None and none: all that its person may do and see).  Raises
    `Invalid`, `Conflict`, or `Forbidden` where it could do more than the actor.
    """
    held = rights.of(user)
    if scope is not None and not rights.meet(held, scope):
        raise Invalid(f"{user.name} has none of these rights.", field="rights")
    rights.refuse_more(actor, held if scope is None else rights.meet(held, scope))
    sites = staff.sites_of(db, user.tenant_id, site_ids)
    if user.archived_at is not None:
        raise Conflict(f"{user.name} is deactivated and cannot have a token.")
    if days is not None and not 1 <= days <= 3650:
        raise Invalid("A token lives between 1 and 3650 days.", field="days")
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        tenant_id=user.tenant_id,
        user_id=user.id,
        name=texts.line(name, "The token’s name", 120, field="name", required=True),
        token_hash=digest(secret),
        hint=secret[:12],
        rights=None if scope is None else {area.value: scope[area].value for area in scope},
        site_ids=sorted(site.id for site in sites) or None,
        created_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )
    audit.added(db, actor, "token.issue", token, now=now)
    return token, secret


def revoke(db: Session, actor: Actor, token: ApiToken, *, now: datetime) -> None:
    """Make a token useless from now on."""
    if token.revoked_at is None:
        audit.change(db, actor, "token.revoke", token, now=now, revoked_at=now)


def get(db: Session, token_id: int) -> ApiToken:
    """Return a token; raises `NotFound`."""
    token = db.get(ApiToken, token_id)
    if token is None:
        raise NotFound("There is no such API token.")
    return token


@dataclass(frozen=True, slots=True)
class Holder:
    """A token that works now, and the member of staff whose it is; `site_ids` None: all sites."""

    token_id: int
    name: str
    last_used_at: datetime | None
    user_id: int
    user_name: str
    tenant_id: int
    rights: Rights
    site_ids: frozenset[int] | None
    of_fewer_sites: bool


_TOKEN = ApiToken.__table__
_USER = User.__table__
#: Every request of a program asks this: plain columns, built once, a row for each of the sites.
_FIND = (
    select(
        *(_TOKEN.c[name] for name in ("id", "name", "last_used_at", "expires_at")),
        *(_TOKEN.c.rights.label("scope"), _TOKEN.c.site_ids.label("sites")),
        *(_USER.c[name].label(f"user_{name}") for name in ("id", "name", "tenant_id", "role")),
        *(OwnRole.__table__.c.rights, user_sites.c.site_id),
    )
    .select_from(
        _TOKEN.join(_USER)
        .outerjoin(OwnRole.__table__, OwnRole.__table__.c.id == _USER.c.own_role_id)
        .outerjoin(user_sites, user_sites.c.user_id == _USER.c.id)
    )
    .where(
        _TOKEN.c.token_hash == bindparam("mark"),
        _TOKEN.c.revoked_at.is_(None),
        _USER.c.archived_at.is_(None),
    )
)


def find(db: Session, secret: str, *, now: datetime) -> Holder | None:
    """Return whose secret this is, if it works now and that person may still sign in."""
    rows = db.execute(_FIND, {"mark": digest(secret)}).all()
    if not rows or (rows[0].expires_at is not None and rows[0].expires_at <= now):
        return None
    one = rows[0]
    held = rights.of_role(one.user_role, one.rights)
    sites = frozenset(row.site_id for row in rows if row.site_id is not None) or None
    if one.sites is not None:
        # A token of a site that its person lost sees nothing: no site is not all of them.
        sites = frozenset(one.sites) if sites is None else sites & frozenset(one.sites)
    return Holder(
        token_id=one.id,
        name=one.name,
        last_used_at=one.last_used_at,
        user_id=one.user_id,
        user_name=one.user_name,
        tenant_id=one.user_tenant_id,
        rights=held if one.scope is None else rights.meet(held, rights.parsed(one.scope)),
        site_ids=sites,
        of_fewer_sites=one.sites is not None,
    )


def is_stale(holder: Holder, *, now: datetime) -> bool:
    """Tell whether `touch` would note anything new."""
    return holder.last_used_at is None or now - holder.last_used_at >= TOUCH_EVERY


def touch(token: ApiToken, *, now: datetime) -> None:
    """Note that the token was used."""
    token.last_used_at = now


@dataclass(frozen=True, slots=True)
class Kept:
    """What a request was answered with."""

    status: int
    body: str
    mimetype: str
    location: str | None


def claim_key(
    db: Session, *, tenant_id: int, token_id: int, key: str, fingerprint: str, now: datetime
) -> Kept | None:
    """Claim a key; returns what it was answered with before, or None: go on.

    Raises `Invalid` for a key that names another request, `Conflict` while the
    first one is under way or when its answer was lost.
    """
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST):
        raise Invalid(f"A key has 1 to {LONGEST} printable ASCII characters.", field=FIELD)
    row = _find(db, token_id, key)
    if row is not None and row.created_at <= now - KEPT:
        db.delete(row)
        db.flush()
        row = None
    if row is None:
        row = IdempotencyKey(
            tenant_id=tenant_id, token_id=token_id, key=key, fingerprint=fingerprint, created_at=now
        )
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError:
            raise _under_way() from None
        return None
    if row.fingerprint != fingerprint:
        raise Invalid("This key was used for another request; choose a new one.", field=FIELD)
    if row.status is None:
        raise _under_way()
    return Kept(row.status, row.body or "", row.mimetype or "", row.location)


def finish_key(db: Session, token_id: int, key: str, kept: Kept) -> None:
    """Keep what the request was answered with."""
    row = _find(db, token_id, key)
    if row is not None:
        row.status, row.body = kept.status, kept.body
        row.mimetype, row.location = kept.mimetype, kept.location


def release_key(db: Session, token_id: int, key: str) -> None:
    """Give back the key of a request that changed nothing."""
    row = _find(db, token_id, key)
    if row is not None and row.status is None:
        db.delete(row)


def _find(db: Session, token_id: int, key: str) -> IdempotencyKey | None:
    return db.scalar(
        select(IdempotencyKey).where(IdempotencyKey.token_id == token_id, IdempotencyKey.key == key)
    )


def _under_way() -> Conflict:
    return Conflict(
        "A request with this key is under way, or was cut off: see whether it took effect.",
        field=FIELD,
    )


def add_machine(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    name: str,
    owner_id: int,
    role: str,
    now: datetime,
    site_ids: Iterable[int] = (),
) -> User:
    """Add a machine.

    Raises `Invalid`, `Taken` for a name that another one has, `Forbidden` for rights that the
    actor lacks.
    """
    machine = User(
        tenant_id=tenant_id,
        email="",
        language="en",
        sites=staff.sites_of(db, tenant_id, site_ids),
        owner=_owner(db, tenant_id, owner_id),
        created_at=now,
    )
    staff.set_role(db, actor, machine, role)
    _rename_machine(machine, name)
    db.add(machine)
    staff.flush(db, machine)
    audit.note(db, actor, "machine.create", machine, now=now)
    return machine


def edit_machine(
    db: Session,
    actor: Actor,
    machine: User,
    *,
    now: datetime,
    name: str | None = None,
    owner_id: int | None = None,
    role: str | None = None,
    site_ids: Iterable[int] | None = None,
) -> User:
    """Change what is given of a machine.  Raises as `add`."""
    rights.refuse_more(actor, rights.of(machine))
    with audit.edited(db, actor, "machine.edit", machine, now=now):
        if name is not None:
            _rename_machine(machine, name)
        if owner_id is not None:
            machine.owner = _owner(db, machine.tenant_id, owner_id)
        if role is not None:
            staff.set_role(db, actor, machine, role)
        if site_ids is not None:
            staff.move(db, machine, staff.sites_of(db, machine.tenant_id, site_ids), now=now)
        staff.flush(db, machine)
    return machine


def machine(db: Session, user_id: int) -> User:
    """Return a machine; raises `NotFound`, for a person too."""
    machine = staff.get(db, user_id)
    if machine.owner_id is None:
        raise NotFound("There is no such machine.")
    return machine


def _owner(db: Session, tenant_id: int, user_id: int) -> User:
    owner = db.get(User, user_id)
    fits = owner is not None and owner.tenant_id == tenant_id and owner.owner_id is None
    if owner is None or not fits or owner.archived_at is not None:
        raise Invalid("A person who is on the staff now answers for a machine.", field="owner")
    return owner


def _rename_machine(machine: User, name: str) -> None:
    machine.name = texts.line(name, "The name", 120, field="name", required=True)
    machine.email_key = f"machine:{machine.tenant_id}:{machine.name.casefold()}"
