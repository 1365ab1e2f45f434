"""Local authorisation lists (OCPP 2.0.1 block D)."""

from datetime import datetime
from typing import Any

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, Unfit
from worker.dialects.v16.orders.local_lists import SENTENCES, STATUSES, UPDATES, version_from
from worker.dialects.v201 import tokens
from worker.ocpp.fields import format_instant


def _info(entry: dict[str, Any]) -> Payload:
    info: Payload = {"status": STATUSES[entry["status"]]}
    if entry.get("expires_at"):
        expires_at = datetime.fromisoformat(entry["expires_at"])
        info["cacheExpiryDateTime"] = format_instant(expires_at)
    if entry.get("parent"):
        info["groupIdToken"] = tokens.group_id_token(entry["parent"])
    return info


def send_as(kinds: dict[str, str], longest: int) -> Encoding:
    """The list with the tokens that a version knows; others are left out and named as untold."""

    def token(entry: dict[str, Any]) -> Payload | None:
        try:
            return tokens.id_token(entry["token"], entry.get("kind", "id_tag"), kinds, longest)
        except Unfit:
            return None

    def encode(arguments: Arguments) -> Payload:
        rows: list[Payload] = [
            {"idToken": spelled} for entry in arguments["removed"] if (spelled := token(entry))
        ]
        rows += [
            {"idToken": spelled, "idTokenInfo": _info(entry)}
            for entry in arguments["entries"]
            if (spelled := token(entry))
        ]
        payload: Payload = {"localAuthorizationList": rows} if rows else {}
        payload["versionNumber"] = arguments["version"]
        payload["updateType"] = UPDATES[arguments["update"]]
        return payload

    def facts(answer: Payload, arguments: Arguments) -> Facts:
        del answer
        return {"untold": [one["token"] for one in arguments["entries"] if token(one) is None]}

    return Encoding("SendLocalList", encode, sentences=SENTENCES, facts=facts)


ORDERS: dict[Order, Encoding] = {
    Order.SEND_LOCAL_LIST: send_as(tokens.KINDS, tokens.LONGEST),
    Order.READ_LOCAL_LIST_VERSION: version_from("versionNumber"),
}
