"""The library of charging profiles, and the form in which a station gets one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict, NotFound, Taken
from app.domain.ground.vocabulary import Actor, Json
from app.domain.limits import profile_documents, profile_forms
from app.domain.limits.supply import Abilities, abilities
from app.domain.office import audit
from app.models import ChargingProfile, Station
from app.schemas.limits import NewChargingProfile

#: Stations' clocks differ from ours: what begins now, begins a little earlier (FIELD K2).
EARLIER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A profile as a station gets it, and what was changed for it, in sentences."""

    document: Json
    notes: tuple[str, ...] = ()


def add(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    now: datetime,
    name: str,
    document: Mapping[str, Any],
    note: str | None = None,
) -> ChargingProfile:
    """Put a profile into the library; raises `Invalid` or `Taken`."""
    profile = ChargingProfile(tenant_id=tenant_id, created_at=now)
    _write(db, profile, name, document, note)
    return audit.added(db, actor, "charging_profile.add", profile, now=now)


def edit(
    db: Session, actor: Actor, profile: ChargingProfile, *, now: datetime, **given: Any
) -> None:
    """Change what is given and leave the rest; stations keep what they were sent."""
    wanted = {"name": profile.name, "document": profile.document, "note": profile.note, **given}
    with audit.edited(db, actor, "charging_profile.edit", profile, now=now):
        _write(db, profile, **wanted)


archive = partial(audit.archive, kind="charging_profile")
restore = partial(audit.restore, kind="charging_profile")


def of_tenant(db: Session, profile_id: int, tenant_id: int) -> ChargingProfile:
    """Return a profile that may be used; raises `NotFound` or `Conflict`."""
    profile = db.scalar(
        select(ChargingProfile).where(
            ChargingProfile.id == profile_id, ChargingProfile.tenant_id == tenant_id
        )
    )
    if profile is None:
        raise NotFound(f"There is no charging profile {profile_id}.", field="profile_id")
    if profile.archived_at is not None:
        raise Conflict(f"The profile {profile.name} is in the archive.", field="profile_id")
    return profile


def named(db: Session, tenant_id: int, name: str) -> ChargingProfile:
    """Return the profile with this name, whatever its case; raises `NotFound`."""
    wanted = name.strip().casefold()
    for profile in _all(db, tenant_id):
        if profile.name.casefold() == wanted:
            return profile
    raise NotFound(f"There is no charging profile named {name.strip()}.", field="profile")


def fitted(db: Session, station: Station, document: Mapping[str, Any], *, now: datetime) -> Fitted:
    """A profile as a station can take it: its unit, its stack levels, its quirks, its clock.

    Raises `Conflict` with what the station said it cannot do.
    """
    able = abilities(db, station)
    _refuse(station, document, able)
    changed, notes = dict(document), []
    unit = station.quirks.get("rate_unit") or _unit(able, document["unit"])
    if unit != document["unit"]:
        changed = profile_forms.in_unit(changed, unit)
        notes.append(f"Sent in {unit}, because {station.identity} takes no other unit.")
    level = _level(station, able)
    if level is not None and changed["stack_level"] > level:
        changed["stack_level"] = level
        notes.append(f"Sent with stack level {level}, the highest that {station.identity} knows.")
    kind = station.quirks.get("profile_kind")
    if kind and kind != changed["kind"]:
        again = profile_forms.other_kind({"profile": changed, "begun_at": now.isoformat()})
        if again is not None:
            changed = again["profile"]
            notes.append(f"Sent as {kind}, because {station.identity} takes no other kind.")
    if step_a := station.quirks.get("min_step_a"):
        changed = profile_forms.stepped(changed, int(step_a))
    return Fitted(_in_time(changed, station.site.timezone, now), tuple(notes))


def _refuse(station: Station, document: Mapping[str, Any], able: Abilities) -> None:
    name, purpose = station.identity, document["purpose"]
    if purpose == "external":
        raise Conflict("A limit from outside is set there, not by us.", field="purpose")
    if purpose in able.purposes_lacking:
        word = profile_documents.PURPOSES[purpose].lower()
        raise Conflict(f"{name} knows no profiles for {word}.", field="purpose")
    more = any("more" in period for period in document["periods"])
    if (document["kind"] == "dynamic" or more) and not able.dynamic:
        raise Conflict(f"{name} knows limits only: no updates and no setpoints.", field="kind")
    count, most = len(document["periods"]), able.most_periods
    if most is not None and count > most:
        sentence = f"{name} takes {most} periods at most, and this profile has {count}."
        raise Conflict(sentence, field="periods")


def _unit(able: Abilities, wanted: str) -> str:
    return wanted if not able.units or wanted in able.units else next(iter(able.units))


def _level(station: Station, able: Abilities) -> int | None:
    quirk = station.quirks.get("stack_level")
    return int(quirk) if quirk is not None else able.highest_stack_level


def _in_time(document: Json, timezone: str, now: datetime) -> Json:
    """Anchor a schedule: now for an absolute one, the site's midnight for one that repeats."""
    changed = dict(document)
    if document["kind"] == "absolute" and not document.get("starts_at"):
        changed["starts_at"] = (now - EARLIER).replace(microsecond=0).isoformat()
    elif document["kind"] in profile_documents.EVERY_S and not document.get("starts_at"):
        changed["starts_at"] = midnight(document["kind"], timezone, now).isoformat()
    if given := document.get("valid_from"):
        changed["valid_from"] = (datetime.fromisoformat(given) - EARLIER).isoformat()
    return changed


def midnight(kind: str, zone: str, now: datetime) -> datetime:
    """The midnight from which a profile of a kind repeats: today's, or that of Monday.

    By the clock of now, where it was put forward or back since: its times are right from now on.
    """
    local = now.astimezone(ZoneInfo(zone))
    days = local.weekday() if kind == "weekly" else 0
    since = timedelta(days=days, hours=local.hour, minutes=local.minute, seconds=local.second)
    return (now - since).astimezone(UTC).replace(microsecond=0)


def _write(
    db: Session, profile: ChargingProfile, name: str, document: Mapping[str, Any], note: str | None
) -> None:
    name = NewChargingProfile.line("name", name, required=True)
    with db.no_autoflush:
        others = _all(db, profile.tenant_id)
    for other in others:
        if other.id != profile.id and other.name.casefold() == name.casefold():
            raise Taken(f"There is a profile named {other.name} already.", field="name")
    profile.name = name
    profile.note = NewChargingProfile.line("note", note) or None
    profile.document = profile_documents.read(document)


def _all(db: Session, tenant_id: int) -> list[ChargingProfile]:
    query = select(ChargingProfile).where(ChargingProfile.tenant_id == tenant_id)
    return list(db.scalars(query))
