"""The outside services: an OCSP responder, a contract pool, a register of VAT numbers.

Only addresses from the settings are asked, never one that a charger sends; no
redirect is followed, and what comes back is bounded.  Where no service is set
the answer is that there is none.
"""

import base64
import json
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from app.config import Settings
from app.domain.trust.x509 import HASHES

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
#: The longest answer that is read, in bytes.
LONGEST = 64 * 1024

_WORDS = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What a responder says: good, revoked, unknown, or failed with `why`.

    `response` is its answer in DER, base64; it is the station's to check.
    """

    word: str
    response: str = ""
    next_update: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class EvCertificate:
    """What the contract pool says to a car: an EXI text, or nothing with `why`."""

    exi: str = ""
    remaining: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class VatRecord:
    """What a register says of a VAT number: known or not, None: it did not say.

    `company` has name, address1, city and country, where it tells of whom the number is.
    """

    known: bool | None = None
    company: dict[str, str] | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Providers:
    """Asks the services of the settings.  Its methods block (greenlets) and never raise."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opener = urllib.request.build_opener(_NoRedirect)

    def certificate_status(self, named: dict[str, str]) -> CertificateStatus:
        """Ask the OCSP responder about a certificate, named as OCPP does (RFC 6960)."""
        if not self._settings.ocsp_url:
            return CertificateStatus("failed", why="no OCSP responder is set")
        try:
            request = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
                bytes.fromhex(named["issuer_name_hash"]),
                bytes.fromhex(named["issuer_key_hash"]),
                int(named["serial_number"], 16),
                HASHES[named["algorithm"]](),
            )
            body = request.build().public_bytes(Encoding.DER)
        except (ValueError, KeyError):
            return CertificateStatus("failed", why="the certificate is not named properly")
        found = self._post(self._settings.ocsp_url, body, "application/ocsp-request")
        return _status_of(found)

    def ev_certificate(self, version: str, action: str, exi: str) -> EvCertificate:
        """Have the contract pool install or update a car's certificate (ISO 15118)."""
        if not self._settings.ev_certificate_url:
            return EvCertificate(why="no contract pool is set")
        asked = {"iso15118SchemaVersion": version, "action": action, "exiRequest": exi}
        found = self._post(
            self._settings.ev_certificate_url, json.dumps(asked).encode(), "application/json"
        )
        try:
            answer = json.loads(found or b"{}")
            exi_response = str(answer["exiResponse"])
        except (ValueError, KeyError, TypeError):
            return EvCertificate(why="the contract pool gave no answer")
        remaining = answer.get("remainingContracts")
        return EvCertificate(exi_response, remaining if isinstance(remaining, int) else None)

    @property
    def receipts_base(self) -> str:
        """How drivers reach their receipts: a URL to which a path is added."""
        return self._settings.desk_url

    def vat_record(self, prefix: str, number: str) -> VatRecord:
        """Look a VAT number up in the register, which is asked and answers as VIES does."""
        if not self._settings.vat_url:
            return VatRecord()
        asked = json.dumps({"countryCode": prefix, "vatNumber": number}).encode()
        found = self._post(self._settings.vat_url, asked, "application/json")
        try:
            answer = json.loads(found or b"{}")
            known = answer["valid"]
        except (ValueError, KeyError, TypeError):
            return VatRecord()
        if not isinstance(known, bool):
            return VatRecord()
        return VatRecord(known, _company(answer, prefix) if known else None)

    def _post(self, url: str, body: bytes, kind: str) -> bytes | None:
        request = urllib.request.Request(url, body, {"Content-Type": kind}, method="POST")
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                found: bytes = answer.read(LONGEST + 1)
        except (urllib.error.URLError, OSError, ValueError) as error:
            log.warning("%s did not answer: %s", url.split("?")[0], error)
            return None
        return found if len(found) <= LONGEST else None


def _company(answer: dict[str, Any], country: str) -> dict[str, str] | None:
    """Name and address as VIES tells them: an address of lines, --- for what it does not say."""
    name, address = str(answer.get("name") or ""), str(answer.get("address") or "")
    lines = [line.strip() for line in address.splitlines() if line.strip(" -")]
    if not name.strip(" -") or not lines:
        return None
    return {
        "name": name.strip()[:50],
        "address1": lines[0][:100],
        "city": lines[-1][:100],
        "country": country,
    }


def _status_of(found: bytes | None) -> CertificateStatus:
    try:
        response = ocsp.load_der_ocsp_response(found or b"")
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return CertificateStatus("failed", why="the responder refused to say")
        return CertificateStatus(
            _WORDS[response.certificate_status],
            base64.b64encode(found or b"").decode(),
            response.next_update_utc,
        )
    except ValueError:
        return CertificateStatus("failed", why="the responder gave no answer")
