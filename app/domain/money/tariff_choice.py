"""Which tariff may price a site's sessions, and which one does: that of the driver, then of the
group, the station, the site, and the default.

The version that holds at the start, on the site's clock, is frozen into the session, also where the
start is told long after.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.access.tag_rows import AnyTag
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Invalid
from app.domain.money import validity
from app.models import Driver, Site, Station, TagGroup, Tariff, TariffVersion

#: Who may have a price.
Holder = Site | Station | Driver | TagGroup

_UNKNOWN = "There is no such tariff."


@dataclass(frozen=True, slots=True)
class Choice:
    """A version (None: there is no price) and why it is this one.

    `skipped`: another price was nearer, but in a currency that the site does not charge in.
    """

    version_id: int | None
    why: str
    skipped: bool = False


@dataclass(slots=True)
class TariffRow:
    """What of a tariff its choice needs; without a version it has no prices."""

    id: int
    tenant_id: int
    name: str
    currency: str
    is_default: bool
    archived_at: datetime | None
    versions: list["VersionRow"] = field(default_factory=list)


class VersionRow(NamedTuple):
    """What of a version its choice needs."""

    id: int
    number: int
    created_at: datetime
    valid_from: str | None
    valid_until: str | None
    withdrawn_at: datetime | None


_TARIFF = Tariff.__table__
_VERSION = TariffVersion.__table__
_OF_VERSION = [_VERSION.c[name] for name in VersionRow._fields]
#: What was written last without dates: all that went before it counts no longer.
_NEWEST = (
    select(func.max(_VERSION.c.number))
    .where(_VERSION.c.tariff_id == _TARIFF.c.id, _VERSION.c.valid_from.is_(None))
    .correlate(_TARIFF)
    .scalar_subquery()
)
_TARIFFS = BulkRead(
    select(
        *(_TARIFF.c[name] for name in ("id", "tenant_id", "name", "currency", "is_default")),
        *(_TARIFF.c.archived_at, *_OF_VERSION),
    )
    .outerjoin(
        _VERSION,
        and_(
            _VERSION.c.tariff_id == _TARIFF.c.id,
            or_(_VERSION.c.number == _NEWEST, _VERSION.c.valid_from.is_not(None)),
        ),
    )
    .where(
        or_(
            among(_TARIFF.c.id, "tariffs"),
            and_(among(_TARIFF.c.tenant_id, "tenants"), _TARIFF.c.is_default),
        )
    )
)


class Prices:
    """The tariffs that may price sessions at some stations, of some tags: loaded at once.

    `sites` are those where sessions were whose stations have been moved since.
    """

    def __init__(
        self,
        db: Session,
        stations: Iterable[Any],
        tags: Iterable[AnyTag] = (),
        sites: Iterable[Any] = (),
    ) -> None:
        wanted = {place.tariff_id for station in stations for place in (station, station.site)}
        wanted |= {site.tariff_id for site in sites}
        for tag in tags:
            wanted |= {one.tariff_id for one in (tag.group, tag.driver) if one is not None}
        tenants = {station.tenant_id for station in stations}
        self._db = db
        # An empty list asks for nothing: no tariff is numbered 0.
        found = _TARIFFS(db, tariffs=(wanted - {None}) | {0}, tenants=tenants)
        self._tariffs: dict[int, TariffRow] = {}
        #: tariff -> all of its versions, where those in force were not all that counts.
        self._all: dict[int, list[VersionRow]] = {}
        for row in found:
            tariff = self._tariffs.setdefault(row[0], TariffRow(*row[:6]))
            if row[6] is not None:
                tariff.versions.append(VersionRow(*row[6:]))

    def of(self, owner: Any) -> TariffRow | None:
        """The tariff of a station, a site, a group or a driver; None where there is no owner."""
        return self._tariffs.get(owner.tariff_id) if owner is not None else None

    def default(self, tenant_id: int) -> TariffRow | None:
        """The tenant's last resort."""
        for tariff in self._tariffs.values():
            mine = tariff.tenant_id == tenant_id and tariff.is_default
            if mine and tariff.archived_at is None:
                return tariff
        return None

    def version(
        self, tariff: TariffRow, at: datetime, known: datetime, zone: str
    ) -> VersionRow | None:
        """The version that holds `at` a time on a site's clock, if the tariff has any.

        Those that were written after what is `known` do not count.
        """
        versions = tariff.versions
        if not any(each.valid_from is None and each.created_at <= known for each in versions):
            query = select(*_OF_VERSION).where(_VERSION.c.tariff_id == tariff.id)
            versions = self._all.get(tariff.id) or [
                VersionRow(*row) for row in self._db.execute(query)
            ]
            self._all[tariff.id] = versions
        return validity.in_force(versions, at, zone, known) if versions else None


def misfit(tariff: Tariff | TariffRow, tenant_id: int, currencies: Collection[str]) -> str | None:
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


def refuse_misfit(
    db: Session, tariff_id: int | None, holder: Holder, *, field: str = "tariff"
) -> None:
    """Raise `Invalid` with the reason where a tariff may not be the price of its holder."""
    if tariff_id is None:
        return
    # A holder that points to nothing yet must not be written before this has been said.
    with db.no_autoflush:
        tariff = db.get(Tariff, tariff_id)
    if isinstance(holder, Site | Station):
        site = holder.site if isinstance(holder, Station) else holder
        currencies = frozenset((site.currency,))
    else:
        currencies = currencies_of(db, holder.tenant_id)
    reason = _UNKNOWN if tariff is None else misfit(tariff, holder.tenant_id, currencies)
    if reason is not None:
        raise Invalid(reason, field=field)


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


def applicable(
    prices: Prices,
    station: Any,
    tag: AnyTag | None,
    at: datetime,
    known: datetime | None = None,
    site: Any = None,
) -> Choice:
    """Choose the tariff for a session at `station`; one that does not fit is skipped and told.

    Its version is the one that holds `at` a time, of those written until then, or until what is
    `known`; who pays by which tariff is as it is now.  `site`: the station was there then.
    """
    site = site or station.site
    currency, zone, foreign = site.currency, site.timezone, False
    skipped: list[str] = []
    for tariff, why in _candidates(prices, station, tag, site):
        reason = misfit(tariff, station.tenant_id, (currency,))
        if reason is None and (version := prices.version(tariff, at, known or at, zone)):
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


def unpriced(db: Session, station: Station, now: datetime) -> str:
    """Why a session of a driver without a price of their own costs nothing here; else empty."""
    choice = applicable(Prices(db, [station]), station, None, now)
    return choice.why if choice.version_id is None else ""


def _candidates(
    prices: Prices, station: Any, tag: AnyTag | None, site: Any
) -> Iterator[tuple[TariffRow, str]]:
    """The tariffs that are set, the nearest first, with what each is."""
    driver, group = (tag.driver, tag.group) if tag else (None, None)
    found = (
        (prices.of(driver), "the driver has a price of their own"),
        (prices.of(group), f"the group {group.name if group else ''} has a price"),
        (prices.of(station), f"the station {station.identity} has a price"),
        (prices.of(site), f"it is the price of the site {site.name}"),
        (prices.default(station.tenant_id), "no nearer price is set and this one is the default"),
    )
    for tariff, why in found:
        if tariff is not None:
            yield tariff, why
