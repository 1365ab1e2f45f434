"""Firmware, logs and customer information (OCPP 2.0.1 blocks L and N)."""

from collections.abc import Callable

from app.domain.device import customer_information as customers
from app.domain.device import file_jobs
from app.domain.ground.vocabulary import Arguments, Order
from worker.dialects import files
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Route, Unfit, without_blanks
from worker.dialects.shared import hash_data
from worker.ocpp.fields import Fields

firmware_status = files.heard("firmware", file_jobs.FIRMWARE)
log_status = files.heard("log", file_jobs.LOGS)


def publish_status(call: Fields, ctx: Context) -> Payload:
    """Pass on how a local controller gets on with what it is to hand on (L03)."""
    places = ", ".join(call.texts("location"))
    note = f"Handed on at {places}." if places else ""
    status = files.status_of(call, file_jobs.PUBLISHED, ctx.now, note)
    file_jobs.heard(ctx.db, ctx.station, status, kind="firmware", now=ctx.now)
    return {}


def customer_information(call: Fields, ctx: Context) -> Payload:
    """Pass on a part of what the station knows of a customer (N09)."""
    data = call.raw("data")
    customers.part(
        ctx.db,
        ctx.station,
        data if isinstance(data, str) else "",
        number=call.integer("seqNo", 0),
        last=not call.boolean("tbc", False),
        request_id=call.integer("requestId"),
        now=ctx.now,
    )
    return {}


_LOGS = frozenset({"diagnostics", "security_log"})
TOKEN_KINDS = {
    "iso14443": "ISO14443",
    "iso15693": "ISO15693",
    "emaid": "eMAID",
    "central": "Central",
    "local": "Local",
    "key_code": "KeyCode",
    "mac_address": "MacAddress",
    "no_authorization": "NoAuthorization",
}
_UNPUBLISHED = {
    "Unpublished": "It is no longer handed on.",
    "DownloadOngoing": "Somebody is fetching it just now: try again later.",
    "NoFirmware": "The charger has published no such firmware.",
}
_TOLD = {
    "Accepted": "The charger will tell what it knows.",
    "Invalid": "The charger cannot tell who is meant.",
}


def update(longest_url: int) -> Encoding:
    """The update, with addresses as long as a version allows."""
    return Encoding(
        "UpdateFirmware",
        lambda given: files.update(given, longest_url),
        files.GOOD,
        files.SENTENCES,
    )


def publish(longest_url: int) -> Encoding:
    """The order to a local controller to hand firmware on."""

    def encode(arguments: Arguments) -> Payload:
        payload: Payload = {
            "location": files.location(arguments, longest_url),
            "checksum": arguments["checksum"],
            "requestId": arguments["request_id"],
            **files.tries(arguments),
        }
        return without_blanks(payload)

    return Encoding("PublishFirmware", encode)


def logs(kinds: frozenset[str], longest_url: int) -> Encoding:
    """The order to bring a log, of the kinds that a version knows."""
    return Encoding(
        "GetLog",
        lambda given: files.get_log(given, kinds, longest_url),
        decode=files.log_outcome,
    )


def customer(token_kind: Callable[[str], str]) -> Encoding:
    """The question about a customer, with kinds of tags as a version spells them."""

    def encode(arguments: Arguments) -> Payload:
        payload: Payload = {
            "requestId": arguments["request_id"],
            "report": arguments["report"],
            "clear": arguments["clear"],
            "customerIdentifier": arguments.get("customer"),
        }
        if "token" in arguments:
            kind = token_kind(arguments["token_kind"])
            payload["idToken"] = {"idToken": arguments["token"], "type": kind}
        if "hash_algorithm" in arguments:
            named = {**arguments, "algorithm": arguments["hash_algorithm"]}
            payload["customerCertificate"] = hash_data(named)
        return without_blanks(payload)

    return Encoding("CustomerInformation", encode, sentences=_TOLD)


def _token_kind(kind: str) -> str:
    if kind not in TOKEN_KINDS:
        raise Unfit("OCPP 2.0.1 knows no such kind of tag.")
    return TOKEN_KINDS[kind]


ROUTES: dict[str, Route] = {
    "FirmwareStatusNotification": Route(
        firmware_status, asked_by=("UpdateFirmware",), spooled=True
    ),
    "LogStatusNotification": Route(log_status, asked_by=("GetLog",), spooled=True),
    "NotifyCustomerInformation": Route(
        customer_information, asked_by=("CustomerInformation",), personal="data", spooled=True
    ),
    "PublishFirmwareStatusNotification": Route(publish_status, spooled=True),
}

ORDERS: dict[Order, Encoding] = {
    Order.UPDATE_FIRMWARE: update(512),
    Order.PUBLISH_FIRMWARE: publish(512),
    Order.UNPUBLISH_FIRMWARE: Encoding(
        "UnpublishFirmware",
        lambda given: {"checksum": given["checksum"]},
        frozenset({"Unpublished"}),
        _UNPUBLISHED,
    ),
    Order.FETCH_LOGS: logs(_LOGS, 512),
    Order.READ_CUSTOMER_INFORMATION: customer(_token_kind),
}
