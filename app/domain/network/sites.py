"""Sites: added, changed, put into the archive and taken out again."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.ground import clock, texts
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, Arguments
from app.domain.money import receipts, tariff_choice
from app.domain.money.tariffs.tariff import is_currency
from app.domain.office import audit
from app.models import Site, Station, Tariff
from app.schemas.network import NewSite


def add(db: Session, actor: Actor, tenant_id: int, *, now: datetime, **given: Any) -> Site:
    """Add a site of what `NewSite` names.  Raises `Invalid` or `Taken`."""
    for needed in NewSite.needs():
        if not given.get(needed):
            word = NewSite.asked()[needed].label.lower()
            raise Invalid(f"The {word} is missing.", field=needed)
    site = Site(tenant_id=tenant_id, created_at=now)
    _apply(db, site, given)
    return audit.added(db, actor, "site.add", site, now=now)


def edit(db: Session, actor: Actor, site: Site, *, now: datetime, **given: Any) -> Site:
    """Change what is given and leave the rest.  Raises `Invalid`, `Taken` or `Conflict`."""
    with audit.edited(db, actor, "site.edit", site, now=now):
        _apply(db, site, given)
    return site


def archive(db: Session, actor: Actor, site: Site, *, now: datetime) -> None:
    """Put a site away; its history stays.  Raises `Conflict` while stations stand there."""
    left = _stations_of(db, site)
    if left:
        word = "station" if left == 1 else "stations"
        raise Conflict(f"{site.name} still has {left} {word}: archive or move them first.")
    audit.archive(db, actor, site, now=now, kind="site")


restore = partial(audit.restore, kind="site")
named = texts.finder(Site, "site")


def _stations_of(db: Session, site: Site) -> int:
    query = select(func.count(Station.id)).where(
        Station.site_id == site.id, Station.archived_at.is_(None)
    )
    return db.scalar(query) or 0


def _apply(db: Session, site: Site, given: Arguments) -> None:
    """Set what is given: by its rule where it has one, else as it is, and a text as one line."""
    if "name" in given:
        name = NewSite.line("name", given["name"], required=True)
        texts.rename(db, site, name, f"There is a site called {name} already.")
    if "latitude" in given or "longitude" in given:
        _place(site, given.get("latitude"), given.get("longitude"))
    receipts.write_seller(site, given)
    for name, value in NewSite.kept(given, _READ, but=_SET).items():
        setattr(site, name, value)
    tariff_choice.refuse_misfit(db, site.tariff_id, site, field="tariff_id")
    if site.id is not None and "currency" in given:
        _keep_currency(db, site)


def _keep_currency(db: Session, site: Site) -> None:
    """Raise `Conflict` when a station here has a price in another currency."""
    identity = db.scalar(
        select(Station.identity)
        .join(Tariff, Tariff.id == Station.tariff_id)
        .where(Station.site_id == site.id, Tariff.currency != site.currency)
        .limit(1)
    )
    if identity is not None:
        raise Conflict(f"{identity} has a tariff in another currency.", field="currency")


def _currency(code: str) -> str:
    code = code.strip().upper()
    if not code:
        raise Invalid("Name the currency, like EUR.", field="currency")
    if not is_currency(code):
        raise Invalid(f"{code} is no currency; it should look like EUR.", field="currency")
    return code


def _place(site: Site, latitude: float | None, longitude: float | None) -> None:
    if (latitude is None) != (longitude is None):
        raise Invalid("Latitude and longitude belong together.", field="latitude")
    if latitude is not None and not -90 <= latitude <= 90:
        raise Invalid("The latitude must be between -90 and 90 degrees.", field="latitude")
    if longitude is not None and not -180 <= longitude <= 180:
        raise Invalid("The longitude must be between -180 and 180 degrees.", field="longitude")
    site.latitude, site.longitude = latitude, longitude


def _supply(limit_kw: Decimal | None) -> Decimal | None:
    if limit_kw is not None and not (limit_kw.is_finite() and 0 < limit_kw <= 100_000):
        raise Invalid(
            "The supply limit is above 0 and at most 100 000 kW.", field="supply_limit_kw"
        )
    # 1.500 may be fifteen hundred where it is read again.
    return limit_kw and Decimal(format(limit_kw.normalize(), "f"))


#: Members with a rule of their own, and those that are set with others.
_READ: dict[str, Callable[[Any], Any]] = {
    "timezone": clock.zone_name,
    "currency": _currency,
    "supply_limit_kw": _supply,
}
_SET = {"name", "latitude", "longitude", *receipts.SELLER}
