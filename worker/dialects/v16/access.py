"""Taps, local lists and reservations (OCPP 1.6 sections 4.1, 5.1, 5.10, 5.13 and 5.15)."""

from app.domain.access.authorisation import AUTHORIZE, Tap, decide_all
from app.domain.ground.vocabulary import Arguments, Decision, Facts, Json, Order, Outcome, Token
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Fact, Route, Unfit, accepted, without_blanks
from worker.dialects.shared import VERDICTS, was_let_in, wire_time
from worker.ocpp.fields import Fields, format_instant


def _tap(call: Fields, ctx: Context) -> Tap:
    """Read a tap."""
    token = Token(call.text("idTag", ""))
    return Tap(ctx.station, token, AUTHORIZE, ctx.now, let_in=was_let_in(ctx, "idTagInfo"))


def _answer(decision: Decision, ctx: Context) -> Payload:
    return {"idTagInfo": id_tag_info(decision)}


authorize = Fact(_tap, decide_all, _answer)


def _from_memory(call: Fields, ctx: Context) -> Payload | None:
    """The answer by what was known last; none to what is on no list, for it would be kept there."""
    decision = ctx.memory.decide(_tap(call, ctx))
    return None if decision is None else _answer(decision, ctx)


def id_tag_info(decision: Decision) -> Payload:
    """Spell a decision; optional members are left out when they say nothing (FIELD X12)."""
    info: Payload = {"status": VERDICTS[decision.verdict]}
    if decision.expires_at is not None:
        info["expiryDate"] = format_instant(decision.expires_at)
    if decision.parent:
        info["parentIdTag"] = decision.parent[:20]
    return info


# Local authorisation lists (OCPP 1.6 sections 5.10 and 5.15).

SENTENCES = {
    "Accepted": "The charger holds the list.",
    "Failed": "The charger could not take the list.",
    "NotSupported": "The charger keeps no list.",
    "VersionMismatch": "The charger holds another version, so a difference does not fit it.",
}
STATUSES = {"accepted": "Accepted", "blocked": "Blocked"}
UPDATES = {"full": "Full", "differential": "Differential"}
_LONGEST = 20


def _fits(entry: Json) -> bool:
    return len(entry["token"]) <= _LONGEST


def _entry(entry: Json) -> Payload:
    info: Payload = {"status": STATUSES[entry["status"]]}
    if entry.get("expires_at"):
        info["expiryDate"] = wire_time(entry["expires_at"])
    if entry.get("parent"):
        info["parentIdTag"] = entry["parent"][:_LONGEST]
    return {"idTag": entry["token"], "idTagInfo": info}


def _send(arguments: Arguments) -> Payload:
    """An entry without information is one to be forgotten."""
    told = [_entry(entry) for entry in arguments["entries"] if _fits(entry)]
    gone = [{"idTag": entry["token"]} for entry in arguments["removed"] if _fits(entry)]
    payload: Payload = {"listVersion": arguments["version"]}
    if told or gone:
        payload["localAuthorizationList"] = [*gone, *told]
    payload["updateType"] = UPDATES[arguments["update"]]
    return payload


def _facts(answer: Payload, arguments: Arguments) -> Facts:
    untold = [entry["token"] for entry in arguments["entries"] if not _fits(entry)]
    return {"untold": untold, "unsupported": answer.get("status") == "NotSupported"}


def version_from(member: str) -> Encoding:
    """The question for the list's version, which the answer holds under `member`."""

    def decode(answer: Payload, arguments: Arguments) -> Outcome:
        del arguments
        number = int(answer[member])
        if abs(number) >= 1 << 31:
            raise ValueError("no version of a list is that long")
        told = {0: "The charger holds no list.", -1: "The charger keeps no list."}
        sentence = told.get(number, f"The charger holds version {number} of its list.")
        return accepted(answer, sentence, {"version": number})

    return Encoding("GetLocalListVersion", lambda given: {}, decode=decode)


# Reservations (OCPP 1.6 sections 5.1 and 5.13).

#: Why a plug cannot be kept, the same words in every version.
REFUSALS = {
    "Accepted": "The charger keeps the connector.",
    "Faulted": "The connector is faulted, so the charger cannot keep it.",
    "Occupied": "The connector is occupied or kept for somebody else.",
    "Rejected": "The charger does not accept such reservations.",
    "Unavailable": "The connector is out of service, so the charger cannot keep it.",
}
CANCEL = Encoding(
    "CancelReservation",
    lambda given: {"reservationId": given["reservation_id"]},
    sentences={
        "Accepted": "The charger let the connector go.",
        "Rejected": "The charger keeps no such reservation.",
    },
)


def _reserve(arguments: Arguments) -> Payload:
    token = str(arguments["token"])
    if len(token) > _LONGEST:
        raise Unfit(f"The tag {token[:40]} is longer than the {_LONGEST} characters of OCPP 1.6.")
    return without_blanks(
        {
            "connectorId": arguments.get("connector", 0),
            "expiryDate": wire_time(arguments["expires_at"]),
            "idTag": token,
            "parentIdTag": (arguments.get("group_token") or "")[:_LONGEST],
            "reservationId": arguments["reservation_id"],
        }
    )


ROUTES: dict[str, Route] = {
    "Authorize": Route(authorize, afresh=True, without_storage=_from_memory, spooled=True)
}

ORDERS: dict[Order, Encoding] = {
    Order.SEND_LOCAL_LIST: Encoding("SendLocalList", _send, sentences=SENTENCES, facts=_facts),
    Order.READ_LOCAL_LIST_VERSION: version_from("listVersion"),
    Order.RESERVE: Encoding("ReserveNow", _reserve, sentences=REFUSALS),
    Order.CANCEL_RESERVATION: CANCEL,
}
