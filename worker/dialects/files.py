"""What all versions say of firmware, logs and security: their words, and orders of files."""

from collections.abc import Callable
from datetime import datetime

from app.domain.charging import reports
from app.domain.device import file_jobs
from app.domain.device.file_jobs import FileStatus
from app.domain.ground.vocabulary import Arguments, CommandState, FileJobKind, FileStep, Outcome
from worker.dialects.context import Context, Payload
from worker.dialects.records import Unfit, without_blanks
from worker.dialects.shared import wire_time
from worker.ocpp.fields import Fields

#: 1.6 knows some of these words, its security extension and 2.x all of them.
STEPS: dict[str, FileStep] = {
    "Idle": FileStep.IDLE,
    "DownloadScheduled": FileStep.DOWNLOAD_SCHEDULED,
    "Downloading": FileStep.DOWNLOADING,
    "DownloadPaused": FileStep.DOWNLOAD_PAUSED,
    "Downloaded": FileStep.DOWNLOADED,
    "DownloadFailed": FileStep.DOWNLOAD_FAILED,
    "SignatureVerified": FileStep.SIGNATURE_VERIFIED,
    "InvalidSignature": FileStep.INVALID_SIGNATURE,
    "InstallScheduled": FileStep.INSTALL_SCHEDULED,
    "Installing": FileStep.INSTALLING,
    "InstallRebooting": FileStep.INSTALL_REBOOTING,
    "InstallVerificationFailed": FileStep.INSTALL_VERIFICATION_FAILED,
    "InstallationFailed": FileStep.INSTALLATION_FAILED,
    "Installed": FileStep.INSTALLED,
    "ChecksumVerified": FileStep.CHECKSUM_VERIFIED,
    "InvalidChecksum": FileStep.INVALID_CHECKSUM,
    "Published": FileStep.PUBLISHED,
    "PublishFailed": FileStep.PUBLISH_FAILED,
    "Uploading": FileStep.UPLOADING,
    "Uploaded": FileStep.UPLOADED,
    "UploadFailed": FileStep.UPLOAD_FAILED,
    "UploadFailure": FileStep.UPLOAD_FAILED,
    "BadMessage": FileStep.BAD_MESSAGE,
    "NotSupportedOperation": FileStep.NOT_SUPPORTED,
    "PermissionDenied": FileStep.PERMISSION_DENIED,
    "AcceptedCanceled": FileStep.CANCELLED,
}

_FOLDED = {word.casefold(): step for word, step in STEPS.items()}

LOG_TYPES = {
    "diagnostics": "DiagnosticsLog",
    "security_log": "SecurityLog",
    "data_collector_log": "DataCollectorLog",
}

#: What is a yes to an order of a file, and what the other answers mean.
GOOD = frozenset({"Accepted", "AcceptedCanceled"})
SENTENCES = {
    "AcceptedCanceled": "The charger accepted, and gave up what it was doing before.",
    "InvalidCertificate": "The charger does not trust the certificate of this firmware.",
    "RevokedCertificate": "The certificate of this firmware was revoked, the charger says.",
}


def status_of(
    call: Fields, family: frozenset[FileJobKind], now: datetime, note: str = ""
) -> FileStatus:
    """A status notification of any version; an id of 0 or less stands for none."""
    word = call.text("status", "")
    number = call.integer("requestId")
    info = call.child("statusInfo")  # 2.1
    why = ", ".join(filter(None, (info.text("reasonCode"), info.text("additionalInfo"))))
    return FileStatus(
        family,
        _FOLDED.get(word.casefold()),
        word,
        now,
        request_id=number if number and number > 0 else None,
        note=note or (f"It says: {why}." if why else ""),
        payload=dict(call.payload),
    )


def heard(kind: str, family: frozenset[FileJobKind]) -> Callable[[Fields, Context], Payload]:
    """Make a handler that passes on how a firmware or log job gets on."""

    def handle(call: Fields, ctx: Context) -> Payload:
        status = status_of(call, family, ctx.now)
        file_jobs.heard(ctx.db, ctx.station, status, kind=kind, now=ctx.now)
        return {}

    handle.__doc__ = f"Pass on how a job gets on; one that fits none is a report of {kind}."
    return handle


def security_event(call: Fields, ctx: Context) -> Payload:
    """Keep a security event; grave ones alarm (whitepaper A04, 2.0.1 A04)."""
    at, _ = ctx.instant(call, "timestamp")
    told = call.text("type", ""), dict(call.payload)
    reports.add(ctx.db, ctx.station, reports.SECURITY, *told, at=at, now=ctx.now)
    return {}


def tries(arguments: Arguments) -> Payload:
    """How often, and with which pause, the station tries again by itself."""
    return {"retries": arguments.get("retries"), "retryInterval": arguments.get("retry_interval_s")}


def location(arguments: Arguments, most: int) -> str:
    """The address, of at most as many characters as the version allows."""
    found = str(arguments["location"])
    if len(found) > most:
        raise Unfit(f"The address is longer than the {most} characters that it may have here.")
    return found


def update(arguments: Arguments, most: int) -> Payload:
    """A signed update, and every update of 2.x."""
    firmware: Payload = {
        "location": location(arguments, most),
        "retrieveDateTime": wire_time(arguments["retrieve_at"]),
        "installDateTime": wire_time(arguments.get("install_at")),
        "signingCertificate": arguments.get("signing_certificate"),
        "signature": arguments.get("signature"),
    }
    return without_blanks(
        {
            "requestId": arguments["request_id"],
            "firmware": without_blanks(firmware),
            **tries(arguments),
        }
    )


def get_log(arguments: Arguments, kinds: frozenset[str], most: int) -> Payload:
    """GetLog, for the kinds of log that a version knows."""
    if arguments["kind"] not in kinds:
        raise Unfit("This version of OCPP knows no such log.")
    log: Payload = {
        "remoteLocation": location(arguments, most),
        "oldestTimestamp": wire_time(arguments.get("oldest")),
        "latestTimestamp": wire_time(arguments.get("latest")),
    }
    return without_blanks(
        {
            "log": without_blanks(log),
            "logType": LOG_TYPES[arguments["kind"]],
            "requestId": arguments["request_id"],
            **tries(arguments),
        }
    )


def log_outcome(answer: Payload, arguments: Arguments) -> Outcome:
    """What the answer to GetLog means; the file's name is a fact."""
    del arguments
    status = str(answer.get("status", ""))
    name = answer.get("filename")
    facts = {"file_name": str(name)} if name else {}
    if status not in GOOD:
        said = f"The charger answered {status or 'nothing'}."
        return Outcome(CommandState.REJECTED, answer, said, facts, status)
    sentence = SENTENCES.get(status, "The charger accepted.")
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts, status)
