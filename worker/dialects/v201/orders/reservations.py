"""Reservations (OCPP 2.0.1 block H)."""

from datetime import datetime

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload, Unfit
from worker.dialects.v16.orders.reservations import CANCELS, REFUSALS
from worker.dialects.v201 import tokens
from worker.ocpp.fields import format_instant

PLUG_TYPES: dict[str, str] = {
    "type_1": "cType1",
    "type_2": "cType2",
    "type_2_socket": "sType2",
    "type_3_socket": "sType3",
    "ccs_1": "cCCS1",
    "ccs_2": "cCCS2",
    "chademo": "cG105",
    "nacs": "cTesla",
    "schuko": "sCEE-7-7",
    "inductive": "wInductive",
    "pantograph": "Pan",
}


def reserve_as(kinds: dict[str, str], longest: int, plug_types: dict[str, str]) -> Encoding:
    """The reservation with the tokens and plugs that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        plug_type = arguments.get("plug_type")
        if plug_type and plug_type not in plug_types:
            raise Unfit("This version of OCPP has no word for that kind of plug.")
        kind = arguments.get("token_kind", "id_tag")
        payload: Payload = {
            "id": arguments["reservation_id"],
            "expiryDateTime": format_instant(datetime.fromisoformat(arguments["expires_at"])),
            "idToken": tokens.id_token(arguments["token"], kind, kinds, longest),
        }
        if plug_type:
            payload["connectorType"] = plug_types[plug_type]
        if arguments.get("connector"):
            payload["evseId"] = arguments["connector"]
        if arguments.get("group_token"):
            payload["groupIdToken"] = tokens.group_id_token(arguments["group_token"])
        return payload

    return Encoding("ReserveNow", encode, sentences=REFUSALS)


ORDERS: dict[Order, Encoding] = {
    Order.RESERVE: reserve_as(tokens.KINDS, tokens.LONGEST, PLUG_TYPES),
    Order.CANCEL_RESERVATION: Encoding(
        "CancelReservation",
        lambda given: {"reservationId": given["reservation_id"]},
        sentences=CANCELS,
    ),
}
