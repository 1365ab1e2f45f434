"""The raw order, the same in every version: what was written is what is sent."""

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Payload


def _action(arguments: Arguments) -> str:
    return str(arguments["action"])


def _payload(arguments: Arguments) -> Payload:
    return dict(arguments["payload"])


def _decoded(answer: Payload, arguments: Arguments) -> Outcome:
    """An answer is an answer; only a status that is plainly a no counts as one."""
    status = str(answer.get("status", ""))
    refused = status in {"Rejected", "Failed", "NotSupported", "UnlockFailed", "Invalid"}
    state = CommandState.REJECTED if refused else CommandState.ACCEPTED
    return Outcome(state, answer, f"The charger answered {status or 'as shown'}.", {}, status)


ORDERS: dict[Order, Encoding] = {Order.RAW: Encoding(_action, _payload, decode=_decoded)}
