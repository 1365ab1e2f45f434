"""What is done with a call before it is handled: is it allowed, can it be mended, must it be cut.

A long message is cut into pieces: each is stored by itself, and everybody else has a turn between.
Nothing is answered before the last piece is stored.  Whatever is told in lists is known by what it
says, so that a message that comes again after a crash between two pieces adds only what is missing.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import gevent

from app.config import Settings
from worker.dialects.context import Context
from worker.dialects.records import Long, Route
from worker.ocpp import repairs, schemas
from worker.ocpp.frames import Call, Payload, Send
from worker.ocpp.json_text import without_nul
from worker.ocpp.versions import CallFault, Fault
from worker.standing import Held


def context_of(
    held: Held, settings: Settings, now: datetime, notes: list[tuple[str, str]]
) -> Context:
    """The surroundings of a call, before its unit of work; `notes` are the repairs so far."""
    station = held.link.station
    return Context(
        db=None,
        station=None,
        station_id=station.id,
        timezone=station.timezone,
        quirks=station.quirks,
        now=now,
        heartbeat_s=settings.heartbeat_s,
        boot_retry_s=settings.boot_retry_s,
        deviations=notes,
        clock_offset_s=station.clock_offset_s,
        served=held.served,
        told=held.told,
    )


def checked(held: Held, call: Call | Send, route: Route) -> tuple[Payload, list[tuple[str, str]]]:
    """The payload to work with and the repairs that it needed; raises the precise CallFault."""
    link = held.link
    notes = [(note, call.action) for note in call.notes] if call.notes else []
    if not (held.served or route.before_boot or call.action in held.triggered):
        raise CallFault(Fault.SECURITY, "the boot of this charger was not accepted yet")
    if isinstance(call, Send) and not schemas.wants_no_answer(link.version, call.action):
        if link.station.strict:
            raise CallFault(Fault.NOT_IMPLEMENTED, f"{call.action} is not sent unasked")
        notes.append(("sent_unasked", call.action))
    if "\\u0000" in call.text:
        # PostgreSQL has no NUL in texts; no charger means anything by it.
        call = replace(call, payload=without_nul(call.payload))
        notes.append(("nul_character", call.action))
    validator = schemas.validator_for(link.version, call.action, "call")
    if validator is not None and validator.is_valid(call.payload):
        return call.payload, notes
    if link.station.strict:
        problem = schemas.violation(link.version, call.action, "call", call.payload)
        if problem is not None:
            raise problem
        return call.payload, notes
    mended = repairs.mend(link.version, call.action, call.payload)
    notes += [(name, call.action) for name in mended.repairs]
    if mended.violation is not None:
        # Kilowatt-hours are never refused for their form: the handler reads what it can.
        if not route.money or not isinstance(mended.payload, dict):
            raise mended.violation
        notes.append(("schema_violation", f"{call.action}: {mended.violation.description}"))
    return mended.payload, notes


#: A shorter text, in characters, holds nothing that would have to be cut.
SHORT_TEXT = 8_192
#: A message with more items than this is refused (an item: what a list holds and holds no list).
MOST_ITEMS = 100_000
#: The same for messages whose lists the specification keeps short.
MOST_UNCUT = 5_000
#: The same for one element of a list: one instant, one event, one profile.
HEAVIEST = 2_000
#: How many elements are gone through before others have a turn.
_BREATH = 500
#: The longest turn that others get at once, in seconds.
LONGEST_TURN_S = 0.1

_T = TypeVar("_T")


def breathing(values: Iterable[_T], every: int = _BREATH) -> Iterator[_T]:
    """The values, with turns for everybody else on the way, each as long as ours was.

    A turn of no length would let a commit go on by one of its steps only: on PostgreSQL it has
    many, and whoever waits for it would wait for as many pieces of ours.
    """
    begin = time.monotonic()
    for number, value in enumerate(values):
        if number % every == 0:
            gevent.sleep(min(time.monotonic() - begin, LONGEST_TURN_S))
            begin = time.monotonic()
        yield value


def items_of(value: object) -> int:
    """How many items a value holds; lists are counted by what stands at their ends."""
    if isinstance(value, dict):
        return sum(items_of(child) for child in value.values() if isinstance(child, dict | list))
    if isinstance(value, list):
        return sum(max(1, items_of(child)) for child in value)
    return 0


def check_uncut(payload: Payload) -> None:
    """Refuse a message of many items that cannot be taken in pieces."""
    if items_of(payload) > MOST_UNCUT:
        raise CallFault(Fault.OCCURRENCE, f"the message holds more than {MOST_UNCUT:,} items")


def name_long(held: Held, call: Call | Send, long: Long) -> None:
    """Give the members of a message whose long list is in other letters their names."""
    other = [name for name in call.payload if name != long.member]
    if not held.link.station.strict and schemas.plain(long.member) in map(schemas.plain, other):
        repairs.respelt(held.link.version, call.action, call.payload)
        call.notes += ("member_spelling",)


def cut(payload: Payload, long: Long, notes: list[tuple[str, str]]) -> list[Payload]:
    """The same message several times, each with a part of its list; one where it is short.

    What is left out of an instant of too many samples is noted.  Raises CallFault for a message
    beyond all bounds.
    """
    lists: list[list[Any]] = [[]]
    weight = total = 0
    for element in breathing(payload[long.member]):
        items = max(1, items_of(element))
        if items > HEAVIEST:
            element, items = _shortened(element, long, notes), HEAVIEST
        total += items
        if total > MOST_ITEMS:
            raise CallFault(Fault.OCCURRENCE, f"the message holds more than {MOST_ITEMS:,} items")
        if lists[-1] and weight + items > long.most:
            lists.append([])
            weight = 0
        lists[-1].append(element)
        weight += items
    pieces = [{**payload, long.member: part} for part in lists]
    if long.more:
        for piece in pieces[:-1]:
            piece[long.more] = True
    return pieces


def _shortened(element: Any, long: Long, notes: list[tuple[str, str]]) -> Any:
    samples = element.get(long.samples) if isinstance(element, dict) else None
    if not isinstance(samples, list):
        raise CallFault(
            Fault.OCCURRENCE, f"one of {long.member} holds more than {HEAVIEST:,} items"
        )
    notes.append(("too_many_samples", f"{len(samples)} of one instant, {HEAVIEST} were taken"))
    return {**element, long.samples: samples[:HEAVIEST]}
