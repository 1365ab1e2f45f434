"""Firmware, logs and customer information (OCPP 2.0.1 L01 to L04, N01, N09, N10)."""

from collections.abc import Callable

from app.domain.ground.vocabulary import Order
from worker.dialects import file_words
from worker.dialects.encoding import Arguments, Encoding, Payload, Unfit, without_blanks

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
    "Unpublished": "It is handed on no more.",
    "DownloadOngoing": "Somebody is fetching it just now: try again later.",
    "NoFirmware": "The charger has published no such firmware.",
}
_TOLD = {
    "Accepted": "The charger will tell what it knows.",
    "Invalid": "The charger cannot tell who is meant.",
}


def update(longest_url: int) -> Encoding:
    """The update, with addresses as long as a version allows."""

    def encode(arguments: Arguments) -> Payload:
        payload: Payload = {
            "requestId": arguments["request_id"],
            "firmware": file_words.firmware(arguments, longest_url),
            **file_words.tries(arguments),
        }
        return without_blanks(payload)

    return Encoding("UpdateFirmware", encode, file_words.GOOD, file_words.SENTENCES)


def publish(longest_url: int) -> Encoding:
    """The order to a local controller to hand firmware on."""

    def encode(arguments: Arguments) -> Payload:
        payload: Payload = {
            "location": file_words.location(arguments, longest_url),
            "checksum": arguments["checksum"],
            "requestId": arguments["request_id"],
            **file_words.tries(arguments),
        }
        return without_blanks(payload)

    return Encoding("PublishFirmware", encode)


def logs(kinds: frozenset[str], longest_url: int) -> Encoding:
    """The order to bring a log, of the kinds that a version knows."""

    def encode(arguments: Arguments) -> Payload:
        return file_words.get_log(arguments, kinds, longest_url)

    return Encoding("GetLog", encode, decode=file_words.log_outcome)


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
            payload["customerCertificate"] = _certificate(arguments)
        return without_blanks(payload)

    return Encoding("CustomerInformation", encode, sentences=_TOLD)


def _certificate(arguments: Arguments) -> Payload:
    return {
        "hashAlgorithm": arguments["hash_algorithm"].upper(),
        "issuerNameHash": arguments["issuer_name_hash"],
        "issuerKeyHash": arguments["issuer_key_hash"],
        "serialNumber": arguments["serial_number"],
    }


def _token_kind(kind: str) -> str:
    if kind not in TOKEN_KINDS:
        raise Unfit("OCPP 2.0.1 knows no such kind of tag.")
    return TOKEN_KINDS[kind]


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
