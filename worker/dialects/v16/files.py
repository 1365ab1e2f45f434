"""Firmware, logs, certificates (OCPP 1.6 4.4, 4.5, 5.9, 5.19; security whitepaper 4 and 5)."""

from app.domain.device import file_jobs
from app.domain.ground.vocabulary import Arguments, CommandState, Facts, Order, Outcome
from app.domain.trust import certificates
from worker.dialects import files
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Route, Unfit, status, without_blanks
from worker.dialects.shared import read_hash_data, root_orders, wire_time
from worker.ocpp.fields import Fields

diagnostics_status = files.heard("diagnostics", file_jobs.LOGS)
firmware_status = files.heard("firmware", file_jobs.FIRMWARE)
log_status = files.heard("log", file_jobs.LOGS)
signed_firmware_status = files.heard("firmware", file_jobs.FIRMWARE)


#: The longest address of the security extension; 1.6 itself names no limit.
_LONGEST_URL = 512
_LOGS = frozenset({"diagnostics", "security_log"})


def _is_signed(arguments: Arguments) -> bool:
    return "signature" in arguments


def _update(arguments: Arguments) -> Payload:
    if _is_signed(arguments):
        return files.update(arguments, _LONGEST_URL)
    if arguments.get("install_at"):
        raise Unfit("OCPP 1.6 cannot say when unsigned firmware is to be installed.")
    payload = {
        "location": arguments["location"],
        "retrieveDate": wire_time(arguments["retrieve_at"]),
        **files.tries(arguments),
    }
    return without_blanks(payload)


def _update_outcome(answer: Payload, arguments: Arguments) -> Outcome:
    """UpdateFirmware is answered with nothing; its signed sister with a status."""
    status = str(answer.get("status", ""))
    if not status and not _is_signed(arguments):
        return Outcome(CommandState.ACCEPTED, answer, "The charger will fetch it.")
    good = status in files.GOOD
    default = "The charger accepted." if good else f"The charger answered {status or 'nothing'}."
    state = CommandState.ACCEPTED if good else CommandState.REJECTED
    sentence = files.SENTENCES.get(status, default)
    return Outcome(state, answer, sentence, word=status)


def _as_get_log(arguments: Arguments) -> bool:
    return bool(arguments.get("extended")) or arguments["kind"] != "diagnostics"


def _logs(arguments: Arguments) -> Payload:
    if _as_get_log(arguments):
        return files.get_log(arguments, _LOGS, _LONGEST_URL)
    return without_blanks(
        {
            "location": arguments["location"],
            **files.tries(arguments),
            "startTime": wire_time(arguments.get("oldest")),
            "stopTime": wire_time(arguments.get("latest")),
        }
    )


def _logs_outcome(answer: Payload, arguments: Arguments) -> Outcome:
    """GetDiagnostics is answered with the name of a file, or with nothing where there is none."""
    if _as_get_log(arguments):
        return files.log_outcome(answer, arguments)
    name = str(answer.get("fileName") or "").strip()
    if not name:
        sentence = "The charger names no file: it may have nothing to bring."
        return Outcome(CommandState.ACCEPTED, answer, sentence)
    facts = {"file_name": name}
    return Outcome(CommandState.ACCEPTED, answer, "The charger will bring it.", facts)


# Certificates, security events, the password (OCPP 1.6 security whitepaper, sections 4 and 5).

#: The two kinds of roots that 1.6 knows; the rest cannot be put.
ROOTS = {
    "csms_root": "CentralSystemRootCertificate",
    "manufacturer_root": "ManufacturerRootCertificate",
}


def _use(arguments: Arguments) -> str:
    """1.6 lists one kind at a time; without a wish it is ours."""
    return str((arguments.get("uses") or ["csms_root"])[0])


def _listed(answer: Payload, arguments: Arguments) -> Outcome:
    use = _use(arguments)
    found = [{"use": use, **read_hash_data(one)} for one in answer.get("certificateHashData") or ()]
    facts: Facts = {"certificates": found, "uses": [use]}
    sentence = f"{len(found)} certificates listed." if found else "The charger has none of these."
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts, str(answer.get("status", "")))


def sign_certificate(call: Fields, ctx: Context) -> Payload:
    """Take in a signing request; the certificate follows by CertificateSigned (whitepaper A02)."""
    row = certificates.request_signature(
        ctx.db, ctx.station, call.text("csr", ""), "station", None, now=ctx.now
    )
    return {"status": "Rejected" if row.state == "rejected" else "Accepted"}


ROUTES: dict[str, Route] = {
    "DiagnosticsStatusNotification": Route(
        diagnostics_status, asked_by=("GetDiagnostics",), spooled=True
    ),
    "FirmwareStatusNotification": Route(
        firmware_status, asked_by=("UpdateFirmware",), spooled=True
    ),
    "LogStatusNotification": Route(log_status, asked_by=("GetLog",), spooled=True),
    "SignedFirmwareStatusNotification": Route(
        signed_firmware_status, asked_by=("SignedUpdateFirmware",), spooled=True
    ),
    "SecurityEventNotification": Route(files.security_event, spooled=True),
    "SignCertificate": Route(
        sign_certificate,
        asked_by=("SignChargePointCertificate",),
        without_storage=status("Accepted"),
        spooled=True,
    ),
}


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
    **root_orders(ROOTS),
    Order.READ_CERTIFICATES: Encoding(
        "GetInstalledCertificateIds",
        lambda given: {"certificateType": ROOTS[_use(given)]},
        decode=_listed,
    ),
    Order.SEND_CERTIFICATE: Encoding(
        "CertificateSigned",
        lambda given: {"certificateChain": given["chain"]},
        sentences={"Rejected": "The charger refused the certificate."},
    ),
    Order.CHANGE_PASSWORD: Encoding(
        "ChangeConfiguration",
        # The octets in hexadecimal (FIELD A1): what we make is hexadecimal already.
        lambda given: {"key": "AuthorizationKey", "value": given["password"]},
        frozenset({"Accepted", "RebootRequired"}),
        {
            "Accepted": "The charger took the new password; it comes back with it.",
            "RebootRequired": "The charger took the new password and uses it after a restart.",
            "NotSupported": "The charger lets nobody change its password.",
        },
    ),
}
