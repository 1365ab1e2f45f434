"""The TLS files while the worker runs: renewed ones are taken up, old ones are complained about.

A certificate that runs out cuts a whole fleet off at once (FIELD A6), so its end is announced 60,
30, 7 and 1 days before; chargers with a root that ends too cannot be told over a dead line.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from cryptography import x509

from worker.tls import NUMBERS, WrongTls, load, server_context, trust

log = logging.getLogger(__name__)

#: Days before the end of a certificate at which staff are warned.
WARNED_AT = (60, 30, 7, 1, 0)
LOOK_S = 60.0

_FILES = [f"ocpp_tls_{kind}{number}" for number in NUMBERS for kind in ("cert", "key")]


class Renewal:
    """Watches the files behind a TLS context, and the roots of the built-in authority.

    `own_roots` gives those as PEM: the first one is made while the worker runs.
    """

    def __init__(
        self, context: Any, settings: Any, own_roots: Callable[[], list[str]] = list
    ) -> None:
        self._context = context
        self._own_roots = own_roots
        self._trusted: set[str] = set()
        self._settings = settings
        self._stamps = self._read_stamps()
        self._warned: int | None = None
        self.expires_at = self._first_end()
        self._trust_own_roots()

    def health(self) -> dict[str, Any]:
        """What the worker's health check adds."""
        return {"tls_expires_at": self.expires_at.isoformat() if self.expires_at else None}

    def watch(self) -> None:
        """Look at the files again and again; does not return."""
        while True:
            for sentence in self.look(datetime.now(UTC)):
                log.warning(sentence)
            gevent.sleep(LOOK_S)

    def look(self, now: datetime) -> list[str]:
        """Take up renewed files and new roots; return what staff should hear, each thing once."""
        sentences = []
        self._trust_own_roots()
        if (stamps := self._read_stamps()) != self._stamps:
            self._stamps = stamps
            try:
                # All must fit together before anything of it reaches the open listener.
                server_context(self._settings)
                load(self._context, self._settings)
            except WrongTls as error:
                return [f"The new TLS files are not used: {error}"]
            self.expires_at, self._warned = self._first_end(), None
            sentences.append("New TLS files are in use.")
        if self.expires_at is not None:
            left = (self.expires_at - now).days
            due = min((days for days in WARNED_AT if left <= days), default=None)
            if due is not None and due != self._warned:
                self._warned = due
                sentences.append(f"The TLS certificate for chargers ends in {max(left, 0)} days.")
        return sentences

    def _trust_own_roots(self) -> None:
        new = [root for root in self._own_roots() if root not in self._trusted]
        trust(self._context, new)
        self._trusted.update(new)

    def _read_stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(getattr(self._settings, name)) for name in _FILES]

    def _first_end(self) -> datetime | None:
        """When the first certificate of all served chains ends."""
        ends = []
        for number in NUMBERS:
            path = getattr(self._settings, f"ocpp_tls_cert{number}")
            try:
                chain = x509.load_pem_x509_certificates(Path(path).read_bytes()) if path else []
            except (OSError, ValueError):
                continue
            ends += [certificate.not_valid_after_utc for certificate in chain]
        return min(ends, default=None)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
