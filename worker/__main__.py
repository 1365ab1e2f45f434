"""`python -m worker`: listens for chargers until it is told to stop."""

from gevent import monkey

monkey.patch_all()

import gc
import logging
import os
import signal
import socket
import sys
import uuid
from typing import Any

import gevent
import gevent.event

from app import create_app
from app.schema import check_or_exit
from worker.dispatch import ROUTES
from worker.gate import Gate
from worker.server import Server, ServerSettings, networks
from worker.switchboard import Switchboard
from worker.tls import WrongTls, server_context

log = logging.getLogger("worker")


def main() -> int:
    """Run the worker; exit status 2 when a setting, the port or the database keeps it from it."""
    app = create_app()
    settings = app.config["SETTINGS"]
    try:
        tls = server_context(settings)
    except WrongTls as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    check_or_exit(settings)
    node = f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    switchboard = Switchboard(app, node)
    gate = Gate(app, switchboard.batch)
    server = Server(_server_settings(settings), gate, switchboard, switchboard.health, tls)
    try:
        switchboard.start()
        server.start()
    except OSError as error:
        kind, port = ("TLS_PORT", settings.ocpp_tls_port) if server.port else ("PORT", 0)
        print(
            f"ampdesk: the worker cannot listen on "
            f"{settings.ocpp_host}:{port or settings.ocpp_port} "
            f"({error.strerror}); set AMPDESK_OCPP_{kind} to a free port.",
            file=sys.stderr,
        )
        return 2
    # What is loaded by now stays; the collector need not look through it after every few messages.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    log.info("chargers connect to ws://%s:%s/ocpp/<identity>", settings.ocpp_host, server.port)
    if server.tls_port:
        log.info("and to wss://<its name>:%s/ocpp/<identity>", server.tls_port)
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    stop.wait()
    log.info("stopping: %d chargers are asked to come again", len(server.links))
    server.drain(within_s=float(settings.drain_s))
    switchboard.stop()
    return 0


def _server_settings(settings: Any) -> ServerSettings:
    return ServerSettings(
        host=settings.ocpp_host,
        port=settings.ocpp_port,
        tls_port=settings.ocpp_tls_port,
        spoken=tuple(ROUTES),
        max_message_bytes=settings.ocpp_max_message_bytes,
        trusted_proxies=networks(settings.trusted_proxies),
        client_cert_header=settings.ocpp_client_cert_header,
    )


if __name__ == "__main__":
    raise SystemExit(main())
