"""What controls of an inverter there are, what each is told, and how they are read.

The names are those of the grid codes (IEEE 1547, EN 50549) in our spelling;
numbers are texts, so that JSON does not round them.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json

#: kind -> [what people call it, the shape of its document]
KINDS: dict[str, tuple[str, str]] = {
    "enter_service": ("Enter service", "enter_service"),
    "freq_droop": ("Frequency droop", "freq_droop"),
    "freq_watt": ("Frequency-watt curve", "curve"),
    "fixed_pf_absorb": ("Fixed power factor, absorbing", "fixed_pf"),
    "fixed_pf_inject": ("Fixed power factor, injecting", "fixed_pf"),
    "fixed_var": ("Fixed reactive power", "fixed_var"),
    "gradients": ("Ramp rates", "gradient"),
    "hf_must_trip": ("High frequency, must trip", "curve"),
    "hf_may_trip": ("High frequency, may trip", "curve"),
    "hv_must_trip": ("High voltage, must trip", "curve"),
    "hv_mom_cess": ("High voltage, momentary cessation", "curve"),
    "hv_may_trip": ("High voltage, may trip", "curve"),
    "limit_max_discharge": ("Limit of discharging", "limit_max_discharge"),
    "lf_must_trip": ("Low frequency, must trip", "curve"),
    "lv_must_trip": ("Low voltage, must trip", "curve"),
    "lv_mom_cess": ("Low voltage, momentary cessation", "curve"),
    "lv_may_trip": ("Low voltage, may trip", "curve"),
    "power_monitoring_must_trip": ("Power monitoring, must trip", "curve"),
    "volt_var": ("Volt-var curve", "curve"),
    "volt_watt": ("Volt-watt curve", "curve"),
    "watt_pf": ("Watt-power-factor curve", "curve"),
    "watt_var": ("Watt-var curve", "curve"),
}
Y_UNITS = (
    *("not_applicable", "pct_max_w", "pct_max_var"),
    *("pct_w_avail", "pct_var_avail", "pct_effective_v"),
)
#: Controls of these shapes are always defaults: they have no time of their own.
TIMELESS = frozenset({"enter_service", "gradient"})
MOST_POINTS = 10
_MOST = 1_000_000_000
_PLACES = 9

Read = Callable[[str, Any], Any]


def _number(name: str, value: object) -> str:
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if isinstance(value, bool) or not found.is_finite():
        raise Invalid(f"{name} must be a number.", field="document")
    if not -_MOST <= found <= _MOST:
        raise Invalid(f"{name} must be between {-_MOST} and {_MOST}.", field="document")
    if int(found.as_tuple().exponent) < -_PLACES:
        raise Invalid(f"{name} has {_PLACES} decimals at most.", field="document")
    return format(found, "f")


def _priority(name: str, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid(f"{name} must be a whole number from 0 on.", field="document")
    return int(text)


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{name} is true or false.", field="document")
    return value


def _moment(name: str, value: object) -> str:
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise Invalid(
            f"{name} must be a time like 2026-01-31T18:00:00Z.", field="document"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _one_of(*words: str) -> Read:
    def read(name: str, value: object) -> str:
        if str(value).strip().lower() not in words:
            raise Invalid(f"{name} must be one of {', '.join(words)}.", field="document")
        return str(value).strip().lower()

    return read


def _points(name: str, value: object) -> list[list[str]]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_POINTS:
        raise Invalid(f"{name} must be a list of 1 to {MOST_POINTS} points.", field="document")
    if not all(isinstance(point, list | tuple) and len(point) == 2 for point in value):
        raise Invalid(f"{name}: each point is a pair of x and y.", field="document")
    return [[_number(f"{name} x", point[0]), _number(f"{name} y", point[1])] for point in value]


def _table(shape: str) -> Read:
    return lambda name, value: _read(name, shape, value)


_TIMES: dict[str, tuple[Read, bool]] = {
    "starts_at": (_moment, False),
    "duration_s": (_number, False),
}
_PRIORITY: dict[str, tuple[Read, bool]] = {"priority": (_priority, True)}

#: shape -> member -> [how it is read, whether it is needed]
SHAPES: dict[str, dict[str, tuple[Read, bool]]] = {
    "curve": {
        **_PRIORITY,
        "points": (_points, True),
        "y_unit": (_one_of(*Y_UNITS), True),
        "response_time_s": (_number, False),
        "hysteresis": (_table("hysteresis"), False),
        "reactive_power": (_table("reactive_power"), False),
        "voltage": (_table("voltage"), False),
        **_TIMES,
    },
    "hysteresis": dict.fromkeys(("high", "low", "delay_s", "gradient"), (_number, False)),
    "reactive_power": {
        "reference_voltage": (_number, False),
        "autonomous": (_switch, False),
        "time_constant_s": (_number, False),
    },
    "voltage": {
        "mean_10_min": (_number, False),
        "trip_delay_s": (_number, False),
        "during_cessation": (_one_of("active", "reactive"), False),
    },
    "enter_service": {
        **_PRIORITY,
        **dict.fromkeys(
            ("high_voltage", "low_voltage", "high_frequency", "low_frequency"), (_number, True)
        ),
        **dict.fromkeys(("delay_s", "random_delay_s", "ramp_rate"), (_number, False)),
    },
    "fixed_pf": {
        **_PRIORITY,
        "displacement": (_number, True),
        "excitation": (_switch, True),
        **_TIMES,
    },
    "fixed_var": {
        **_PRIORITY,
        "setpoint": (_number, True),
        "unit": (_one_of(*Y_UNITS), True),
        **_TIMES,
    },
    "freq_droop": {
        **_PRIORITY,
        **dict.fromkeys(
            ("over_frequency", "under_frequency", "over_droop", "under_droop"), (_number, True)
        ),
        "response_time_s": (_number, True),
        **_TIMES,
    },
    "gradient": {**_PRIORITY, "gradient": (_number, True), "soft_gradient": (_number, True)},
    "limit_max_discharge": {
        **_PRIORITY,
        "percent": (_number, False),
        "power_monitoring": (_table("curve"), False),
        **_TIMES,
    },
}


def read(kind: str, document: Mapping[str, Any], *, default: bool) -> Json:
    """Check a control's document; raises `Invalid` with the first thing wrong.

    A default control holds always, so it has neither start nor duration
    (2.1 R04.FR.12).
    """
    label, shape = KINDS[kind]
    found = _read(label, shape, document)
    if default and ("starts_at" in found or "duration_s" in found):
        raise Invalid("A default control has no start and no duration.", field="document")
    if not default and shape in TIMELESS:
        raise Invalid(f"{label} can be set as a default only.", field="default")
    return found


def _read(name: str, shape: str, given: object) -> Json:
    if not isinstance(given, Mapping):
        raise Invalid(f"{name} must be a table.", field="document")
    table = SHAPES[shape]
    for member in given:
        if member not in table:
            raise Invalid(f"{name} has no {member}.", field="document")
    found = {}
    for member, (how, needed) in table.items():
        if given.get(member) is not None:
            found[member] = how(f"{name}: {member}", given[member])
        elif needed:
            raise Invalid(f"{name}: {member} is missing.", field="document")
    return found
