"""Settings and the device model (OCPP 2.0.1 blocks B05 to B09)."""

from app.domain.device import settings
from app.domain.device.device_model import Told
from app.domain.device.variable_names import parse
from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Payload, without_blanks
from worker.dialects.v201 import variables
from worker.ocpp.fields import Fields

#: What became of a change, in the domain's words.
VERDICTS = {"Accepted": "accepted", "RebootRequired": "reboot_required"}
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


def _action(arguments: Arguments) -> str:
    return "GetVariables" if arguments.get("keys") else "GetBaseReport"


def _read(arguments: Arguments) -> Payload:
    """Ask for some variables; for all that can be set, a report is the way (B07)."""
    if not arguments.get("keys"):
        return _base({**arguments, "base": "configuration"})
    return {"getVariableData": [variables.attribute(key) for key in arguments["keys"]]}


def _told(answer: Payload, arguments: Arguments) -> Outcome:
    if not arguments.get("keys"):
        return _BASE.outcome(answer, arguments)
    told, unknown, refused = [], [], 0
    for item in Fields(answer).list("getVariableResult"):
        name, status = variables.read(item), item.text("attributeStatus", "")
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
    return {"setVariableData": [variables.attribute(k, attributeValue=v) for k, v in listed]}


def _changed(answer: Payload, arguments: Arguments) -> Outcome:
    """Match each result with what was asked: by its name, whatever the order (B05.FR.02)."""
    asked = {parse(key).key: (parse(key), value) for key, value in settings.pairs(arguments)}
    changed, sentences = [], []
    for item in Fields(answer).list("setVariableResult"):
        name, status = variables.read(item), item.text("attributeStatus", "")
        if (found := asked.pop(name.key, None)) is None:
            continue
        verdict = VERDICTS.get(status, "rejected")
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
            "componentVariable": [variables.chosen(key) for key in arguments.get("keys", ())],
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

ORDERS: dict[Order, Encoding] = {
    Order.CHANGE_SETTING: Encoding("SetVariables", _set, decode=_changed),
    Order.READ_SETTINGS: Encoding(_action, _read, decode=_told),
    Order.READ_BASE_REPORT: _BASE,
    Order.READ_REPORT: Encoding("GetReport", _report, REPORTED, REPORT),
    Order.SET_NETWORK_PROFILE: Encoding(
        "SetNetworkProfile", _network, sentences={"Failed": "The charger could not store it."}
    ),
}
