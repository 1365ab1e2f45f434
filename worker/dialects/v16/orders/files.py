"""Firmware and logs (OCPP 1.6 sections 5.12 and 5.19; security whitepaper sections 4 and 5)."""

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects import file_words
from worker.dialects.encoding import Arguments, Encoding, Payload, Unfit, without_blanks

#: The longest address of the security extension; 1.6 itself names no limit.
_LONGEST_URL = 512
_LOGS = frozenset({"diagnostics", "security_log"})


def _is_signed(arguments: Arguments) -> bool:
    return "signature" in arguments


def _update(arguments: Arguments) -> Payload:
    if _is_signed(arguments):
        payload = {
            "requestId": arguments["request_id"],
            "firmware": file_words.firmware(arguments, _LONGEST_URL),
            **file_words.tries(arguments),
        }
        return without_blanks(payload)
    if arguments.get("install_at"):
        raise Unfit("OCPP 1.6 cannot say when unsigned firmware is to be installed.")
    payload = {
        "location": arguments["location"],
        "retrieveDate": file_words.wire_time(arguments["retrieve_at"]),
        **file_words.tries(arguments),
    }
    return without_blanks(payload)


def _update_outcome(answer: Payload, arguments: Arguments) -> Outcome:
    """UpdateFirmware is answered with nothing; its signed sister with a status."""
    status = str(answer.get("status", ""))
    if not status and not _is_signed(arguments):
        return Outcome(CommandState.ACCEPTED, answer, "The charger will fetch it.")
    good = status in file_words.GOOD
    default = "The charger accepted." if good else f"The charger answered {status or 'nothing'}."
    state = CommandState.ACCEPTED if good else CommandState.REJECTED
    sentence = file_words.SENTENCES.get(status, default)
    return Outcome(state, answer, sentence, word=status)


def _as_get_log(arguments: Arguments) -> bool:
    return bool(arguments.get("extended")) or arguments["kind"] != "diagnostics"


def _logs(arguments: Arguments) -> Payload:
    if _as_get_log(arguments):
        return file_words.get_log(arguments, _LOGS, _LONGEST_URL)
    return without_blanks(
        {
            "location": arguments["location"],
            **file_words.tries(arguments),
            "startTime": file_words.wire_time(arguments.get("oldest")),
            "stopTime": file_words.wire_time(arguments.get("latest")),
        }
    )


def _logs_outcome(answer: Payload, arguments: Arguments) -> Outcome:
    """GetDiagnostics is answered with the name of a file, or with nothing where there is none."""
    if _as_get_log(arguments):
        return file_words.log_outcome(answer, arguments)
    name = str(answer.get("fileName") or "").strip()
    if not name:
        sentence = "The charger names no file: it may have nothing to bring."
        return Outcome(CommandState.ACCEPTED, answer, sentence)
    facts = {"file_name": name}
    return Outcome(CommandState.ACCEPTED, answer, "The charger will bring it.", facts)


ORDERS: dict[Order, Encoding] = {
    Order.UPDATE_FIRMWARE: Encoding(
        lambda given: "SignedUpdateFirmware" if _is_signed(given) else "UpdateFirmware",
        _update,
        decode=_update_outcome,
    ),
    Order.FETCH_LOGS: Encoding(
        lambda given: "GetLog" if _as_get_log(given) else "GetDiagnostics",
        _logs,
        decode=_logs_outcome,
    ),
}
