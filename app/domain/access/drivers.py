"""Drivers: people who charge, and where their receipts go.

A driver is never deleted, because sessions and bills name them; archiving one
archives their tags too, so that nobody charges in the name of someone who left.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, selectinload

from app.domain.access import reach, tag_groups
from app.domain.ground import many, texts
from app.domain.ground.errors import Conflict, Forbidden, Invalid, NotFound, Taken
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor, Arguments, Json
from app.domain.money import tariff_choice
from app.domain.office import audit
from app.models import Driver, Tag, driver_sites
from app.schemas.access import NewDriver

#: Languages a receipt is written in, and what they are called.
LANGUAGES: dict[str, str] = {"en": "English", "de": "Deutsch"}


def add(db: Session, actor: Actor, tenant_id: int, *, now: datetime, **given: object) -> Driver:
    """Add a driver of what `NewDriver` names; without an address no receipt is sent.

    Raises `Invalid`, or `Taken` when the e-mail address is another driver's.
    """
    driver = Driver(tenant_id=tenant_id, created_at=now)
    _apply(db, driver, {"name": "", "language": "en", "site_ids": (), **given})
    _flush(db, driver)
    audit.note(db, actor, "driver.add", driver, now=now)
    return driver


def add_all(
    db: Session, actor: Actor, tenant_id: int, given: Sequence[Json], *, now: datetime
) -> None:
    """Add many drivers of what `NewDriver` names, in as many statements as a few.

    What is given of each has been looked through.  Raises `Taken` where an e-mail address has
    become another driver's meanwhile.
    """
    last = db.scalar(select(func.max(Driver.__table__.c.id))) or 0
    rows = [
        {
            "tenant_id": tenant_id,
            "created_at": now,
            "email_key": texts.key(one["email"]) if one["email"] else None,
            **one,
        }
        for one in given
    ]
    with texts.unless_taken(db, "Another driver has one of these addresses by now.", "email"):
        db.execute(insert(Driver.__table__), rows)
    table: Any = Driver.__table__
    newest = (table.c.id > last, table.c.created_at == now, table.c.tenant_id == tenant_id)
    ids = list(db.scalars(select(table.c.id).where(*newest).order_by(table.c.id)))
    sites = [site.id for site in reach.belonging(db, (), tenant_id)]
    if sites:
        places = [{"driver_id": one, "site_id": site} for one in ids for site in sites]
        db.execute(insert(driver_sites), places)
    query = select(Driver).where(Driver.id.in_(ids)).options(selectinload(Driver.sites))
    audit.note_all(db, actor, "driver.add", db.scalars(query).all(), now=now)


def edit(db: Session, actor: Actor, driver: Driver, *, now: datetime, **given: object) -> None:
    """Change what is given and leave the rest; raises as `add` does, or `Forbidden`."""
    reach.guard(db, driver)
    if driver.forgotten_at is not None:
        raise Conflict("This driver is forgotten and stays as it is.")
    with audit.edited(db, actor, "driver.edit", driver, now=now):
        _apply(db, driver, given)
        _flush(db, driver)


def archive(db: Session, actor: Actor, driver: Driver, *, now: datetime) -> int:
    """Put a driver and their tags away; returns how many tags went along.

    Sessions, bills and receipts stay.
    """
    return _archive(db, actor, [driver], now)[1]


def archive_all(db: Session, actor: Actor, drivers: Sequence[Driver], *, now: datetime) -> Tally:
    """Put many drivers and their tags away; those that refuse it stay as they are.

    Whether staff of some sites may do so is decided of each apart.
    """
    if reach.of(db) is None:
        return Tally(_archive(db, actor, drivers, now)[0])
    return many.apart(db, drivers, lambda row: _archive(db, actor, [row], now)[0], _name)


def restore_all(db: Session, actor: Actor, drivers: Sequence[Driver], *, now: datetime) -> Tally:
    """Take many drivers back from the archive; those that refuse it stay as they are."""
    return many.apart(
        db, drivers, lambda row: audit.restore(db, actor, row, now=now, kind="driver"), _name
    )


#: What may be done to many drivers.
MANY = Many(Driver, {"archive": archive_all, "restore": restore_all})


def _name(driver: Driver) -> str:
    return driver.name


def _archive(
    db: Session, actor: Actor, drivers: Sequence[Driver], now: datetime
) -> tuple[int, int]:
    """How many drivers were put away, and how many tags with them."""
    in_use = [driver for driver in drivers if driver.archived_at is None]
    gone = audit.change_all(db, actor, "driver.archive", in_use, now=now, archived_at=now)
    ids = [driver.id for driver in gone]
    held = db.scalars(select(Tag).where(Tag.driver_id.in_(ids), Tag.archived_at.is_(None))).all()
    for _, why in tag_groups.change_all(db, actor, held, "archive", now=now).refused:
        raise Forbidden(why)
    return len(gone), len(held)


def restore(db: Session, actor: Actor, driver: Driver, *, now: datetime) -> None:
    """Take a driver back from the archive; their tags are restored one by one, on purpose.

    Raises `Conflict` for one who is forgotten.
    """
    if driver.forgotten_at is not None:
        raise Conflict("This driver is forgotten, and that cannot be undone.")
    audit.restore(db, actor, driver, now=now, kind="driver")


def named(db: Session, tenant_id: int, text: str, *, archived: bool = False) -> Driver:
    """Find the one driver meant by an e-mail address or a name.

    "Ada Lovelace <ada@example.org>" is understood too; archived drivers are found
    with `archived` only.  Raises `NotFound`, or `Conflict` when several have that name.
    """
    wanted = text.strip()
    address = wanted[wanted.rfind("<") + 1 : -1] if wanted.endswith(">") else wanted
    living = select(Driver).where(Driver.tenant_id == tenant_id)
    if not archived:
        living = living.where(Driver.archived_at.is_(None))
    if "@" in address:
        found = db.scalar(living.where(Driver.email_key == texts.key(address)))
        if found is None:
            raise NotFound(f"No driver has the e-mail address {address.strip()}.", field="driver")
        return found
    several: Sequence[Driver] = db.scalars(living.where(Driver.name == wanted).limit(2)).all()
    if not several:
        raise NotFound(f"There is no driver named {wanted}.", field="driver")
    if len(several) > 1:
        raise Conflict(f"Several drivers are named {wanted}; give the address.", field="driver")
    return several[0]


def _apply(db: Session, driver: Driver, given: Arguments) -> None:
    """Set what is given; raises `Invalid` or `Taken` before it sets anything."""
    kept = NewDriver.kept(given, {"email": texts.email, "language": _language}, but=("site_ids",))
    with db.no_autoflush:
        if "email" in kept:
            kept["email_key"] = texts.key(kept["email"]) if kept["email"] else None
            _refuse_taken(db, driver, kept["email_key"])
        if "site_ids" in given:
            kept["sites"] = reach.belonging(db, given["site_ids"], driver.tenant_id)
        if (tariff_id := kept.get("tariff_id", driver.tariff_id)) != driver.tariff_id:
            tariff_choice.refuse_misfit(db, tariff_id, driver)
    for name, value in kept.items():
        setattr(driver, name, value)


def _language(code: str) -> str:
    if code not in LANGUAGES:
        words = ", ".join(LANGUAGES)
        raise Invalid(f"The language of receipts must be one of {words}.", field="language")
    return code


def _refuse_taken(db: Session, driver: Driver, key: str | None) -> None:
    if key is None:
        return
    query = select(Driver).where(Driver.tenant_id == driver.tenant_id, Driver.email_key == key)
    other = db.scalar(query)
    if other is None or other.id == driver.id:
        return
    archived = " (archived: restore them instead)" if other.archived_at else ""
    raise Taken(f"{other.name} has this e-mail address{archived}.", field="email")


def _flush(db: Session, driver: Driver) -> None:
    """Write; another process may have taken the address since we looked."""
    with texts.unless_taken(db, "Another driver has this e-mail address.", "email"):
        db.add(driver)
