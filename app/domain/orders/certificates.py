"""Orders about certificates and the station's password."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import Argument, Describe, row, several, text, word
from app.domain.vocabulary import Order

#: What a root that a station trusts is for, by the domain's word.
ROOTS = ("csms_root", "manufacturer_root", "v2g_root", "mo_root", "oem_root")
#: What can be listed: the roots, and the station's own chain for ISO 15118.
LISTED = (*ROOTS, "v2g_chain")
ALGORITHMS = ("sha256", "sha384", "sha512")

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.INSTALL_CERTIFICATE: {
        "use": Argument(word(*ROOTS)),
        "authority_id": Argument(row, required=False),
        "certificate": Argument(text(10_000), required=False),
    },
    Order.DELETE_CERTIFICATE: {
        "certificate_id": Argument(row, required=False),
        "algorithm": Argument(word(*ALGORITHMS), required=False),
        "issuer_name_hash": Argument(text(128), required=False),
        "issuer_key_hash": Argument(text(128), required=False),
        "serial_number": Argument(text(40), required=False),
    },
    Order.READ_CERTIFICATES: {"uses": Argument(several(word(*LISTED), 6), required=False)},
    Order.SEND_CERTIFICATE: {"certificate_id": Argument(row)},
    Order.CHANGE_PASSWORD: {},
}

LABELS: dict[Order, str] = {
    Order.INSTALL_CERTIFICATE: "Install a certificate",
    Order.DELETE_CERTIFICATE: "Delete a certificate",
    Order.READ_CERTIFICATES: "List certificates",
    Order.SEND_CERTIFICATE: "Send a signed certificate",
    Order.CHANGE_PASSWORD: "Change the password",
}


def _install(given: Mapping[str, Any]) -> str:
    return f"Install a certificate ({given['use'].replace('_', ' ')})"


def _delete(given: Mapping[str, Any]) -> str:
    return f"Delete the certificate {given.get('serial_number') or given.get('certificate_id')}"


DESCRIBE: Describe = {Order.INSTALL_CERTIFICATE: _install, Order.DELETE_CERTIFICATE: _delete}
