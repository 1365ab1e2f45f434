"""Orders about a station's settings and its device model."""

from collections.abc import Mapping
from typing import Any

from app.domain.commands.orders.spec import Spec
from app.domain.device import device_events, monitors, onboarding, settings, variable_names
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Arguments, Json, Order
from app.domain.ground.vocabulary.standard import VERSIONS
from app.schemas.typed import (
    OBJECTS,
    Argument,
    document,
    documents,
    number,
    optional,
    several,
    text,
    whole,
    word,
    yes,
)

#: Settings that hold a secret: changed with the station's password, never here.
SECRET_SETTINGS = frozenset({"authorizationkey", "basicauthpassword"})
#: A key is one line of `app.domain.device.variable_names`.
KEY = text(300)
#: What a base report is of, and by what the components of a report are chosen.
BASES = ("configuration", "full", "summary")
CRITERIA = ("active", "available", "enabled", "problem")


def _key(name: str, value: object) -> str:
    key: str = KEY(name, value)
    if variable_names.parse(key, field=name).variable.casefold() in SECRET_SETTINGS:
        raise Invalid(
            f"{key} is the station's password: give it a new one on its Setup page.", field=name
        )
    return key


def _value(name: str, value: object) -> str:
    found = str(value)
    if len(found) > 2500 or not all(char.isprintable() for char in found):
        raise Invalid("The value has at most 2500 printable characters.", field=name)
    return found


def _changes(name: str, value: object) -> list[dict[str, str]]:
    """Several settings: a list of {key, value}, or one object of keys and their values."""
    if isinstance(value, Mapping):
        value = [{"key": key, "value": wanted} for key, wanted in value.items()]
    found = []
    for one in documents(200)(name, value):
        if set(one) != {"key", "value"}:
            raise Invalid("Each of the settings has a key and a value.", field=name)
        found.append({"key": _key(name, one["key"]), "value": _value(name, one["value"])})
    return found


_KEY_HELP = "A key, or Component/Variable: OCPPCommCtrlr/HeartbeatInterval, EVSE@1/Power:max_set."


def _shown(key: str, value: str) -> str:
    secret = variable_names.plain(key.rpartition("/")[2]).secret
    return "•••" if secret else value or "nothing"


def _change(given: Arguments) -> str:
    several = given.get("settings")
    if not several:
        key, value = given["key"], _shown(given["key"], given["value"])
        return f"Set {key} to {value}"
    each = (f"{one['key']} = {_shown(one['key'], one['value'])}" for one in several)
    return f"Set {', '.join(each)}"


def _read(given: Arguments) -> str:
    return f"Read {', '.join(given['keys'])}" if given.get("keys") else "Read all settings"


def _base(given: Arguments) -> str:
    return f"Read the device model ({given['base']})"


def _report(given: Arguments) -> str:
    parts = [*given.get("keys", ()), *given.get("criteria", ())]
    return "Read the device model: " + (", ".join(parts) or "all that matters")


def _network(given: Arguments) -> str:
    return f"Set network profile {given['slot']}: {given['url'].rpartition('@')[2]}"


SPECS = (
    Spec(
        Order.CHANGE_SETTING,
        "Change a setting",
        arguments={
            "key": optional(_key, label="Setting", help=_KEY_HELP),
            "value": optional(_value, blank=True),
            "settings": optional(
                _changes, shape=OBJECTS, help="Several at once: a list of {key, value}."
            ),
            "then": optional(
                _changes, shape=OBJECTS, help="Changed after those, in messages of theirs."
            ),
        },
        words=_change,
        question="Change this setting of {identity}? A wrong value can take it offline.",
        prepare=settings.prepare_change,
        after=onboarding.then(settings.after_change),
    ),
    Spec(
        Order.READ_SETTINGS,
        "Read settings",
        arguments={
            "keys": optional(several(KEY, 500), label="Settings", help="None: all of them."),
            "then": optional(several(KEY, 500), help="Read after those, in messages of their own."),
        },
        words=_read,
        together=lambda found: {**found, "keys": found.get("keys", [])},
        prepare=settings.prepare_reading,
        after=onboarding.then(settings.after_reading),
    ),
    Spec(
        Order.READ_BASE_REPORT,
        "Read the device model",
        arguments={
            "base": Argument(
                word(*BASES), label="What", help="What can be set, all, or what is wrong."
            ),
            "request_id": optional(whole(0, 2**31 - 1)),
        },
        words=_base,
        prepare=settings.prepare_report,
        after=onboarding.then(),
    ),
    Spec(
        Order.READ_REPORT,
        "Read a part of the device model",
        arguments={
            "criteria": optional(several(word(*CRITERIA), 4), label="Components that are"),
            "keys": optional(
                several(KEY, 500),
                label="Components or variables",
                help="As in EVSE@1/Power; a component alone means all of its variables.",
            ),
            "request_id": optional(whole(0, 2**31 - 1)),
        },
        words=_report,
        prepare=settings.prepare_report,
    ),
    Spec(
        Order.SET_NETWORK_PROFILE,
        "Set a network profile",
        arguments={
            "slot": Argument(whole(0, 1000), help="Which of the station's profiles it becomes."),
            "url": Argument(text(2000), label="URL", help="Where the station connects to: wss://…"),
            "security_profile": Argument(whole(0, 3)),
            "interface": optional(
                word(*(f"{kind}{n}" for kind in ("wired", "wireless") for n in range(4)), "any")
            ),
            "timeout_s": optional(whole(1, 3600), help="Patience for an answer."),
            "version": optional(word(*VERSIONS), label="OCPP version"),
            "identity": optional(text(48), help="OCPP 2.1 only."),
            "password": optional(text(64), help="OCPP 2.1 only."),
            "apn": optional(document(), label="APN", help="As OCPP writes it."),
            "vpn": optional(document(), label="VPN", help="As OCPP writes it."),
        },
        words=_network,
        question="Change how {identity} connects? A wrong value takes it offline until somebody "
        "drives there.",
    ),
)


# Orders about monitors: what a station watches and when it tells.

#: What a monitor waits for; the last two are OCPP 2.1's.
KINDS = (
    *("upper_threshold", "lower_threshold", "delta", "periodic", "periodic_clock_aligned"),
    *("target_delta", "target_delta_relative"),
)
MONITOR_CRITERIA = ("threshold", "delta", "periodic")
MONITOR_BASES = ("all", "factory_default", "hard_wired_only")
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


def _monitors(name: str, value: object) -> list[Json]:
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


def _set(given: Arguments) -> str:
    return "Watch " + ", ".join(
        f"{one['key']} ({one['kind'].replace('_', ' ')} {one['value']})"
        for one in given["monitors"]
    )


def _clear(given: Arguments) -> str:
    return "Clear monitors " + ", ".join(str(number) for number in given["numbers"])


MONITORING = (
    Spec(
        Order.SET_MONITORING_BASE,
        "Choose the base of monitors",
        arguments={"base": Argument(word(*MONITOR_BASES), label="Monitors")},
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
                help="Objects with key, kind, value and severity; number for one that is set.",
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
            "criteria": optional(several(word(*MONITOR_CRITERIA), 3), label="Kinds"),
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
