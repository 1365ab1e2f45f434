"""Orders about monitors: what a station watches and when it tells."""

from collections.abc import Mapping
from typing import Any

from app.domain.commands.orders.reading import (
    Argument,
    documents,
    number,
    optional,
    several,
    whole,
    word,
    yes,
)
from app.domain.commands.orders.settings import KEY
from app.domain.commands.orders.shapes import OBJECTS
from app.domain.commands.orders.spec import Spec
from app.domain.device import device_events, monitors, settings, variable_names
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Order

#: What a monitor waits for; the last two are OCPP 2.1's.
KINDS = (
    *("upper_threshold", "lower_threshold", "delta", "periodic", "periodic_clock_aligned"),
    *("target_delta", "target_delta_relative"),
)
CRITERIA = ("threshold", "delta", "periodic")
BASES = ("all", "factory_default", "hard_wired_only")
#: 0 is danger, 9 is for developers (2.0.1 section 2.29).
SEVERITY = whole(0, 9)
_NUMBER = whole(0, 2**31 - 1)

#: The members of one monitor, and whether they must be given.
_MONITOR: dict[str, tuple[Any, bool]] = {
    "key": (KEY, True),
    "kind": (word(*KINDS), True),
    "value": (number(-(10**12), 10**12), True),
    "severity": (SEVERITY, True),
    "in_transaction_only": (yes, False),
    "number": (_NUMBER, False),
    "stream_interval_s": (whole(0, 86_400), False),
    "stream_values": (whole(0, 10_000), False),
}


def _monitors(name: str, value: Any) -> list[dict[str, Any]]:
    """Monitors as objects: key, kind, value, severity, and what else one may have."""
    found = []
    for given in documents(100)(name, value):
        if unknown := set(given) - set(_MONITOR):
            raise Invalid(f"A monitor has no {unknown.pop()}.", field=name)
        one = {}
        for member, (read, required) in _MONITOR.items():
            if given.get(member) in (None, ""):
                if required:
                    raise Invalid(f"A monitor needs its {member}.", field=name)
                continue
            one[member] = read(member, given[member])
        if not variable_names.parse(one["key"]).component:
            raise Invalid(f"{one['key']} lacks its component, as in EVSE@1/Power.", field="key")
        found.append(one)
    if not found:
        raise Invalid("Name a monitor.", field=name)
    return found


def _set(given: Mapping[str, Any]) -> str:
    return "Watch " + ", ".join(
        f"{one['key']} ({one['kind'].replace('_', ' ')} {one['value']})"
        for one in given["monitors"]
    )


def _clear(given: Mapping[str, Any]) -> str:
    return "Clear monitors " + ", ".join(str(number) for number in given["numbers"])


SPECS = (
    Spec(
        Order.SET_MONITORING_BASE,
        "Choose the base of monitors",
        arguments={"base": Argument(word(*BASES), label="Monitors")},
        words=lambda given: f"Monitors: {given['base'].replace('_', ' ')}",
    ),
    Spec(
        Order.SET_MONITORING_LEVEL,
        "Choose how severe events must be",
        arguments={
            "severity": Argument(
                SEVERITY, help="Events up to this are told: 0 danger, 9 everything."
            )
        },
        words=lambda given: f"Tell events up to severity {given['severity']}",
    ),
    Spec(
        Order.SET_MONITORS,
        "Set monitors",
        arguments={
            "monitors": Argument(
                _monitors,
                shape=OBJECTS,
                help="Objects with key, kind, value and severity; also in_transaction_only, "
                "number.",
            ),
            "then": optional(_monitors, shape=OBJECTS, help="Set after those."),
        },
        words=_set,
        prepare=monitors.prepare_setting,
        after=monitors.after_setting,
    ),
    Spec(
        Order.CLEAR_MONITORS,
        "Clear monitors",
        arguments={
            "numbers": Argument(several(_NUMBER, 500), help="The station's numbers of them."),
            "then": optional(several(_NUMBER, 500), help="Cleared after those."),
        },
        words=_clear,
        question="Remove these monitors from {identity}?",
        prepare=monitors.prepare_clearing,
        after=monitors.after_clearing,
    ),
    Spec(
        Order.READ_MONITORS,
        "Read monitors",
        arguments={
            "criteria": optional(several(word(*CRITERIA), 3), label="Kinds"),
            "keys": optional(several(KEY, 500), label="Components or variables"),
            "request_id": optional(_NUMBER),
        },
        prepare=settings.prepare_report,
        after=monitors.after_reading,
    ),
    Spec(Order.READ_EVENT_STREAMS, "Read event streams", after=device_events.after_reading_streams),
    Spec(
        Order.ADJUST_EVENT_STREAM,
        "Adjust an event stream",
        arguments={
            "stream": Argument(_NUMBER),
            "interval_s": optional(whole(0, 86_400), help="At least this often."),
            "values": optional(whole(0, 10_000), help="Or after so many values."),
        },
        words=lambda given: f"Adjust event stream {given['stream']}",
        after=device_events.after_adjusting,
    ),
)
