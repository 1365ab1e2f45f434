"""Rights: what staff may read and write, area by area, in roles built in or of one's own.

Nobody gives what they do not have: neither a role to a colleague, nor a token to a program, nor a
new password to somebody who may do more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Forbidden, Invalid, Taken
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Actor, Area, Right, Role
from app.domain.office import audit
from app.models import OwnRole, User

#: What somebody may do; an area that is not named is closed to them.
Rights = Mapping[Area, Right]

#: area -> what it is called, and what lies in it.
AREAS: dict[Area, tuple[str, str]] = {
    Area.NETWORK: (N_("Stations and sites"), N_("Chargers, their passwords, sites")),
    Area.CHARGING: (N_("Sessions"), N_("Charging sessions, what was measured, ending one")),
    Area.ACCESS: (N_("Tags and drivers"), N_("Who may charge, reservations, local lists")),
    Area.MONEY: (N_("Bills"), N_("Bills, reviews, receipts, refunds, the bench of tariffs")),
    Area.TARIFFS: (N_("Tariffs"), N_("What charging costs")),
    Area.COMMANDS: (N_("Commands"), N_("Orders to chargers: unlock, reset, start, settings")),
    Area.LIMITS: (N_("Charging profiles"), N_("Limits on power and energy")),
    Area.DEVICE: (N_("Devices"), N_("Device model, monitors, display, firmware, logs")),
    Area.TRUST: (N_("Certificates"), N_("Certificates of chargers and who signs them")),
    Area.OFFICE: (N_("Overview"), N_("Home, reports, alerts, what needs attention, messages")),
    Area.PRIVACY: (N_("Personal data"), N_("What is stored about one person")),
    Area.STAFF: (N_("Staff"), N_("Staff, their roles, sign-ins and tokens")),
    Area.AUDIT: (N_("Audit"), N_("Who did what")),
    Area.ORGANISATION: (N_("Organisation"), N_("The seller, webhooks, mail, settings")),
}
_DAILY = (
    *(Area.NETWORK, Area.CHARGING, Area.ACCESS, Area.MONEY),
    *(Area.COMMANDS, Area.LIMITS, Area.DEVICE, Area.OFFICE),
)
#: What the built-in roles may do; an organisation cannot change them.
BUILT_IN: dict[Role, Rights] = {
    Role.ADMIN: dict.fromkeys(Area, Right.WRITE),
    Role.OPERATOR: {
        **dict.fromkeys(_DAILY, Right.WRITE),
        **dict.fromkeys((Area.TARIFFS, Area.TRUST), Right.READ),
    },
    Role.VIEWER: dict.fromkeys((*_DAILY, Area.TARIFFS, Area.TRUST), Right.READ),
}
NOT_YOURS = "You can only give rights that you have yourself."


def may(rights: Rights, area: Area | None, right: Right) -> bool:
    """Tell whether these rights open an area; None is what everybody has who is signed in."""
    held = rights.get(area) if area else Right.WRITE
    return held is Right.WRITE or held is right


def parsed(stored: Mapping[str, Any] | None) -> Rights:
    """Return rights as they are stored, without words that are no longer known."""
    known = {area.value: area for area in Area}
    return {
        known[name]: Right(word)
        for name, word in (stored or {}).items()
        if name in known and word in list(Right)
    }


def of(user: User) -> Rights:
    """Return what a member of staff may do."""
    return of_role(user.role, user.own_role.rights if user.own_role else None)


def of_role(role: Role, own: Mapping[str, Any] | None) -> Rights:
    """Return what a role allows: a built-in one, or an organisation's with the rights `own`."""
    return parsed(own) if role is Role.OWN else BUILT_IN[role]


def meet(one: Rights, other: Rights) -> Rights:
    """Return what both allow."""
    return {
        area: Right.WRITE if right is other[area] is Right.WRITE else Right.READ
        for area, right in one.items()
        if area in other
    }


def covers(own: Rights | None, given: Rights) -> bool:
    """Tell whether `own` (None: everything) holds all of `given`."""
    return own is None or all(may(own, area, right) for area, right in given.items())


def refuse_more(actor: Actor, given: Rights) -> None:
    """Raise `Forbidden` where rights are given, or their holder changed, by who has them not."""
    if not covers(actor.rights, given):
        raise Forbidden(NOT_YOURS)


def roles(db: Session) -> list[OwnRole]:
    """Return the organisation's own roles, by name."""
    return list(db.scalars(select(OwnRole).order_by(OwnRole.name_key)))


own = texts.finder(OwnRole, "role")


def named(db: Session, tenant_id: int, name: str) -> tuple[Role, OwnRole | None]:
    """Return the role of this name, built in or one's own; raises `Invalid`."""
    if name in BUILT_IN:
        return Role(name), None
    owned = select(OwnRole).where(
        OwnRole.tenant_id == tenant_id, OwnRole.name_key == texts.key(name)
    )
    if row := db.scalar(owned):
        return Role.OWN, row
    own = db.scalars(select(OwnRole.name).where(OwnRole.tenant_id == tenant_id))
    words = ", ".join([*BUILT_IN, *own])
    raise Invalid(f"“{name}” is not a role; there are {words}.", field="role")


def add_role(
    db: Session, actor: Actor, tenant_id: int, *, name: str, rights: Rights, now: datetime
) -> OwnRole:
    """Make a role.  Raises `Invalid`, `Taken`, or `Forbidden` for rights that one has not."""
    row = OwnRole(tenant_id=tenant_id, created_at=now)
    _set(actor, row, name, rights)
    db.add(row)
    _flush(db, row)
    audit.note(db, actor, "role.create", row, now=now)
    return row


def edit_role(
    db: Session,
    actor: Actor,
    row: OwnRole,
    *,
    now: datetime,
    name: str | None = None,
    rights: Rights | None = None,
) -> OwnRole:
    """Change a role; whoever has it may do the new at once.  Raises as `add_role`."""
    refuse_more(actor, parsed(row.rights))
    with audit.edited(db, actor, "role.edit", row, now=now):
        _set(actor, row, row.name if name is None else name, rights or parsed(row.rights))
        _flush(db, row)
    return row


def remove_role(db: Session, actor: Actor, row: OwnRole, *, now: datetime) -> None:
    """Delete a role that nobody has; raises `Conflict` where somebody has it."""
    holder = db.scalar(select(User.name).where(User.own_role_id == row.id).limit(1))
    if holder is not None:
        raise Conflict(f"{holder} has this role: give them another one first.")
    refuse_more(actor, parsed(row.rights))
    audit.remove(db, actor, "role.remove", row, now=now)


def _set(actor: Actor, row: OwnRole, name: str, rights: Rights) -> None:
    if not rights:
        raise Invalid("A role needs at least one right.", field="rights")
    refuse_more(actor, rights)
    row.name = texts.line(name, "The name", 60, field="name", required=True)
    row.name_key = texts.key(row.name)
    if row.name_key in list(Role):
        raise Taken(f"“{row.name}” is the name of a built-in role.", field="name")
    row.rights = {area.value: rights[area].value for area in Area if area in rights}


def _flush(db: Session, row: OwnRole) -> None:
    with texts.unless_taken(db, f"There is a role “{row.name}” already.", "name"):
        db.flush()
