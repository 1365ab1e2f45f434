"""What all versions say alike: boots, heartbeats, vendors' messages, certificates, rates."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.charging import reports
from app.domain.device import boots
from app.domain.device.boots import Booted
from app.domain.ground.vocabulary import Arguments, BootReport, Json, Order, Registration, Verdict
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Fact, Route, Unfit, status
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

    return Fact(booted, boots.boot_all, _answer, writes=True)


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


def routes(boot_notification: Fact, serial: tuple[str, str] | None = None) -> dict[str, Route]:
    """The routes of what a station says of itself; `serial` as a route has it."""
    return {
        "BootNotification": Route(
            boot_notification,
            before_boot=True,
            afresh=True,
            serial=serial,
            without_storage=boot_without_storage,
            spooled=True,
        ),
        "DataTransfer": Route(
            data_transfer, without_storage=status("UnknownVendorId"), spooled=True
        ),
        "Heartbeat": Route(heartbeat, afresh=True, without_storage=time_now),
    }


def orders(
    availability: Callable[[Arguments], Payload], data: Callable[[object], object]
) -> dict[Order, Encoding]:
    """The orders to a station that are answered alike; `data` puts what a vendor is told."""

    def vendor(arguments: Arguments) -> Payload:
        payload: Payload = {"vendorId": arguments["vendor_id"]}
        if arguments.get("message_id"):
            payload["messageId"] = arguments["message_id"]
        if arguments.get("data"):
            payload["data"] = data(arguments["data"])
        return payload

    return {
        Order.SET_AVAILABILITY: Encoding(
            "ChangeAvailability",
            availability,
            frozenset({"Accepted", "Scheduled"}),
            {"Scheduled": "The charger will change it when the running session has ended."},
        ),
        Order.CLEAR_CACHE: Encoding("ClearCache", lambda given: {}),
        Order.DATA_TRANSFER: Encoding(
            "DataTransfer",
            vendor,
            sentences={
                "UnknownVendorId": "The charger does not know this vendor.",
                "UnknownMessageId": "The charger does not know this message of the vendor.",
            },
        ),
    }


#: What became of a change of a setting, in the domain's words.
CHANGES = {"Accepted": "accepted", "RebootRequired": "reboot_required"}

#: How a decision about a tag is spelled.
VERDICTS: dict[Verdict, str] = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.BLOCKED: "Blocked",
    Verdict.EXPIRED: "Expired",
    Verdict.INVALID: "Invalid",
    Verdict.CONCURRENT: "ConcurrentTx",
}


def was_let_in(ctx: Context, member: str) -> bool | None:
    """Whether a tag was let in while the database was away; None: it waits for its answer."""
    if ctx.told is None:
        return None
    accepted: bool = ctx.told.get(member, {}).get("status") == VERDICTS[Verdict.ACCEPTED]
    return accepted


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


# Charging profiles: their words, rates and moments, written and read.

#: How a kind of profile is spelled, and how it recurs.
KINDS: dict[str, tuple[str, str | None]] = {
    "absolute": ("Absolute", None),
    "daily": ("Recurring", "Daily"),
    "weekly": ("Recurring", "Weekly"),
    "relative": ("Relative", None),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a version can say of a profile, and in which words."""

    version: str
    purposes: Mapping[str, str]
    kinds: Mapping[str, tuple[str, str | None]]
    #: what a period tells besides its limit: our name -> the wire's
    rates: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)

    def purpose(self, word: str) -> str:
        """A purpose in this version's word; `Unfit` where it has none."""
        if word not in self.purposes:
            raise Unfit(f"OCPP {self.version} knows no profiles for this purpose.")
        return self.purposes[word]

    def kind(self, word: str) -> tuple[str, str | None]:
        """A kind and how it recurs; `Unfit` where the version has none such."""
        if word not in self.kinds:
            raise Unfit(f"OCPP {self.version} knows no profiles that are updated while they run.")
        return self.kinds[word]


def wire_time(text: str | None) -> str | None:
    """A moment of the arguments as the wire has it."""
    return format_instant(datetime.fromisoformat(text)) if text else None


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
