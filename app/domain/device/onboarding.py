"""What we send to a station by ourselves after its boot: nothing, unless it is asked for here.

`stations.onboarding` says what: read everything once, write settings that
differ, ask for messages.  Every step is a command like any other, one after
the other; its subject remembers that it was done with this firmware, so that no
reconnect repeats it (FIELD B4).  The settings are read back once after each
boot, and what that lost is written again; what was refused is not.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, exists, func, literal, select
from sqlalchemy.orm import Session

from app.domain.commands import commands
from app.domain.device import device_model, settings
from app.domain.device.onboarding_past import SUBJECT, done, earlier
from app.domain.device.variable_names import number, parse, same
from app.domain.ground import events
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import (
    OPEN_STATES,
    SYSTEM,
    Actor,
    Json,
    Order,
    Outcome,
    Registration,
)
from app.domain.ground.vocabulary.standard import abilities
from app.domain.network import presence
from app.domain.office import audit
from app.models import Command, Connector, Deviation, Station

#: What may be asked for after a boot; a heartbeat lets the station set its clock.
ASKED_FOR = ("status", "heartbeat", "meter_values")

#: What is done or not; `local_list` lets tags that change be sent
#: (see `app.domain.access.local_lists`).
SWITCHES = ("read", "ask_boot", "local_list")

#: Without a boot for so long after its first connection, it is asked for one (FIELD B2).
BOOT_AFTER = timedelta(seconds=10)
#: A station that kept reconnecting within this time is left in peace (FIELD B3).
LOOPED = timedelta(hours=1)
#: A plug that was not heard of is asked about so long after its station came back, and no later.
STALE_AFTER, STALE_WITHIN = timedelta(seconds=8), timedelta(minutes=15)
#: So many are asked in one sweep; the next one comes to the others.
MOST_ASKED = 200
_PATIENCE_S = 120.0
_MOST_SETTINGS = 100

Step = tuple[str, Order, Json]


def validated(given: Json) -> Json:
    """Return what is to be done, typed; what is not wanted drops out.  Raises `Invalid`."""
    if unknown := set(given) - {"read", "ask_boot", "local_list", "triggers", "settings"}:
        raise Invalid(f"Onboarding knows no {unknown.pop()}.", field="onboarding")
    found: Json = {name: True for name in SWITCHES if given.get(name)}
    triggers = [str(word) for word in given.get("triggers") or ()]
    if wrong := [word for word in triggers if word not in ASKED_FOR]:
        raise Invalid(f"A station is not asked for {wrong[0]} after a boot.", field="triggers")
    if triggers:
        found["triggers"] = list(dict.fromkeys(triggers))
    wanted = {str(key).strip(): str(value).strip() for key, value in
              (given.get("settings") or {}).items()}  # fmt: skip
    if len(wanted) > _MOST_SETTINGS:
        raise Invalid(f"At most {_MOST_SETTINGS} settings.", field="settings")
    for key in wanted:
        if not key or parse(key, field="settings").secret:
            raise Invalid(f"{key or 'A blank'} cannot be set at onboarding.", field="settings")
    if wanted:
        found["settings"] = wanted
    return found


def change(db: Session, actor: Actor, station: Station, given: Json, *, now: datetime) -> None:
    """Say what the station gets after its boots; it counts from the next one."""
    wanted = validated(given)
    audit.change(db, actor, "station.onboarding", station, now=now, onboarding=wanted)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def proposed(station: Station) -> dict[str, str]:
    """The settings that are offered for this station's version."""
    return dict(abilities(station.protocol).proposed)


# When


def booted(db: Session, station: Station, *, now: datetime) -> None:
    """A boot was accepted: read back what waited for it, then begin what is to be done."""
    if _is(db, station, _LOOPS, now):
        return
    settings.after_boot(db, station, now=now)
    _go_on(db, station, now)


def then(
    first: Callable[[Session, Command, Outcome, datetime], None] | None = None,
) -> Callable[[Session, Command, Outcome, datetime], None]:
    """A consequence that does its own first and then takes the next step of onboarding."""

    def after(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
        if first is not None:
            first(db, command, outcome, now)
        if (command.subject or "").startswith(SUBJECT):
            _go_on(db, command.station, now)

    return functools.wraps(first)(after) if first is not None else after


def _asks(word: str) -> ColumnElement[bool]:
    """The condition that a station's onboarding has a word: a rough one, which reads no row."""
    return cast(Station.onboarding, String).contains(f'"{word}"')


#: The conditions that a station kept reconnecting lately, and that a step of it is under way.
_LOOPS = exists().where(
    Deviation.station_id == Station.id,
    Deviation.code == "reconnect_loop",
    Deviation.last_at > bindparam("looped_since"),
)
_BUSY = exists().where(
    Command.station_id == Station.id,
    Command.subject.startswith(SUBJECT),
    Command.state.in_(OPEN_STATES),
)


def ask_for_boots(db: Session, *, now: datetime) -> int:
    """Ask stations that came without ever booting for a BootNotification, once (FIELD B2)."""
    subject = f"{SUBJECT}boot"
    asked_before = select(Command.id).where(
        Command.station_id == Station.id, Command.subject == subject
    )
    query = select(Station).where(
        _asks("ask_boot"),
        Station.last_boot_at.is_(None),
        Station.archived_at.is_(None),
        Station.connected_at < now - BOOT_AFTER,
        ~_LOOPS,
        ~asked_before.exists(),
        presence.connected(now),
    )
    step = (subject, Order.TRIGGER, {"message": "boot"})
    asked = 0
    for station in db.scalars(query, {"looped_since": now - LOOPED}).all():
        if station.onboarding.get("ask_boot") and not station.quirks.get("no_trigger_boot"):
            asked += _queue(db, station, step, now) is not None
        if asked == MOST_ASKED:
            break
    return asked


def approved(db: Session, station: Station, *, now: datetime) -> None:
    """Ask a station whose boot waited for this approval to boot now: nothing else of it is taken.

    One that is away, or was rejected, comes by itself.
    """
    waits = station.booted_registration is not Registration.ACCEPTED
    if waits and not station.quirks.get("no_trigger_boot"):
        _queue(db, station, (f"{SUBJECT}boot", Order.TRIGGER, {"message": "boot"}), now)


def ask_for_statuses(db: Session, *, now: datetime) -> int:
    """Ask for the status of plugs that were not heard of since their station came back.

    Only changes are told after a reconnect (FIELD S5).  Each plug is asked about
    once in a connection, one at a time, where the station's onboarding asks for statuses.
    """
    plug = (
        cast(part, String) for part in (Station.connection_id, Connector.evse, Connector.connector)
    )
    connection, evse, connector = plug
    subject = literal(f"{SUBJECT}status:") + connection + ":" + evse + "." + connector
    asked_before = select(Command.id).where(
        Command.station_id == Station.id, Command.subject == subject
    )
    unheard = and_(Connector.stale, Connector.evse > 0, ~asked_before.exists())
    query = select(Station).where(
        _asks("status"),
        cast(Station.supported_orders, String).contains(f'"{Order.TRIGGER.value}"'),
        Station.archived_at.is_(None),
        Station.connected_at.between(now - STALE_WITHIN, now - STALE_AFTER),
        func.coalesce(Station.booted_registration, Station.registration) == Registration.ACCEPTED,
        Station.connectors.any(unheard),
        ~_LOOPS,
        ~_BUSY,
        presence.connected(now),
    )
    asked = 0
    for station in db.scalars(query, {"looped_since": now - LOOPED}).all():
        asked += _ask_for_status(db, station, now)
        if asked == MOST_ASKED:
            break
    return asked


def _ask_for_status(db: Session, station: Station, now: datetime) -> bool:
    if "status" not in (station.onboarding.get("triggers") or ()):
        return False
    for plug in station.connectors:
        subject = f"{SUBJECT}status:{station.connection_id}:{plug.evse}.{plug.connector}"
        if not plug.stale or not plug.evse or earlier(db, station, subject):
            continue
        given: Json = {"message": "status", "connector": plug.evse}
        if not device_model.has_plain_keys(station):
            given["plug"] = plug.connector
        return _queue(db, station, (subject, Order.TRIGGER, given), now) is not None
    return False


def _is(db: Session, station: Station, so: ColumnElement[bool], now: datetime) -> bool:
    """Whether one of the conditions above holds for a station."""
    query = select(Station.id).where(Station.id == station.id, so)
    return db.scalar(query, {"looped_since": now - LOOPED}) is not None


# What


def _go_on(db: Session, station: Station, now: datetime) -> None:
    """Queue the next step that has not been done, unless one is under way."""
    if not station.onboarding or _is(db, station, _LOOPS, now):
        return
    if (station.booted_registration or station.registration) is not Registration.ACCEPTED:
        return
    if _is(db, station, _BUSY, now):
        return
    for step in _steps(db, station):
        if done(db, station, step[0], now):
            continue
        made = _queue(db, station, step, now)
        if made is None or made.state in OPEN_STATES:
            return


def _steps(db: Session, station: Station) -> Iterator[Step]:
    """All that is to be done, in order; what depends on an answer is worked out when it is due."""
    wanted = station.onboarding
    may_read = not station.quirks.get("no_get_configuration")
    if wanted.get("read") and may_read:
        if device_model.has_plain_keys(station):
            yield _subject(station, "read"), Order.READ_SETTINGS, {}
        else:
            yield _subject(station, "read"), Order.READ_BASE_REPORT, {"base": "full"}
    keys: dict[str, str] = wanted.get("settings") or {}
    if keys and may_read and (untold := _untold(db, station, keys)):
        yield _subject(station, "check", *keys), Order.READ_SETTINGS, {"keys": untold}
    for key, value in keys.items():
        text = _to_write(db, station, key, value, blindly=not may_read)
        if text is not None:
            change = {"key": key, "value": text}
            yield _subject(station, "set", key, text), Order.CHANGE_SETTING, change
    for word in wanted.get("triggers") or ():
        yield f"{SUBJECT}trigger:{word}", Order.TRIGGER, {"message": word}


def _subject(station: Station, what: str, *about: str) -> str:
    """A step's name: the same for the same firmware and the same contents."""
    text = "\n".join([station.firmware or "", *about])
    return f"{SUBJECT}{what}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _untold(db: Session, station: Station, keys: Mapping[str, str]) -> list[str]:
    """The settings that the station has not told since its boot."""
    names = {key: device_model.named(station, key) for key in keys}
    known = device_model.find_all(db, station, list(names.values()))
    told = {key: known[name.key].reported_at for key, name in names.items() if name.key in known}
    booted_at = station.last_boot_at
    return [
        key
        for key in names
        if (at := told.get(key)) is None or (booted_at is not None and at < booted_at)
    ]


def _to_write(db: Session, station: Station, key: str, wanted: str, *, blindly: bool) -> str | None:
    """The value to write, or None: the station has it, does not know it, or does not let us."""
    row = device_model.find(db, station, device_model.named(station, key))
    if row is None or row.reported_at is None:
        return value_for(wanted, None) if blindly else None
    if row.writable is False or row.value is None:
        return None
    return value_for(wanted, row.value)


def value_for(wanted: str, told: str | None) -> str | None:
    """What to write where `told` stands: None when it is as wanted already.

    `>=10` takes any number from 10 on, and `60..300` any number between the two.
    """
    low_text, dots, high_text = wanted.removeprefix(">=").partition("..")
    low = number(low_text)
    if low is not None and (dots or wanted.startswith(">=")):
        found, high = number(told), number(high_text) if dots else None
        if found is None or found < low:
            return str(low)
        return str(high) if high is not None and found > high else None
    return None if same(wanted, told) else wanted


def _queue(db: Session, station: Station, step: Step, now: datetime) -> Command | None:
    subject, order, arguments = step
    grace_s = float(station.quirks.get("outbound_after_boot_s") or 0)
    made = commands.tried(
        db, SYSTEM, station, order, arguments, now=now, ttl_s=grace_s + _PATIENCE_S
    )
    if made is not None:
        made.subject = subject
        db.flush()
    return made


def progress(db: Session, station: Station) -> list[Command]:
    """The newest steps that were taken."""
    query = select(Command).where(
        Command.station_id == station.id, Command.subject.startswith(SUBJECT)
    )
    return list(db.scalars(query.order_by(Command.id.desc()).limit(20)))
