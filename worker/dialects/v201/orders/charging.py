"""Remote start and stop, transactions, cost (OCPP 2.0.1 F01 to F04, E14, I02)."""

from typing import Any

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, accepted, without_blanks
from worker.dialects.v201 import charging_profile, tokens
from worker.dialects.v201.charging_profile import WORDS, Words


def start_as(kinds: dict[str, str], longest: int, words: Words = WORDS) -> Encoding:
    """The remote start with the tokens and profiles that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        kind = arguments.get("token_kind", "id_tag")
        payload: Payload = {
            "remoteStartId": arguments["remote_start_id"],
            "idToken": tokens.id_token(arguments["token"], kind, kinds, longest),
        }
        if arguments.get("connector"):
            payload["evseId"] = arguments["connector"]
        if arguments.get("group_token"):
            payload["groupIdToken"] = tokens.group_id_token(arguments["group_token"])
        if profile := arguments.get("profile"):
            number = arguments["number"]
            payload["chargingProfile"] = charging_profile.written(number, profile, None, words)
        return payload

    return Encoding("RequestStartTransaction", encode, facts=_started)


def _started(answer: Payload, arguments: Arguments) -> Facts:
    """The transaction that runs already, where the station names one (F01.FR.13)."""
    del arguments
    reference: Any = answer.get("transactionId")
    return {"transaction_ref": str(reference)} if reference else {}


def _status(answer: Payload, arguments: Arguments) -> Outcome:
    """Read how a transaction stands; without one asked for there is only what waits (E14)."""
    waiting = bool(answer.get("messagesInQueue"))
    ongoing = answer.get("ongoingIndicator")
    facts: Facts = {"messages_waiting": waiting}
    words = "Messages about it wait at the charger." if waiting else "No messages wait."
    if ongoing is not None and arguments.get("transaction_ref"):
        facts["ongoing"] = bool(ongoing)
        words = f"It is {'going on' if ongoing else 'over'}. {words}"
    return Outcome(CommandState.ACCEPTED, answer, words, facts)


def _cost(arguments: Arguments) -> Payload:
    return {
        "totalCost": float(arguments["total_cost"]),
        "transactionId": arguments["transaction_ref"],
    }


ORDERS: dict[Order, Encoding] = {
    Order.START_CHARGING: start_as(tokens.KINDS, tokens.LONGEST),
    Order.STOP_CHARGING: Encoding(
        "RequestStopTransaction", lambda given: {"transactionId": given["transaction_ref"]}
    ),
    Order.READ_TRANSACTION_STATUS: Encoding(
        "GetTransactionStatus",
        lambda given: without_blanks({"transactionId": given.get("transaction_ref")}),
        decode=_status,
    ),
    Order.SEND_COST: Encoding(
        "CostUpdated",
        _cost,
        decode=lambda answer, given: accepted(answer, "The charger knows the cost so far."),
    ),
}
