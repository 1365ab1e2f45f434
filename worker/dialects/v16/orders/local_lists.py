"""Local authorisation lists (OCPP 1.6 sections 5.10 and 5.15)."""

from datetime import datetime
from typing import Any

from app.domain.ground.vocabulary import Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, accepted
from worker.ocpp.fields import format_instant

SENTENCES = {
    "Accepted": "The charger holds the list.",
    "Failed": "The charger could not take the list.",
    "NotSupported": "The charger keeps no list.",
    "VersionMismatch": "The charger holds another version, so a difference does not fit it.",
}
STATUSES = {"accepted": "Accepted", "blocked": "Blocked"}
UPDATES = {"full": "Full", "differential": "Differential"}
_LONGEST = 20


def _fits(entry: dict[str, Any]) -> bool:
    return len(entry["token"]) <= _LONGEST


def _entry(entry: dict[str, Any]) -> Payload:
    info: Payload = {"status": STATUSES[entry["status"]]}
    if entry.get("expires_at"):
        info["expiryDate"] = format_instant(datetime.fromisoformat(entry["expires_at"]))
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
        words = {0: "The charger holds no list.", -1: "The charger keeps no list."}
        sentence = words.get(number, f"The charger holds version {number} of its list.")
        return accepted(answer, sentence, {"version": number})

    return Encoding("GetLocalListVersion", lambda given: {}, decode=decode)


ORDERS: dict[Order, Encoding] = {
    Order.SEND_LOCAL_LIST: Encoding("SendLocalList", _send, sentences=SENTENCES, facts=_facts),
    Order.READ_LOCAL_LIST_VERSION: version_from("listVersion"),
}
