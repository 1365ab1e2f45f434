"""Orders that move files: firmware to a station, logs from it, what it knows of a customer."""

import re
from typing import Any
from urllib.parse import urlsplit

from app.domain.commands.orders.spec import End, Situation, Spec, Step
from app.domain.commands.orders.station import EXACT
from app.domain.device import customer_information, file_jobs, files
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Arguments, Json, Order
from app.schemas.typed import Argument, instant, optional, row, text, whole, word, yes

#: How a station may fetch or bring a file; it is the station that goes there, never we.
SCHEMES = ("http", "https", "ftp", "ftps", "sftp")
#: The longest address that a version can say (2.1; the others say so when they cannot).
LONGEST_URL = 2000
LOGS = ("diagnostics", "security_log", "data_collector_log")
#: Kinds of tokens whose customer a station may be asked about.
TOKEN_KINDS = (
    *("iso14443", "iso15693", "emaid", "central", "local", "key_code", "mac_address"),
    *("no_authorization", "vin", "evcc_id"),
)
HASHES = ("sha256", "sha384", "sha512")

_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)


def _url(name: str, value: object) -> str:
    found = str(value).strip()
    try:
        parts = urlsplit(found)
        usable = parts.scheme.lower() in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not found.isascii() or not found.isprintable() or " " in found:
        raise Invalid(f"The address is a URL: {', '.join(SCHEMES)}.", field=name)
    if len(found) > LONGEST_URL:
        raise Invalid(f"The address may have {LONGEST_URL} characters at most.", field=name)
    return found


def _hex(least: int, most: int) -> Any:
    def read(name: str, value: object) -> str:
        found = str(value).strip()
        if not _HEX.fullmatch(found) or not least <= len(found) <= most:
            words = name.replace("_", " ")
            raise Invalid(f"The {words} is hexadecimal, as {words}s are.", field=name)
        return found.lower()

    return read


_RETRIES = {
    "retries": optional(whole(0, 100), help="How often it tries again by itself."),
    "retry_interval_s": optional(whole(0, 86_400), label="Pause between tries (s)"),
}
_VALID = {
    "valid_h": optional(
        whole(1, 24 * 90), label="Good for (h)", help="24 when left out: then it is over."
    )
}
_OWN = optional(
    _url, label="Address of your own", help="Empty: one of ours, with a secret and a term."
)
_FIRMWARE = optional(row, label="Firmware", help="The number of one in the library.")


def _firmware(label: str) -> Any:
    def words(given: Arguments) -> str:
        if given.get("version"):
            version = given["version"]
            return f"Update firmware to {version}" if label.startswith("Upd") else label
        # No more than the host: an address may hold a password.
        where = urlsplit(str(given.get("url", ""))).hostname or ""
        return f"{label} from {where}" if where else label

    return words


def _logs(given: Arguments) -> str:
    return f"Fetch the {str(given['kind']).replace('_', ' ')}"


def _customer(given: Arguments) -> str:
    told, gone = given.get("report", True), given.get("clear", False)
    verb = "Read and forget" if told and gone else "Forget" if gone else "Read"
    return f"{verb} what is known of a customer"


def _other_log(first: Arguments, there: Situation) -> list[Json]:
    """1.6's other way to ask for diagnostics; its preparation says which one came first."""
    if first["kind"] != "diagnostics" or "extended" not in first:
        return []
    return [{**first, "extended": not first["extended"]}]


SPECS = (
    Spec(
        Order.UPDATE_FIRMWARE,
        "Update firmware",
        arguments={
            "firmware_id": _FIRMWARE,
            "url": _OWN,
            "version": optional(text(60), help="What it calls itself after the update."),
            "retrieve_at": optional(instant, label="Fetch at"),
            "install_at": optional(instant, label="Install at", help="Not over plain 1.6."),
            "signed": optional(
                yes, label="With its signature", help="Left out: where there is one."
            ),
            "signature": optional(text(800), help="Of what lies at an address of your own."),
            "signing_certificate": optional(text(5500), help="PEM, for that signature."),
            **_RETRIES,
            **_VALID,
        },
        words=_firmware("Update firmware"),
        question="Update the firmware of {identity}? Nobody can charge there meanwhile.",
        prepare=files.prepare_update,
        after=file_jobs.after_asking,
    ),
    Spec(
        Order.PUBLISH_FIRMWARE,
        "Publish firmware",
        arguments={
            "firmware_id": _FIRMWARE,
            "url": _OWN,
            "checksum": optional(_hex(32, 32), help="MD5 of what lies at your own address."),
            **_RETRIES,
            **_VALID,
        },
        words=_firmware("Publish firmware"),
        prepare=files.prepare_publishing,
        after=file_jobs.after_asking,
    ),
    Spec(
        Order.UNPUBLISH_FIRMWARE,
        "Withdraw published firmware",
        arguments={
            "firmware_id": _FIRMWARE,
            "checksum": optional(_hex(32, 32), help="MD5 of what was published."),
        },
        question="Stop {identity} from offering this firmware to its neighbours?",
        prepare=files.prepare_unpublishing,
        after=file_jobs.after_unpublishing,
    ),
    Spec(
        Order.FETCH_LOGS,
        "Fetch logs",
        arguments={
            "kind": Argument(word(*LOGS), label="Which"),
            "oldest": optional(instant, label="From"),
            "latest": optional(instant, label="Until"),
            "url": _OWN,
            "extended": optional(yes, label="As GetLog", help="OCPP 1.6 with its security part."),
            "exact": EXACT,
            **_RETRIES,
            **_VALID,
        },
        words=_logs,
        prepare=files.prepare_logs,
        after=file_jobs.after_asking,
        fallbacks=(Step("by the other message for logs", frozenset({End.ERROR}), _other_log),),
    ),
    Spec(
        Order.READ_CUSTOMER_INFORMATION,
        "Customer information",
        arguments={
            "token": optional(text(255), label="Tag"),
            "token_kind": optional(word(*TOKEN_KINDS), label="Kind of tag"),
            "customer": optional(text(64), label="Customer", help="As the station knows it."),
            "hash_algorithm": optional(word(*HASHES), help="Of the customer's certificate."),
            "issuer_name_hash": optional(_hex(1, 128)),
            "issuer_key_hash": optional(_hex(1, 128)),
            "serial_number": optional(_hex(1, 40)),
            "report": optional(yes, label="Tell what it knows"),
            "clear": optional(yes, label="Forget it"),
        },
        words=_customer,
        question="Ask {identity} about a customer? With “clear” it forgets what it knows, for "
        "ever.",
        prepare=customer_information.prepare,
        after=customer_information.after,
    ),
)
