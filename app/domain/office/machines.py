"""Machines: programs on the staff.  They have tokens, a person who answers for them, no sign-in."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit, rights, staff
from app.models import User


def add(
    db: Session,
    actor: Actor,
    *,
    tenant_id: int,
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
    _rename(machine, name)
    db.add(machine)
    staff.flush(db, machine)
    audit.note(db, actor, "machine.create", machine, now=now)
    return machine


def edit(
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
    before = audit.snapshot(machine)
    if name is not None:
        _rename(machine, name)
    if owner_id is not None:
        machine.owner = _owner(db, machine.tenant_id, owner_id)
    if role is not None:
        staff.set_role(db, actor, machine, role)
    if site_ids is not None:
        machine.sites = staff.sites_of(db, machine.tenant_id, site_ids)
    staff.flush(db, machine)
    audit.note(db, actor, "machine.edit", machine, now=now, before=before)
    return machine


def get(db: Session, user_id: int) -> User:
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


def _rename(machine: User, name: str) -> None:
    machine.name = texts.line(name, "The name", 120, field="name", required=True)
    machine.email_key = f"machine:{machine.tenant_id}:{machine.name.casefold()}"
