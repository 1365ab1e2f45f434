"""What all versions say alike: boots, heartbeats, readings, certificates, files, rates."""

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from app.domain.charging import reports
from app.domain.device import boots
from app.domain.device.boots import Booted
from app.domain.device.file_jobs import FileStatus
from app.domain.ground.vocabulary import (
    Arguments,
    BootReport,
    CommandState,
    FileJobKind,
    FileStep,
    Json,
    MeterReport,
    Order,
    Outcome,
    Registration,
    Sample,
)
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Fact, Unfit, without_blanks
from worker.ocpp.fields import Fields, format_instant, read_instant

#: Heartbeats of a fleet that booted at once spread by this share.
JITTER = 0.1

#: How a registration is spelled (1.6 section 7.44, 2.0.1 RegistrationStatusEnumType).
WORDS: dict[Registration, str] = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
    # A blocked station is turned away before it can boot; one that is blocked meanwhile hears no.
    Registration.BLOCKED: "Rejected",
}


def boot(read: Callable[[Fields], BootReport]) -> Fact:
    """The route of a version's BootNotification; `read` tells who the station says it is."""

    def booted(call: Fields, ctx: Context) -> Booted:
        return Booted(ctx.station, read(call), ctx.now)

    return Fact(booted, boots.boot_all, _answer)


def _answer(registration: Registration, ctx: Context) -> Payload:
    """Answer a boot by its registration, with when the station is to call again."""
    ctx.booted = registration
    accepted = registration is Registration.ACCEPTED
    interval = (
        int(ctx.quirks.get("heartbeat_s") or ctx.heartbeat_s) if accepted else ctx.boot_retry_s
    )
    return {
        "currentTime": format_instant(ctx.now),
        "interval": max(1, round(interval * random.uniform(1 - JITTER, 1 + JITTER))),
        "status": WORDS[registration],
    }


def boot_without_storage(_call: Fields, ctx: Context) -> Payload | None:
    """A station that was accepted before is accepted again; about others nobody can decide."""
    return _answer(Registration.ACCEPTED, ctx) if ctx.served else None


def time_now(_beat: object, ctx: Context) -> Payload:
    """Tell the time (1.6 section 4.6, 2.0.1 G02)."""
    return {"currentTime": format_instant(ctx.now)}


#: A heartbeat tells nothing but that the station lives, which every message does.
heartbeat = Fact(lambda call, ctx: None, lambda db, beats: beats, time_now)


def data_transfer(call: Fields, ctx: Context) -> Payload:
    """Keep a vendor's message; no vendor is known yet, and that is the answer (1.6 section 4.3)."""
    keep(call, ctx, "data_transfer", "vendorId")
    return {"status": "UnknownVendorId"}


def keep(call: Fields, ctx: Context, kind: str, word: str) -> None:
    """Keep a message as a report of a kind; `word` names the member that heads it."""
    at, _ = ctx.instant(call, "timestamp")
    headline = str(call.raw(word) or "")
    reports.add(ctx.db, ctx.station, kind, headline, dict(call.payload), at=at, now=ctx.now)


def reports_of(
    call: Fields, name: str, ctx: Context, samples_of: Callable[[Fields, Context], Iterable[Sample]]
) -> Iterator[MeterReport]:
    """The readings in a list of MeterValue; one without samples is noted and left out (FIELD M4).

    `samples_of` reads the version's sampled values in base units.
    """
    values = list(call.list(name))
    ctx.weigh_clock(values)
    for value in values:
        samples = tuple(samples_of(value, ctx))
        if not samples:
            ctx.deviate("empty_meter_value")
            continue
        before = len(ctx.deviations)
        at, replaced = ctx.instant(value, "timestamp")
        assumed = replaced or len(ctx.deviations) > before
        claimed_at = at + ctx.shift if ctx.shift and not replaced else None
        yield MeterReport(at, samples, assumed, claimed_at)


# Certificates: their names, installing and deleting.


def hash_data(arguments: Arguments) -> Payload:
    """Spell the name of a certificate; serial numbers are hexadecimal without leading zeros."""
    return {
        "hashAlgorithm": arguments["algorithm"].upper(),
        "issuerNameHash": arguments["issuer_name_hash"],
        "issuerKeyHash": arguments["issuer_key_hash"],
        "serialNumber": arguments["serial_number"],
    }


def read_hash_data(told: object) -> dict[str, str]:
    """Read the name of a certificate; stations differ in case and in leading zeros."""
    given = told if isinstance(told, dict) else {}
    return {
        "algorithm": str(given.get("hashAlgorithm", "SHA256")).upper()[:10],
        "issuer_name_hash": str(given.get("issuerNameHash", "")).lower()[:128],
        "issuer_key_hash": str(given.get("issuerKeyHash", "")).lower()[:128],
        "serial_number": str(given.get("serialNumber", "")).lower().lstrip("0")[:60] or "0",
    }


def root_orders(roots: dict[str, str]) -> dict[Order, Encoding]:
    """The orders that install and delete; `roots` are the version's words for what a root is for.

    A use that the version has no word for cannot be put (KeyError).
    """
    return {
        Order.INSTALL_CERTIFICATE: Encoding(
            "InstallCertificate",
            lambda given: {
                "certificateType": roots[given["use"]],
                "certificate": given["certificate"],
            },
            sentences={"Failed": "The charger took it for good and could not store it."},
        ),
        Order.DELETE_CERTIFICATE: Encoding(
            "DeleteCertificate",
            lambda given: {"certificateHashData": hash_data(given)},
            sentences={"NotFound": "The charger has no such certificate."},
        ),
    }


# Firmware and log jobs: 1.6 knows some of these words, its security extension and 2.x all of them.

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


def wire_time(text: str | None) -> str | None:
    """A moment of the arguments as the wire has it."""
    return format_instant(datetime.fromisoformat(text)) if text else None


def tries(arguments: Arguments) -> Payload:
    """How often, and with which pause, the station tries again by itself."""
    return {"retries": arguments.get("retries"), "retryInterval": arguments.get("retry_interval_s")}


def location(arguments: Arguments, most: int) -> str:
    """The address, of at most as many characters as the version allows."""
    found = str(arguments["location"])
    if len(found) > most:
        raise Unfit(f"The address is longer than the {most} characters that it may have here.")
    return found


def firmware(arguments: Arguments, most: int) -> Payload:
    """The firmware of a signed update, and of every update of 2.x."""
    return without_blanks(
        {
            "location": location(arguments, most),
            "retrieveDateTime": wire_time(arguments["retrieve_at"]),
            "installDateTime": wire_time(arguments.get("install_at")),
            "signingCertificate": arguments.get("signing_certificate"),
            "signature": arguments.get("signature"),
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


# Rates and moments of charging schedules, written and read.


def profile_of(arguments: Arguments) -> Json:
    """The document that an order puts on the wire: fitted to the station, or as it was given."""
    return dict(arguments.get("profile") or arguments["document"])


def rate(text: str | None) -> float | None:
    """A rate with one decimal as JSON's number."""
    return None if text is None else float(text)


def moment(text: str | None) -> str | None:
    """A moment of a document as OCPP writes it."""
    found = read_instant(text)
    return None if found is None else format_instant(found.at)


def read_rate(call: Fields, name: str) -> str | None:
    """A rate as a station wrote it."""
    number = call.decimal(name)
    return None if number is None else format(number, "f")


def read_moment(call: Fields, name: str) -> str | None:
    """A moment as a station wrote it, in the document's form."""
    at = call.instant(name)
    return None if at is None else at.isoformat()


def filled(members: Json) -> Json:
    """A document without the members that nothing is known of."""
    return {name: value for name, value in members.items() if value is not None}
