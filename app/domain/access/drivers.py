"""Drivers: people who charge, and where their receipts go.

A driver is never deleted, because sessions and bills name them; archiving one
archives their tags too, so that nobody charges in the name of someone who left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.access import reach, tags
from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import Actor
from app.domain.money import tariff_choice
from app.domain.office import audit
from app.models import Driver, Tag
from app.schemas.access import NewDriver

#: Languages a receipt is written in, and what they are called.
LANGUAGES: dict[str, str] = {"en": "English", "de": "Deutsch"}


@dataclass(frozen=True, slots=True)
class DriverFacts:
    """All that can be typed about a driver; without an address no receipt is sent.

    `site_ids` says whose matter the driver is; none: the whole organisation's.
    """

    name: str
    email: str | None = None
    language: str = "en"
    note: str | None = None
    tariff_id: int | None = None
    site_ids: frozenset[int] = frozenset()


def facts_of(driver: Driver) -> DriverFacts:
    """Return what is typed about a driver now, to be changed with `dataclasses.replace`."""
    return DriverFacts(
        driver.name,
        driver.email,
        driver.language,
        driver.note,
        driver.tariff_id,
        frozenset(site.id for site in driver.sites),
    )


def add(db: Session, actor: Actor, facts: DriverFacts, *, tenant_id: int, now: datetime) -> Driver:
    """Add a driver; raises `Invalid`, or `Taken` when the e-mail address is another driver's."""
    driver = Driver(tenant_id=tenant_id, created_at=now)
    _write(db, driver, facts)
    _flush(db, driver)
    audit.note(db, actor, "driver.add", driver, now=now)
    return driver


def edit(db: Session, actor: Actor, driver: Driver, facts: DriverFacts, *, now: datetime) -> None:
    """Replace what is typed about a driver; raises as `add` does, or `Forbidden`."""
    reach.guard(db, driver)
    before = audit.snapshot(driver)
    _write(db, driver, facts)
    _flush(db, driver)
    if audit.snapshot(driver) != before:
        audit.note(db, actor, "driver.edit", driver, now=now, before=before)


def archive(db: Session, actor: Actor, driver: Driver, *, now: datetime) -> int:
    """Put a driver and their tags away; returns how many tags went along.

    Sessions, bills and receipts stay.
    """
    if not audit.archive(db, actor, "driver", driver, now=now):
        return 0
    held = db.scalars(select(Tag).where(Tag.driver_id == driver.id, Tag.archived_at.is_(None)))
    gone = list(held)
    for tag in gone:
        tags.archive(db, actor, tag, now=now)
    return len(gone)


def restore(db: Session, actor: Actor, driver: Driver, *, now: datetime) -> None:
    """Take a driver back from the archive; their tags are restored one by one, on purpose."""
    audit.restore(db, actor, "driver", driver, now=now)


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


def _write(db: Session, driver: Driver, facts: DriverFacts) -> None:
    """Set the columns from what was typed; raises `Invalid` or `Taken` before it sets any."""
    name = NewDriver.line("name", facts.name, required=True)
    address = texts.email(facts.email)
    key = texts.key(address) if address else None
    if facts.language not in LANGUAGES:
        words = ", ".join(LANGUAGES)
        raise Invalid(f"The language of receipts is one of {words}.", field="language")
    note = NewDriver.line("note", facts.note) or None
    with db.no_autoflush:
        _refuse_taken(db, driver, key)
        sites = reach.belonging(db, facts.site_ids, driver.tenant_id)
        if facts.tariff_id != driver.tariff_id:
            tariff_choice.refuse_misfit(db, facts.tariff_id, driver)
    driver.name, driver.email, driver.email_key = name, address, key
    driver.language, driver.note, driver.tariff_id = facts.language, note, facts.tariff_id
    driver.sites = sites


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
    try:
        with db.begin_nested():
            db.add(driver)
    except IntegrityError:
        raise Taken("Another driver has this e-mail address.", field="email") from None
