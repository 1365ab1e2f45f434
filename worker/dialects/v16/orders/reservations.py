"""Reservations (OCPP 1.6 sections 5.1 and 5.13)."""

from datetime import datetime

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload, Unfit, without_blanks
from worker.ocpp.fields import format_instant

#: Why a plug cannot be kept, the same words in every version.
REFUSALS = {
    "Accepted": "The charger keeps the connector.",
    "Faulted": "The connector is faulted, so the charger cannot keep it.",
    "Occupied": "The connector is occupied or kept for somebody else.",
    "Rejected": "The charger takes no such reservations.",
    "Unavailable": "The connector is out of service, so the charger cannot keep it.",
}
CANCELS = {
    "Accepted": "The charger let the connector go.",
    "Rejected": "The charger keeps no such reservation.",
}
_LONGEST = 20


def _reserve(arguments: Arguments) -> Payload:
    token = str(arguments["token"])
    if len(token) > _LONGEST:
        raise Unfit(f"The tag {token[:40]} is longer than the {_LONGEST} characters of OCPP 1.6.")
    return without_blanks(
        {
            "connectorId": arguments.get("connector", 0),
            "expiryDate": format_instant(datetime.fromisoformat(arguments["expires_at"])),
            "idTag": token,
            "parentIdTag": (arguments.get("group_token") or "")[:_LONGEST],
            "reservationId": arguments["reservation_id"],
        }
    )


ORDERS: dict[Order, Encoding] = {
    Order.RESERVE: Encoding("ReserveNow", _reserve, sentences=REFUSALS),
    Order.CANCEL_RESERVATION: Encoding(
        "CancelReservation",
        lambda given: {"reservationId": given["reservation_id"]},
        sentences=CANCELS,
    ),
}
