"""The settings of stations: what was wanted, what is told, and where the two drift apart (K6).

Reading pages by what a station takes at once and falls back to a list of keys
where reading all of them fails (FIELD R11).  A change that was accepted is read
back; one that needs a restart is read back after it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands import commands
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.device import device_model
from app.domain.device.device_model import Told
from app.domain.device.variable_names import VariableName, name_of, plain, same
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM, Actor, Arguments, CommandState, Order, Outcome
from app.domain.ground.vocabulary.standard import A_COMPONENT, MAX_KEYS, STANDARD_KEYS, abilities
from app.domain.office import audit
from app.models import Command, Station, StationVariable

#: Items in one message for stations that do not say how many they take.
USUAL_LIMIT = 40
#: How long a read-back may wait for its turn, in seconds.
PATIENCE_S = 120.0


def pairs(arguments: Arguments) -> list[tuple[str, str]]:
    """The keys and values of a change, whether it is of one setting or of several."""
    if several := arguments.get("settings"):
        return [(str(one["key"]), str(one["value"])) for one in several]
    return [(arguments["key"], arguments["value"])]


# Before an order is queued


def prepare_reading(ask: Ask) -> Prepared:
    """Put as many keys into the message as the station takes; the others follow it."""
    keys = [*ask.given.get("keys", ()), *ask.given.get("then", ())]
    if not keys:
        if device_model.has_plain_keys(ask.station):
            return Prepared({"keys": []})
        return Prepared({"keys": [], "request_id": device_model.next_request_id(ask.db)})
    for key in keys:
        _fits(ask.station, device_model.named(ask.station, key, field="keys"), "keys")
    # Where all at once was too much, a station is asked first how much is not.
    usual = 1 if keys[0] == MAX_KEYS else USUAL_LIMIT
    most = device_model.limit(ask.db, ask.station, "read", usual)
    return first_of("keys", keys, most)


def first_of(name: str, items: Sequence[Any], most: int) -> Prepared:
    """So many items as one message takes, and `then` the others that follow it."""
    return Prepared({name: items[:most], **({"then": rest} if (rest := items[most:]) else {})})


def prepare_change(ask: Ask) -> Prepared:
    """Check names and lengths; whether a setting may be changed is for the station to say."""
    if "settings" not in ask.given and not {"key", "value"} <= set(ask.given):
        raise Invalid("Name the setting.", field="value" if "key" in ask.given else "key")
    wanted = pairs(ask.given)
    names = [device_model.named(ask.station, key) for key, _ in wanted]
    longest = abilities(ask.station.protocol).longest_value
    for name, (_, value) in zip(names, wanted, strict=True):
        _fits(ask.station, name, "key")
        if len(value) > longest:
            raise Invalid(f"The value has at most {longest} characters.", field="value")
    most = 1 if device_model.has_plain_keys(ask.station) else USUAL_LIMIT
    most = min(most, device_model.limit(ask.db, ask.station, "change", most))
    if len(wanted) <= most:
        return Prepared(ask.given)
    if any(name.secret for name in names[most:]):
        # What follows later is kept meanwhile, and a secret is not.
        raise Invalid("A setting that holds a secret is changed by itself.", field="settings")
    listed = ask.given["settings"]
    return Prepared({"settings": listed[:most], "then": listed[most:]})


def _fits(station: Station, name: VariableName, field: str) -> None:
    if device_model.has_plain_keys(station) and len(name.variable) > 50:
        raise Invalid("A key has 50 characters at most.", field=field)
    if not device_model.has_plain_keys(station) and not name.component:
        raise Invalid(
            f"{name.variable} lacks its component, as in {A_COMPONENT}/{name.variable}.",
            field=field,
        )


def prepare_report(ask: Ask) -> Prepared:
    """Give a report the number by which its parts are known again."""
    return Prepared({**ask.given, "request_id": device_model.next_request_id(ask.db)})


# What the answer means


def after_reading(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Keep what was told; go on with the next keys, or with a list where all at once failed."""
    station = command.station
    told: Sequence[Told] = outcome.facts.get("told", ())
    device_model.take(db, station, told, now=now)
    unknown: Sequence[VariableName] = outcome.facts.get("unknown", ())
    for row in device_model.find_all(db, station, unknown).values():
        row.value, row.reported_at = None, now
    keys, rest = command.arguments.get("keys"), list(command.arguments.get("then", ()))
    if not keys and device_model.has_plain_keys(station):
        rest = _missed(db, command, outcome, told)
    never_sent = outcome.state is CommandState.UNSUPPORTED and outcome.answer is None
    if rest and not never_sent and outcome.state is not CommandState.EXPIRED:
        ask(db, station, Order.READ_SETTINGS, {"keys": rest}, now=now, like=command)


_FAILED = (CommandState.FAILED, CommandState.TIMED_OUT, CommandState.UNSUPPORTED)


def _missed(db: Session, command: Command, outcome: Outcome, told: Sequence[Told]) -> list[str]:
    """The keys to ask for one by one, when a station could not tell all of them at once."""
    station = command.station
    most = device_model.limit(db, station, "read", 0x7FFFFFFF)
    heard = {one.name.key for one in told}
    known = select(StationVariable.variable).where(
        StationVariable.station_id == station.id, StationVariable.component == ""
    )
    if outcome.state is CommandState.ACCEPTED and len(told) != most:
        return []
    if outcome.state not in (CommandState.ACCEPTED, *_FAILED):
        return []
    listed = dict.fromkeys([*STANDARD_KEYS, *db.scalars(known)])
    missed = [key for key in listed if plain(key).key not in heard]
    return sorted(missed, key=lambda key: key != MAX_KEYS)


def after_change(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Remember what was wanted, and read back what took effect."""
    station = command.station
    back: list[str] = []
    for name, value, verdict in outcome.facts.get("changed", ()):
        if verdict not in ("accepted", "reboot_required"):
            continue
        row = _stored(db, station, name)
        row.wanted = None if name.secret else value
        row.wanted_at = now
        row.reboot_required = verdict == "reboot_required"
        if not row.reboot_required and not name.secret and row.readable is not False:
            back.append(name.text)
    db.flush()
    if back and not station.quirks.get("no_get_configuration"):
        ask(db, station, Order.READ_SETTINGS, {"keys": back}, now=now, like=command)
    rest = command.arguments.get("then")
    if rest and outcome.state is not CommandState.EXPIRED:
        ask(db, station, Order.CHANGE_SETTING, {"settings": rest}, now=now, like=command)


def _stored(db: Session, station: Station, name: VariableName) -> StationVariable:
    row = device_model.find(db, station, name)
    if row is None:
        named = {"key": name.key, **name.columns, "attribute": name.attribute}
        row = StationVariable(station_id=station.id, **named)
        db.add(row)
        db.flush()
    return row


def ask(
    db: Session,
    station: Station,
    order: Order,
    arguments: Arguments,
    *,
    now: datetime,
    like: Command | None = None,
) -> Command | None:
    """Queue what follows an earlier order, in the name of who gave it; None when it cannot be."""
    actor = SYSTEM if like is None else Actor(like.requested_by, like.user_id)
    made = commands.tried(db, actor, station, order, arguments, now=now, ttl_s=PATIENCE_S)
    if like is not None and made is not None and made.subject is None:
        made.subject = like.subject
    return made


_VARIABLE = StationVariable.__table__
_WAITING = select(_VARIABLE.c.station_id).where(
    among(_VARIABLE.c.station_id, "stations"), _VARIABLE.c.reboot_required
)


def waiting_for_boot(db: Session, station_ids: Iterable[int]) -> set[int]:
    """The stations among these that have settings which wait for a restart."""
    return set(db.scalars(_WAITING, {"stations": station_ids}))


def after_boot(db: Session, station: Station, *, now: datetime) -> None:
    """Settings that waited for a restart have had it: read them back."""
    waiting = db.scalars(
        select(StationVariable).where(
            StationVariable.station_id == station.id, StationVariable.reboot_required
        )
    ).all()
    names = [name_of(row) for row in waiting if row.readable is not False]
    keys = [name.text for name in names if not name.secret]
    if station.quirks.get("no_get_configuration"):
        keys = []
    if keys and ask(db, station, Order.READ_SETTINGS, {"keys": keys}, now=now) is None:
        return
    for row in waiting:
        row.reboot_required = False
    db.flush()


def drifted(row: StationVariable) -> bool:
    """Whether a station tells another value than the one that it once accepted."""
    if row.wanted is None or row.reboot_required or row.reported_at is None:
        return False
    told_since = row.wanted_at is None or row.reported_at >= row.wanted_at
    return told_since and not same(row.wanted, row.value)


def keep_reported(db: Session, actor: Actor, row: StationVariable, *, now: datetime) -> None:
    """Take what the station tells for what is wanted: it no longer drifts."""
    db.refresh(row)  # what it was is told, too
    row.wanted = row.wanted_at = None
    row.reboot_required = False
    db.flush()
    station = row.station
    words = f"keep {name_of(row).text} as the station tells it"
    also = audit.changes(db, row)
    audit.remark(db, actor, "station.setting", station, words, now=now, also=also)
    events.record(db, events.StationChanged(station.tenant_id, station.id))
