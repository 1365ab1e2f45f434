"""What is looked at before anything starts, each with a sentence that says what to change."""

import socket
import sys
import tempfile
from urllib.parse import urlsplit

from app.config import Settings


class CannotStart(Exception):
    """Something outside keeps Ampdesk from starting; the message says what and how to mend it."""


def check(settings: Settings) -> None:
    """Raise `CannotStart` when the data folder or a port cannot be used.

    Redis may come later: chargers are served without it, and Celery waits for it.
    """
    data_folder_writable(settings)
    port_free(settings.web_host, settings.web_port, "AMPDESK_WEB_PORT", "the desk")
    port_free(settings.ocpp_host, settings.ocpp_port, "AMPDESK_OCPP_PORT", "chargers")
    if settings.web_port == settings.ocpp_port:
        raise CannotStart(
            f"AMPDESK_WEB_PORT and AMPDESK_OCPP_PORT are both {settings.web_port};"
            " the desk and the chargers need a port each."
        )
    if settings.redis_url and "+" not in urlsplit(settings.redis_url).scheme:
        say_if_away(settings.redis_url)  # of several servers one may come after another


def data_folder_writable(settings: Settings) -> None:
    """Make the data folder (for its owner alone) and try to write there."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"ampdesk")
            probe.flush()
    except OSError as error:
        raise CannotStart(
            f"The data folder {folder} cannot be written ({error.strerror})."
            " AMPDESK_DATA_DIR names another one."
        ) from None


def port_free(host: str, port: int, variable: str, what_for: str) -> None:
    """Bind the port for a moment, the way the server will."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} for {what_for} cannot be used on {host}"
                f" ({(error.strerror or str(error)).lower()}). {variable} chooses another one."
            ) from None


def say_if_away(url: str) -> None:
    """Connect to a Redis of the operator's own; it may need a password, so only connect."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(3)
                probe.connect(parts.path)
        else:
            address = (parts.hostname or "localhost", parts.port or 6379)
            socket.create_connection(address, timeout=3).close()
    except OSError as error:
        print(
            f"ampdesk: No Redis answers at {parts.hostname or parts.path}:{parts.port or ''}"
            f" ({error}). It is waited for; AMPDESK_REDIS_URL names it.",
            file=sys.stderr,
        )
