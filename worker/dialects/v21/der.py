"""Controls of inverters (OCPP 2.1 block R): our words and the wire's, told, set, read, cleared."""

from collections.abc import Iterator
from typing import Any

from app.domain.ground.vocabulary import Arguments, Json, Order
from app.domain.limits import der
from app.domain.limits.der_controls import KINDS
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Route, without_blanks
from worker.dialects.shared import filled, moment
from worker.ocpp.fields import Fields, read_instant

_ABBREVIATED = {"pf": "PF", "hf": "HF", "hv": "HV", "lf": "LF", "lv": "LV"}


def _pascal(word: str) -> str:
    return "".join(_ABBREVIATED.get(part, part.capitalize()) for part in word.split("_"))


#: our kind -> the wire's: hv_must_trip -> HVMustTrip
TYPES: dict[str, str] = {kind: _pascal(kind) for kind in KINDS}
KIND_OF: dict[str, str] = {wire: kind for kind, wire in TYPES.items()}
_HOLDER_OF_SHAPE = {
    "curve": "curve",
    "gradient": "gradient",
    "enter_service": "enterService",
    "freq_droop": "freqDroop",
    "fixed_var": "fixedVar",
    "limit_max_discharge": "limitMaxDischarge",
}
#: our kind -> the member that holds its document; those of power factors have one each
HOLDERS: dict[str, str] = {
    kind: _HOLDER_OF_SHAPE.get(shape, f"fixed{TYPES[kind][5:]}")
    for kind, (_, shape) in KINDS.items()
}
Y_UNITS = {
    "not_applicable": "Not_Applicable",
    "pct_max_w": "PctMaxW",
    "pct_max_var": "PctMaxVar",
    "pct_w_avail": "PctWAvail",
    "pct_var_avail": "PctVarAvail",
    "pct_effective_v": "PctEffectiveV",
}
_POWERS = {"active": "Active", "reactive": "Reactive"}

#: the members of a report -> the member of each item that holds its document, and its kind
_REPORTED: dict[str, tuple[str, str]] = {
    "curve": ("curve", ""),
    "enterService": ("enterService", "enter_service"),
    "fixedPFAbsorb": ("fixedPF", "fixed_pf_absorb"),
    "fixedPFInject": ("fixedPF", "fixed_pf_inject"),
    "fixedVar": ("fixedVar", "fixed_var"),
    "freqDroop": ("freqDroop", "freq_droop"),
    "gradient": ("gradient", "gradients"),
    "limitMaxDischarge": ("limitMaxDischarge", "limit_max_discharge"),
}

#: shape -> our member -> the wire's
MEMBERS: dict[str, dict[str, str]] = {
    "curve": {
        "priority": "priority",
        "points": "curveData",
        "y_unit": "yUnit",
        "response_time_s": "responseTime",
        "hysteresis": "hysteresis",
        "reactive_power": "reactivePowerParams",
        "voltage": "voltageParams",
    },
    "hysteresis": {
        "high": "hysteresisHigh",
        "low": "hysteresisLow",
        "delay_s": "hysteresisDelay",
        "gradient": "hysteresisGradient",
    },
    "reactive_power": {
        "reference_voltage": "vRef",
        "autonomous": "autonomousVRefEnable",
        "time_constant_s": "autonomousVRefTimeConstant",
    },
    "voltage": {
        "mean_10_min": "hv10MinMeanValue",
        "trip_delay_s": "hv10MinMeanTripDelay",
        "during_cessation": "powerDuringCessation",
    },
    "enter_service": {
        "high_voltage": "highVoltage",
        "low_voltage": "lowVoltage",
        "high_frequency": "highFreq",
        "low_frequency": "lowFreq",
        "delay_s": "delay",
        "random_delay_s": "randomDelay",
        "ramp_rate": "rampRate",
    },
    "fixed_pf": {"displacement": "displacement", "excitation": "excitation"},
    "fixed_var": {"setpoint": "setpoint", "unit": "unit"},
    "freq_droop": {
        "over_frequency": "overFreq",
        "under_frequency": "underFreq",
        "over_droop": "overDroop",
        "under_droop": "underDroop",
        "response_time_s": "responseTime",
    },
    "gradient": {"gradient": "gradient", "soft_gradient": "softGradient"},
    "limit_max_discharge": {
        "percent": "pctMaxDischargePower",
        "power_monitoring": "powerMonitoringMustTrip",
    },
}
_COMMON = {"priority": "priority", "starts_at": "startTime", "duration_s": "duration"}
#: members that are tables of a shape of their own
_TABLES = {
    "hysteresis": "hysteresis",
    "reactive_power": "reactive_power",
    "voltage": "voltage",
    "power_monitoring": "curve",
}


def written(shape: str, document: Json) -> Payload:
    """A control's document for the wire."""
    names = {**_COMMON, **MEMBERS[shape]}
    return {names[name]: _value(name, value) for name, value in document.items()}


def _value(name: str, value: Any) -> Any:
    if name in _TABLES:
        return written(_TABLES[name], value)
    if name == "points":
        return [{"x": float(x), "y": float(y)} for x, y in value]
    if name in ("y_unit", "unit"):
        return Y_UNITS[value]
    if name == "during_cessation":
        return _POWERS[value]
    if name == "starts_at":
        return moment(value)
    return value if isinstance(value, bool | int) else float(value)


def read(shape: str, payload: Payload) -> Json:
    """A control's document from the wire; what cannot be understood is left out."""
    names = {wire: name for name, wire in {**_COMMON, **MEMBERS[shape]}.items()}
    known = {names[wire]: value for wire, value in payload.items() if wire in names}
    return filled({name: _read(name, value) for name, value in known.items()})


def _read(name: str, value: Any) -> Any:
    if name in _TABLES:
        return read(_TABLES[name], value) if isinstance(value, dict) else None
    if name == "points":
        points = [point for point in value if isinstance(point, dict)]
        return [[str(point.get("x")), str(point.get("y"))] for point in points]
    if name in ("y_unit", "unit"):
        return {wire: ours for ours, wire in Y_UNITS.items()}.get(str(value))
    if name == "during_cessation":
        return str(value).lower()
    if name == "starts_at":
        found = read_instant(value)
        return found.at.isoformat() if found else None
    return value if isinstance(value, bool) or name == "priority" else str(value)


def shape_of(kind: str) -> str:
    """The shape of a kind's document."""
    return KINDS[kind][1]


def der_alarm(call: Fields, ctx: Context) -> Payload:
    """Pass on an alarm of the grid protection, or its end (R05)."""
    at, _ = ctx.instant(call, "timestamp")
    word = call.text("controlType", "")
    der.alarm(
        *(ctx.db, ctx.station, KIND_OF.get(word, word), call.text("gridEventFault")),
        bool(call.boolean("alarmEnded", False)),
        call.text("extraInfo"),
        at=at,
        now=ctx.now,
    )
    return {}


def der_start_stop(call: Fields, ctx: Context) -> Payload:
    """Pass on that a control came into force or ended (R04.FR.20)."""
    at, _ = ctx.instant(call, "timestamp")
    der.started_or_stopped(
        *(ctx.db, ctx.station, call.text("controlId", "")),
        bool(call.boolean("started", False)),
        call.texts("supersededIds"),
        at=at,
        now=ctx.now,
    )
    return {}


def der_report(call: Fields, ctx: Context) -> Payload:
    """Pass on a part of the controls that a station holds (R04)."""
    der.report(ctx.db, ctx.station, list(_reported(call)), now=ctx.now)
    return {}


def _reported(call: Fields) -> Iterator[der.Reported]:
    for member, (holder, kind) in _REPORTED.items():
        for item in call.list(member):
            found: str = kind or KIND_OF.get(item.text("curveType", ""), "")
            if not found:
                continue
            payload: Payload = dict(item.child(holder).payload)
            timeless = shape_of(found) in ("enter_service", "gradient")
            yield der.Reported(
                number=item.text("id", "")[:36],
                kind=found,
                document=read(shape_of(found), payload),
                default=timeless or bool(item.boolean("isDefault", False)),
                superseded=bool(item.boolean("isSuperseded", False)),
            )


def _set_control(arguments: Arguments) -> Payload:
    kind = arguments["kind"]
    return {
        "isDefault": bool(arguments.get("default")),
        "controlId": arguments["control"],
        "controlType": TYPES[kind],
        HOLDERS[kind]: written(shape_of(kind), arguments["document"]),
    }


def _control(arguments: Arguments) -> Payload:
    kind = arguments.get("kind")
    return without_blanks(
        {
            "requestId": arguments.get("number"),
            "isDefault": arguments.get("default"),
            "controlType": TYPES[kind] if kind else None,
            "controlId": arguments.get("control"),
        }
    )


_NOT_KNOWN = {
    "NotSupported": "The charger knows no control of this kind.",
    "NotFound": "The charger has no such control.",
}

ROUTES: dict[str, Route] = {
    "NotifyDERAlarm": Route(der_alarm, spooled=True),
    "NotifyDERStartStop": Route(der_start_stop, spooled=True),
    "ReportDERControl": Route(der_report, spooled=True),
}

ORDERS: dict[Order, Encoding] = {
    Order.SET_DER_CONTROL: Encoding(
        "SetDERControl",
        _set_control,
        sentences=_NOT_KNOWN,
        facts=lambda answer, given: {
            "superseded": [str(number) for number in answer.get("supersededIds") or ()]
        },
    ),
    Order.READ_DER_CONTROL: Encoding("GetDERControl", _control, sentences=_NOT_KNOWN),
    Order.CLEAR_DER_CONTROL: Encoding(
        "ClearDERControl",
        lambda given: {"isDefault": bool(given.get("default")), **_control(given)},
        sentences=_NOT_KNOWN,
    ),
}
