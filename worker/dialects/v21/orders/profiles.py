"""Charging profiles and energy (OCPP 2.1 blocks K, Q and R): 2.0.1's and what came new."""

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, without_blanks
from worker.dialects.rates import moment, rate
from worker.dialects.v21 import der
from worker.dialects.v21.charging_profile import RATES, WORDS
from worker.dialects.v201.orders import profiles as v201

TRANSFERS = {
    "ac_single_phase": "AC_single_phase",
    "ac_two_phase": "AC_two_phase",
    "ac_three_phase": "AC_three_phase",
    "ac_bpt": "AC_BPT",
    "ac_bpt_der": "AC_BPT_DER",
    "ac_der": "AC_DER",
    "dc": "DC",
    "dc_bpt": "DC_BPT",
    "dc_acdp": "DC_ACDP",
    "dc_acdp_bpt": "DC_ACDP_BPT",
    "wpt": "WPT",
}
_NAMES = {"limit": "limit", **RATES}
_NOT_KNOWN = {
    "NotSupported": "The charger knows no control of this kind.",
    "NotFound": "The charger has no such control.",
}


def _update(arguments: Arguments) -> Payload:
    update = {_NAMES[name]: rate(value) for name, value in arguments["update"].items()}
    return {"chargingProfileId": arguments["number"], "scheduleUpdate": update}


def _priority(arguments: Arguments) -> Payload:
    return {"transactionId": arguments["transaction_ref"], "activate": arguments["active"]}


def _transfer(arguments: Arguments) -> Payload:
    allowed = [TRANSFERS[word] for word in arguments["transfers"]]
    return {"transactionId": arguments["transaction_ref"], "allowedEnergyTransfer": allowed}


def _signal(arguments: Arguments) -> Payload:
    return {"timestamp": moment(arguments["at"]), "signal": arguments["signal"]}


def _set_control(arguments: Arguments) -> Payload:
    kind = arguments["kind"]
    return {
        "isDefault": bool(arguments.get("default")),
        "controlId": arguments["control"],
        "controlType": der.TYPES[kind],
        der.HOLDERS[kind]: der.written(der.shape_of(kind), arguments["document"]),
    }


def _control(arguments: Arguments) -> Payload:
    kind = arguments.get("kind")
    return without_blanks(
        {
            "requestId": arguments.get("number"),
            "isDefault": arguments.get("default"),
            "controlType": der.TYPES[kind] if kind else None,
            "controlId": arguments.get("control"),
        }
    )


def _clear_control(arguments: Arguments) -> Payload:
    return {"isDefault": bool(arguments.get("default")), **_control(arguments)}


def _superseded(answer: Payload, arguments: Arguments) -> Facts:
    return {"superseded": [str(number) for number in answer.get("supersededIds") or ()]}


ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
    **v201.table(WORDS),
    Order.UPDATE_DYNAMIC_SCHEDULE: Encoding("UpdateDynamicSchedule", _update),
    Order.USE_PRIORITY_CHARGING: Encoding(
        "UsePriorityCharging",
        _priority,
        sentences={"NoProfile": "The charger has no profile for priority charging."},
    ),
    Order.ALLOW_ENERGY_TRANSFER: Encoding("NotifyAllowedEnergyTransfer", _transfer),
    Order.SEND_AFRR_SIGNAL: Encoding("AFRRSignal", _signal),
    Order.SET_DER_CONTROL: Encoding(
        "SetDERControl", _set_control, sentences=_NOT_KNOWN, facts=_superseded
    ),
    Order.READ_DER_CONTROL: Encoding("GetDERControl", _control, sentences=_NOT_KNOWN),
    Order.CLEAR_DER_CONTROL: Encoding("ClearDERControl", _clear_control, sentences=_NOT_KNOWN),
}
