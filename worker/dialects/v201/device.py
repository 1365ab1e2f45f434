"""Variables, settings and reports: the device model (OCPP 2.0.1 blocks B05 to B09)."""

from collections.abc import Iterator

from app.domain.device import device_model, settings
from app.domain.device.device_model import Told
from app.domain.device.variable_names import LONGEST_PART, VariableName, parse, parse_component
from app.domain.ground.vocabulary import Arguments, CommandState, Order, Outcome
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Long, Route, Unfit, without_blanks
from worker.dialects.shared import CHANGES
from worker.ocpp.fields import Fields

ATTRIBUTES = {"actual": "Actual", "target": "Target", "min_set": "MinSet", "max_set": "MaxSet"}
_MOST_PLACES = 2**31 - 1
_READ = {word.casefold(): ours for ours, word in ATTRIBUTES.items()}


def written(name: VariableName) -> Payload:
    """A component with its variable; without a variable, the component alone."""
    evse: Payload = {}
    if name.evse is not None:
        evse = without_blanks({"id": name.evse, "connectorId": name.connector})
    component = {"evse": evse, "name": name.component, "instance": name.component_instance}
    payload: Payload = {"component": without_blanks(component)}
    if name.variable:
        payload["variable"] = without_blanks({"name": name.variable, "instance": name.instance})
    return payload


def attribute(key: str, **members: object) -> Payload:
    """The attribute that a key names, with other members before the component."""
    name = parse(key)
    if not name.component:
        raise Unfit(f"{key} lacks its component, as in ClockCtrlr/{key}.")
    # Actual is what an absent type means, and some firmwares know no other.
    kind = {} if name.attribute == "actual" else {"attributeType": ATTRIBUTES[name.attribute]}
    return {**kind, **members, **written(name)}


def chosen(key: str) -> Payload:
    """The variables that a key chooses for a report: one, or all of a component."""
    return written(parse_component(key))


def read(item: Fields, kind: str | None = None) -> VariableName:
    """The name of a variable as a station writes it; `kind` is the word of the attribute."""
    component, variable = item.child("component"), item.child("variable")
    evse = component.child("evse")
    word = (kind or item.text("attributeType", "Actual")).casefold()
    return VariableName(
        _part(variable, "name") or "",
        _part(component, "name") or "",
        _part(component, "instance"),
        _place(evse, "id"),
        _place(evse, "connectorId"),
        _part(variable, "instance"),
        _READ.get(word, "actual"),
    )


def _part(item: Fields, name: str) -> str | None:
    """A part of a name, cut to what is kept of it."""
    text = item.text(name)
    return None if text is None else text[:LONGEST_PART]


def _place(item: Fields, name: str) -> int | None:
    """An EVSE or a connector; a number that no place has (-1, say) names the whole station."""
    number = item.integer(name)
    return number if number is not None and 0 <= number <= _MOST_PLACES else None


# What a station is made of, told part by part (OCPP 2.0.1 blocks B07 and B08).


def report(call: Fields, ctx: Context) -> Payload:
    """Take in one part of a report; its last part says that none follows (B07.FR.04)."""
    told = [one for item in call.list("reportData") for one in _attributes(item)]
    device_model.report_part(
        ctx.db,
        ctx.station,
        told,
        request_id=call.integer("requestId", 0),
        part=call.integer("seqNo", 0),
        last=not call.boolean("tbc", False),
        now=ctx.now,
    )
    return {}


def _attributes(item: Fields) -> Iterator[Told]:
    """Each attribute of one reported variable, with what the variable is like."""
    nature = item.child("variableCharacteristics")
    for one in item.list("variableAttribute"):
        access = one.text("mutability", "ReadWrite")
        yield Told(
            read(item, one.text("type", "Actual")),
            _text(one.raw("value")),
            writable=access != "ReadOnly",
            readable=access != "WriteOnly",
            persistent=one.boolean("persistent", False),
            constant=one.boolean("constant", False),
            data_type=nature.text("dataType"),
            unit=nature.text("unit"),
            low=_text(nature.raw("minLimit")),
            high=_text(nature.raw("maxLimit")),
            choices=nature.text("valuesList"),
            monitorable=nature.boolean("supportsMonitoring"),
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


# Settings and the device model (OCPP 2.0.1 blocks B05 to B09).

BASES = {
    "configuration": "ConfigurationInventory",
    "full": "FullInventory",
    "summary": "SummaryInventory",
}
VERSIONS = {"1.6": "OCPP16", "2.0.1": "OCPP20", "2.1": "OCPP20"}

REPORT = {
    "Accepted": "The charger accepted; the report follows in parts.",
    "EmptyResultSet": "The charger has nothing to report on that.",
    "NotSupported": "The charger cannot make this report.",
}
#: Nothing to report is an answer too.
REPORTED = frozenset({"Accepted", "EmptyResultSet"})


def _read(arguments: Arguments) -> Payload:
    """Ask for some variables; for all that can be set, a report is the way (B07)."""
    if not arguments.get("keys"):
        return _base({**arguments, "base": "configuration"})
    return {"getVariableData": [attribute(key) for key in arguments["keys"]]}


def _settings(answer: Payload, arguments: Arguments) -> Outcome:
    if not arguments.get("keys"):
        return _BASE.outcome(answer, arguments)
    told, unknown, refused = [], [], 0
    for item in Fields(answer).list("getVariableResult"):
        name, status = read(item), item.text("attributeStatus", "")
        if status == "Accepted":
            told.append(Told(name, str(item.raw("attributeValue") or ""), readable=True))
        elif status.startswith("Unknown"):
            unknown.append(name)
        else:
            refused += 1
    parts = ((len(told), "read"), (len(unknown), "unknown"), (refused, "refused"))
    words = ", ".join(f"{count} {word}" for count, word in parts if count or word == "read")
    state = CommandState.ACCEPTED if told else CommandState.REJECTED
    return Outcome(state, answer, f"Settings: {words}.", {"told": told, "unknown": unknown})


def _set(arguments: Arguments) -> Payload:
    listed = settings.pairs(arguments)
    return {"setVariableData": [attribute(k, attributeValue=v) for k, v in listed]}


def _changed(answer: Payload, arguments: Arguments) -> Outcome:
    """Match each result with what was asked: by its name, whatever the order (B05.FR.02)."""
    asked = {parse(key).key: (parse(key), value) for key, value in settings.pairs(arguments)}
    changed, sentences = [], []
    for item in Fields(answer).list("setVariableResult"):
        name, status = read(item), item.text("attributeStatus", "")
        if (found := asked.pop(name.key, None)) is None:
            continue
        verdict = CHANGES.get(status, "rejected")
        changed.append((*found, verdict))
        if verdict == "rejected":
            sentences.append(f"{found[0].text}: {_why(item) or status or 'no answer'}")
    good = sum(1 for *_, verdict in changed if verdict != "rejected")
    later = any(verdict == "reboot_required" for *_, verdict in changed)
    head = f"{good} of {len(changed) + len(asked)} settings taken"
    head += ", some after a restart." if later else "."
    state = CommandState.REJECTED if sentences or asked or not good else CommandState.ACCEPTED
    return Outcome(state, answer, " ".join([head, *sentences]), {"changed": changed})


def _why(item: Fields) -> str:
    info = item.child("attributeStatusInfo")
    parts = (item.text("attributeStatus"), info.text("reasonCode"), info.text("additionalInfo"))
    return ", ".join(part for part in parts if part)


def _base(arguments: Arguments) -> Payload:
    return {"requestId": arguments["request_id"], "reportBase": BASES[arguments["base"]]}


def _report(arguments: Arguments) -> Payload:
    return without_blanks(
        {
            "requestId": arguments["request_id"],
            "componentCriteria": [word.capitalize() for word in arguments.get("criteria", ())],
            "componentVariable": [chosen(key) for key in arguments.get("keys", ())],
        }
    )


def network(arguments: Arguments, versions: dict[str, str], default: str) -> Payload:
    """The connection data of a network profile; what 2.1 added is left out where not given."""
    return without_blanks(
        {
            "ocppVersion": versions[arguments.get("version", default)],
            "ocppTransport": "JSON",
            "ocppCsmsUrl": arguments["url"],
            "messageTimeout": arguments.get("timeout_s", 30),
            "securityProfile": arguments["security_profile"],
            "ocppInterface": arguments.get("interface", "wired0").capitalize(),
            "apn": arguments.get("apn"),
            "vpn": arguments.get("vpn"),
        }
    )


def _network(arguments: Arguments) -> Payload:
    data = network(arguments, VERSIONS, "2.0.1")
    return {"configurationSlot": arguments["slot"], "connectionData": data}


_BASE = Encoding("GetBaseReport", _base, REPORTED, REPORT)


ROUTES: dict[str, Route] = {
    "NotifyReport": Route(
        report,
        Long("reportData", 300, more="tbc"),
        asked_by=("GetBaseReport", "GetReport"),
        spooled=True,
    )
}

ORDERS: dict[Order, Encoding] = {
    Order.CHANGE_SETTING: Encoding("SetVariables", _set, decode=_changed),
    Order.READ_SETTINGS: Encoding(
        lambda given: "GetVariables" if given.get("keys") else "GetBaseReport",
        _read,
        decode=_settings,
    ),
    Order.READ_BASE_REPORT: _BASE,
    Order.READ_REPORT: Encoding("GetReport", _report, REPORTED, REPORT),
    Order.SET_NETWORK_PROFILE: Encoding(
        "SetNetworkProfile", _network, sentences={"Failed": "The charger could not store it."}
    ),
}
