"""Which tariff may price a site's sessions, and which one does: that of the driver, then of the
group, the station, the site, and the default.

The version that is current at the start is frozen into the session.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors import Invalid
from app.models import Driver, Site, Station, Tag, Tariff

_UNKNOWN = "There is no such tariff."


@dataclass(frozen=True, slots=True)
class Choice:
    """A version (None: there is no price) and why it is this one.

    `skipped`: another price was nearer, but in a currency that the site does not charge in.
    """

    version_id: int | None
    why: str
    skipped: bool = False


def misfit(tariff: Tariff, tenant_id: int, currencies: Collection[str]) -> str | None:
    """Why a tariff may not price sessions, in a sentence; None where it may.

    `currencies` are those of the sites in question: one, or all of the tenant
    for a driver or a group; empty where there is no site yet.
    """
    if tariff.tenant_id != tenant_id:
        return _UNKNOWN
    if tariff.archived_at is not None:
        return f"The tariff {tariff.name} is in the archive."
    if currencies and tariff.currency not in currencies:
        charged = " and ".join(sorted(currencies))
        word = "the site charges" if len(currencies) == 1 else "the sites charge"
        return f"The tariff {tariff.name} is in {tariff.currency}, {word} in {charged}."
    return None


def fitting(
    db: Session, tariff_id: int | None, tenant_id: int, currencies: Collection[str], *, field: str
) -> int | None:
    """The id of a tariff that somebody may be given; raises `Invalid` with the reason."""
    if tariff_id is None:
        return None
    tariff = db.get(Tariff, tariff_id)
    reason = _UNKNOWN if tariff is None else misfit(tariff, tenant_id, currencies)
    if reason is not None:
        raise Invalid(reason, field=field)
    return tariff_id


def currencies_of(db: Session, tenant_id: int) -> frozenset[str]:
    """The currencies that a tenant's sites in use charge in: where its drivers may come."""
    # The table, not the entity: a driver charges also where the asker may not look.
    table = Site.__table__
    query = select(table.c.currency).where(
        table.c.tenant_id == tenant_id, table.c.archived_at.is_(None)
    )
    return frozenset(db.scalars(query))


def only_currency(db: Session, tenant_id: int) -> str | None:
    """The currency of all sites in use, None where there are several or no site yet."""
    found = currencies_of(db, tenant_id)
    return next(iter(found)) if len(found) == 1 else None


def applicable(db: Session, station: Station, tag: Tag | None, driver: Driver | None) -> Choice:
    """Choose the tariff for a session at `station`; one that does not fit is skipped and told."""
    currency, foreign = station.site.currency, False
    skipped: list[str] = []
    for tariff, why in _candidates(db, station, tag, driver):
        reason = misfit(tariff, station.tenant_id, (currency,))
        if reason is None and tariff.versions:
            version = tariff.current
            sentence = f"“{tariff.name}” version {version.number} applies because {why}."
            return Choice(version.id, " ".join([sentence, *skipped]), foreign)
        reason = reason or f"The tariff {tariff.name} has no prices."
        skipped.append(f"A nearer price was not used: {reason[:1].lower()}{reason[1:]}")
        foreign = foreign or tariff.currency != currency
    sentence = (
        "No tariff is set for this station, its site or the driver, and none is the default. "
        "Make one the default or give it to the site; a session that began without is priced "
        "in review."
    )
    if skipped:
        sentence = "No tariff that is set may price this session."
    return Choice(None, " ".join([sentence, *skipped]))


def unpriced(db: Session, station: Station) -> str:
    """Why a session of a driver without a price of their own costs nothing here; else empty."""
    choice = applicable(db, station, None, None)
    return choice.why if choice.version_id is None else ""


def _candidates(
    db: Session, station: Station, tag: Tag | None, driver: Driver | None
) -> Iterator[tuple[Tariff, str]]:
    """The tariffs that are set, the nearest first, with what each is."""
    group = tag.group if tag else None
    found = (
        (driver.tariff if driver else None, "the driver has a price of their own"),
        (group.tariff if group else None, f"the group {group.name if group else ''} has a price"),
        (station.tariff, f"the station {station.identity} has a price"),
        (station.site.tariff, f"it is the price of the site {station.site.name}"),
        (_default(db, station), "no nearer price is set and this one is the default"),
    )
    for tariff, why in found:
        if tariff is not None:
            yield tariff, why


def _default(db: Session, station: Station) -> Tariff | None:
    return db.scalar(
        select(Tariff).where(
            Tariff.tenant_id == station.tenant_id,
            Tariff.is_default,
            Tariff.archived_at.is_(None),
        )
    )
