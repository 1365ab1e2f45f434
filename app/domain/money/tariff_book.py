"""The book of tariffs: made, given new versions, assigned, put into the archive.

A version never changes; every edit of the prices adds one, for now or for a time to come.
Sessions keep the version that held when they began (`validity`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.ground import clock, texts
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Json
from app.domain.money import tariffs as prices
from app.domain.money import validity
from app.domain.money.tariff_choice import Holder, refuse_misfit
from app.domain.office import audit
from app.models import Driver, Site, Station, TagGroup, Tariff, TariffVersion

_MONTH_MIN = 31 * 24 * 60

HOLDERS: tuple[tuple[type[Any], str], ...] = (
    (Site, "site"),
    (Station, "station"),
    (TagGroup, "tag group"),
    (Driver, "driver"),
)


def create(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    name: str,
    definition: Mapping[str, object],
    note: str | None = None,
    default: bool = False,
    now: datetime,
) -> Tariff:
    """Add a tariff with its first version.  Raises `Invalid` or `Taken`."""
    parsed = checked(definition)
    _refuse_unreachable(parsed, now)
    tariff = Tariff(tenant_id=tenant_id, currency=parsed.currency, created_at=now)
    _rename(db, tariff, name)
    with texts.unless_taken(db, "Another tariff has this name.", "name"):
        db.add(tariff)
    _add_version(db, actor, tariff, parsed, note, now)
    told: tuple[Json, Json] = {}, _price_words(parsed)
    audit.note(db, actor, "tariff.create", tariff, now=now, also=told, remark=_remark(note))
    if default:
        set_default(db, actor, tariff, True, now=now)
    return tariff


def edit(
    db: Session,
    actor: Actor,
    tariff: Tariff,
    *,
    name: str | None = None,
    definition: Mapping[str, object] | None = None,
    note: str | None = None,
    valid_from: str | None = None,
    valid_until: str | None = None,
    now: datetime,
) -> Tariff:
    """Rename a tariff, or add a version where the prices differ from those that hold.

    With dates it is planned: it holds from and until then on each site's clock.  Running
    sessions and old bills keep the version they have.  Raises `Invalid`, `Taken`, `Conflict`.
    """
    parsed = checked(definition) if definition is not None else None
    zones = validity.zones_of(db, tariff.tenant_id)
    dates = validity.checked(valid_from, valid_until, now=now, zones=zones)
    if parsed is None and dates[0]:
        raise Invalid("Dates are those of new prices: say these, too.", field="definition")
    tariff = _locked(db, tariff)
    if tariff.archived_at is not None:
        raise Conflict(f"{tariff.name} is archived: restore it first.")
    before, told = audit.snapshot(tariff), None
    if name is not None:
        _rename(db, tariff, name)
    remark = ""
    held = said(validity.in_force(tariff.versions, now, "UTC"))
    if parsed is not None and (dates[0] or prices.to_json(parsed) != held):
        if parsed.currency != tariff.currency:
            raise Invalid(
                f"{tariff.name} is in {tariff.currency} and stays so; "
                "make another tariff for another currency.",
                field="currency",
            )
        _refuse_unreachable(parsed, now)
        version = _add_version(db, actor, tariff, parsed, note, now, dates)
        remark = f"version {version.number}{validity.dated(version)}"
        told = _price_words(prices.from_json(held)), _price_words(parsed)
    changed = remark or audit.snapshot(tariff) != before
    db.flush()
    if changed:
        remark = _remark(note) or remark or f"version {tariff.versions[-1].number}"
        done = "tariff.edit"
        audit.note(db, actor, done, tariff, now=now, before=before, also=told, remark=remark)
    return tariff


def withdraw(
    db: Session, actor: Actor, tariff: Tariff, number: int, *, now: datetime
) -> TariffVersion:
    """Take a planned version back before it begins at any site; it stays in the list of versions.

    Raises `NotFound` or `Conflict`.
    """
    tariff = _locked(db, tariff)
    version = next((each for each in tariff.versions if each.number == number), None)
    if version is None:
        raise NotFound(f"{tariff.name} has no version {number}.")
    if version.withdrawn_at is not None:
        return version
    if not validity.planned(version, now, validity.zones_of(db, tariff.tenant_id)):
        raise Conflict(f"Version {number} has begun: give {tariff.name} another version instead.")
    version.withdrawn_at = now
    before = audit.snapshot(tariff)
    told = {"withdrawn_at": None}, {"withdrawn_at": now.isoformat()}
    done, remark = "tariff.withdraw", f"version {number}{validity.dated(version)}"
    audit.note(db, actor, done, tariff, now=now, before=before, also=told, remark=remark)
    return version


def copy(
    db: Session, actor: Actor, tariff: Tariff, name: str | None = None, *, now: datetime
) -> Tariff:
    """Make another tariff of the prices that hold now.  Raises `Taken`."""
    held = validity.in_force(tariff.versions, now, "UTC")
    return create(
        *(db, actor, tariff.tenant_id),
        name=name or f"{tariff.name} (copy)"[:120],
        definition=said(held),
        note=f"Copied from {tariff.name}, version {held.number}.",
        now=now,
    )


def archive(db: Session, actor: Actor, tariff: Tariff, *, now: datetime) -> Tariff:
    """Put a tariff away; its versions stay.  Raises `Conflict` while it is in use."""
    users = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in uses(db, tariff)]
    if users:
        raise Conflict(
            f"{tariff.name} is the price of {', '.join(users)}: give them another one first."
        )
    if tariff.is_default:
        raise Conflict(f"{tariff.name} is the default: make another tariff the default first.")
    audit.archive(db, actor, tariff, now=now, kind="tariff")
    return tariff


restore = partial(audit.restore, kind="tariff")


def set_default(
    db: Session, actor: Actor, tariff: Tariff, default: bool, *, now: datetime
) -> Tariff:
    """Make a tariff the tenant's last resort (the one before gives way), or leave it none."""
    changed = [] if tariff.is_default is default else [tariff]
    if default:
        if tariff.archived_at is not None:
            raise Conflict(f"{tariff.name} is archived: restore it first.")
        others = select(Tariff).where(
            Tariff.tenant_id == tariff.tenant_id, Tariff.is_default, Tariff.id != tariff.id
        )
        changed = [*db.scalars(others), *changed]
    for each in changed:
        before = audit.snapshot(each)
        each.is_default = default and each is tariff
        db.flush()
        audit.note(db, actor, "tariff.default", each, now=now, before=before)
    return tariff


def assign(
    db: Session, actor: Actor, tariff: Tariff | None, holder: Holder, *, now: datetime
) -> None:
    """Give a site, station, tag group or driver its price, or (None) take it away.

    Raises `Invalid` where the tariff may not price sessions there.
    """
    refuse_misfit(db, tariff.id if tariff else None, holder)
    before = audit.snapshot(holder)
    holder.tariff_id = tariff.id if tariff else None
    db.flush()
    word = next(word for model, word in HOLDERS if isinstance(holder, model)).replace(" ", "_")
    audit.note(db, actor, f"{word}.price", holder, now=now, before=before)


def uses(db: Session, tariff: Tariff) -> list[tuple[str, int]]:
    """Who has this tariff, as (what, how many); the archived ones do not count."""
    found = []
    for model, word in HOLDERS:
        query = select(func.count(model.id)).where(model.tariff_id == tariff.id)
        if hasattr(model, "archived_at"):
            query = query.where(model.archived_at.is_(None))
        if count := db.scalar(query):
            found.append((word, count))
    return found


def find(db: Session, tenant_id: int, name: str) -> Tariff | None:
    """Find a tariff by its name, in any case."""
    query = select(Tariff).where(Tariff.tenant_id == tenant_id)
    return db.scalar(query.where(Tariff.name_key == texts.key(name)))


named = texts.finder(Tariff, "tariff")


def checked(definition: Mapping[str, object]) -> prices.Tariff:
    """Read a definition; raises `Invalid` naming the field."""
    try:
        return prices.from_json(definition, entered=True)
    except prices.TariffError as error:
        raise Invalid(error.sentence, field=error.field) from None


def said(version: TariffVersion) -> dict[str, Any]:
    """A version's definition as it may be entered once more; an unreadable one as it stands."""
    try:
        return prices.to_json(prices.from_json(version.definition))
    except prices.TariffError:
        return version.definition


def never_apply(parsed: prices.Tariff, now: datetime) -> list[prices.Unreachable]:
    """The prices that no session from now on can come to.

    A day is over only where it is over in every zone, the last twelve hours behind UTC.
    """
    return prices.unreachable(parsed, (now - timedelta(hours=12)).date())


def _refuse_unreachable(parsed: prices.Tariff, now: datetime) -> None:
    found = never_apply(parsed, now)
    if found:
        raise Invalid(
            " ".join(each.sentence for each in found), field=f"components.{found[0].index}.price"
        )


def example(
    version: TariffVersion,
    *,
    energy_kwh: Decimal,
    charging_min: int,
    idle_min: int,
    local_start: datetime | None,
    timezone: str,
    now: datetime,
) -> prices.Quote:
    """What an imagined session costs; `local_start` is on the clock of `timezone`, None is now.

    Raises `Invalid` for an unknown zone or numbers that no session has.
    """
    timezone = clock.zone_name(timezone)
    if not (energy_kwh.is_finite() and 0 <= energy_kwh <= 10_000):
        raise Invalid("The energy must be between 0 and 10 000 kWh.", field="kwh")
    if not (0 <= charging_min <= _MONTH_MIN and 0 <= idle_min <= _MONTH_MIN):
        raise Invalid("A session lasts a month at most.", field="minutes")
    start = now
    if local_start is not None:
        if not 2000 <= local_start.year <= 2200:
            raise Invalid("The start lies outside all calendars in use.", field="at")
        start = clock.instant(local_start, timezone, field="at")
    usage = prices.example_usage(
        start,
        energy_kwh=energy_kwh,
        charging_min=charging_min,
        idle_min=idle_min,
        timezone=timezone,
    )
    return prices.price(prices.from_json(version.definition), usage)


def _locked(db: Session, tariff: Tariff) -> Tariff:
    """The row as it is now, held until the end, so that versions are counted one by one."""
    db.refresh(tariff, with_for_update=True)
    db.expire(tariff, ["versions"])
    return tariff


def _add_version(
    db: Session,
    actor: Actor,
    tariff: Tariff,
    parsed: prices.Tariff,
    note: str | None,
    now: datetime,
    dates: tuple[str | None, str | None] = (None, None),
) -> TariffVersion:
    number = tariff.versions[-1].number + 1 if tariff.versions else 1
    version = TariffVersion(
        tariff=tariff,
        number=number,
        definition=prices.to_json(parsed),
        note=_remark(note),
        created_at=now,
        created_by=actor.name[:120],
        valid_from=dates[0],
        valid_until=dates[1],
    )
    db.add(version)
    db.flush()
    return version


def _price_words(tariff: prices.Tariff) -> Json:
    """A tariff's prices for the audit, as people read them."""
    return {"prices": [prices.say(phrase) for phrase in prices.formula_in_words(tariff)]}


def _rename(db: Session, tariff: Tariff, name: str) -> None:
    name = texts.line(name, "The name", 120, field="name", required=True)
    texts.rename(db, tariff, name, f"There is a tariff called {name} already.")


def _remark(note: str | None) -> str | None:
    return texts.line(note, "The note", 300, field="note") or None
