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

import gevent
import gevent.event

from app import create_app
from app.schema import check_or_exit
from worker.dispatch import ROUTES
from worker.gate import Gate
from worker.server import Server, ServerSettings, networks
from worker.switchboard import Switchboard

log = logging.getLogger("worker")


def main() -> int:
    """Run the worker; exit status 2 when a setting, the port or the database keeps it from it."""
    app = create_app()
    settings = app.config["SETTINGS"]
    check_or_exit(settings)
    node = f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    switchboard = Switchboard(app, node)
    server = Server(
        ServerSettings(
            host=settings.ocpp_host,
            port=settings.ocpp_port,
            spoken=tuple(ROUTES),
            max_message_bytes=settings.ocpp_max_message_bytes,
            trusted_proxies=networks(settings.trusted_proxies),
        ),
        Gate(app, switchboard.batch),
        switchboard,
        switchboard.health,
    )
    try:
        switchboard.start()
        port = server.start()
    except OSError as error:
        print(
            f"ampdesk: the worker cannot listen on {settings.ocpp_host}:{settings.ocpp_port} "
            f"({error.strerror}); set AMPDESK_OCPP_PORT to a free port.",
            file=sys.stderr,
        )
        return 2
    # What is loaded by now stays; the collector need not look through it after every few messages.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    log.info("chargers connect to ws://%s:%s/ocpp/<identity>", settings.ocpp_host, port)
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    stop.wait()
    log.info("stopping: %d chargers are asked to come again", len(server.links))
    server.drain(within_s=float(settings.drain_s))
    switchboard.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
