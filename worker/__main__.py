"""`python -m worker`: listens for chargers until it is told to stop."""

from gevent import monkey

monkey.patch_all()

import gc

# What is loaded here stays: looking for garbage in it meanwhile takes a quarter of the start.
gc.disable()

import ctypes
import logging
import os
import resource
import signal
import socket
import sys
import uuid

import gevent
import gevent.event

from app import create_app
from app.config import Settings, as_root
from app.extensions import db
from app.process import traces
from app.process.postgresql import mind_writes
from app.process.revisions import fit_or_exit
from worker.dialects import DIALECTS
from worker.gate import Gate
from worker.metrics import Exporter
from worker.pace import LAG
from worker.readiness import Readiness
from worker.server import Server, ServerSettings, networks
from worker.storage import for_ever
from worker.switchboard import Switchboard
from worker.tls import Renewal, WrongTls, server_context

gc.freeze()
gc.enable()

log = logging.getLogger("worker")

#: When garbage is looked for: after so many objects more, after so many times that among all that
#: are new since, and after so many times that among all.  Thousands that connect at once stay:
#: fewer of them are looked through at one go.
GARBAGE = (10_000, 2, 280)

#: Files that are no charger's: the database, Redis, the log, what is read now and then.
SPARE = 200
#: What is written for chargers takes milliseconds; what takes so many seconds is given up.
WRITES_S = 5.0
#: How often memory that is not used any more is given back, in seconds.
GIVE_BACK_S = 10.0


def main() -> int:
    """Run the worker; exit status 2 when a setting, the port or the database keeps it from it."""
    connections = _allow_many_files() - SPARE
    app = create_app()
    settings = app.config["SETTINGS"]
    with app.app_context():
        mind_writes(db.engine, WRITES_S)
    try:
        tls = server_context(settings)
    except WrongTls as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    if sentence := as_root():
        log.warning(sentence)
    switchboard = Switchboard(app, _node())
    gate = Gate(app, switchboard.batch)
    renewal = Renewal(tls, settings, gate.own_roots) if tls is not None else None
    server = Server(
        _server_settings(settings, connections),
        gate,
        switchboard,
        lambda: switchboard.health() | (renewal.health() if renewal else {}),
        tls,
        Readiness(app, switchboard.batch, switchboard.node).parts,
        serves=False,
    )
    stop = gevent.event.Event()
    try:
        _start(settings, switchboard, server, stop)
    except OSError as error:
        print(_busy(settings, server, error), file=sys.stderr)
        return 2
    _mind_memory()
    log.info("chargers connect to ws://%s:%s/ocpp/<identity>", settings.ocpp_host, server.port)
    log.info("up to %d connections at once, as the limit of open files has it", connections)
    if renewal is not None:
        log.info("and to wss://<its name>:%s/ocpp/<identity>", server.tls_port)
        gevent.spawn(for_ever, renewal.watch)
    stop.wait()
    log.info("stopping: %d chargers are asked to come again", len(server.links))
    server.drain(within_s=float(settings.drain_s))
    gate.stop()
    switchboard.stop()
    return 0


def _start(
    settings: Settings, switchboard: Switchboard, server: Server, stop: gevent.event.Event
) -> None:
    """Listen and serve.  While the database is away whoever comes is told to come again.

    Once it serves, a signal sets `stop`; before that it just ends the process.
    """
    traces.name_process("worker")
    Exporter(settings, server, switchboard).start()

    def listen() -> None:
        if not server.port:
            server.start()

    fit_or_exit(settings, meanwhile=listen)
    switchboard.start(meanwhile=listen)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    server.serves = True
    listen()


def _node() -> str:
    """What this process is called among the workers; no other ever has that name."""
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _mind_memory() -> None:
    """Keep little for each charger, and look rarely for what could be freed.

    What is loaded by now stays and is left alone: looking through it would take long.  Greenlets
    need not remember where they were spawned: a kilobyte each, for debuggers.
    """
    gevent.config.track_greenlet_tree = False
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.callbacks.append(LAG.collecting)
    gevent.spawn(_give_back)


def _give_back() -> None:
    """Give memory that a storm has used back to the system, from time to time: a millisecond."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
    while trim is not None:
        gevent.sleep(GIVE_BACK_S)
        trim(0)


def _busy(settings: Settings, server: Server, error: OSError) -> str:
    name = "ocpp_tls_port" if server.port else "ocpp_port"
    return (
        f"ampdesk: the worker cannot listen on {settings.ocpp_host}:{getattr(settings, name)} "
        f"({error.strerror}); set AMPDESK_{name.upper()} to a free port."
    )


def _allow_many_files() -> int:
    """Raise the limit of open files as far as it goes, for each charger is one; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        return soft
    return hard


def _server_settings(settings: Settings, connections: int) -> ServerSettings:
    return ServerSettings(
        host=settings.ocpp_host,
        port=settings.ocpp_port,
        tls_port=settings.ocpp_tls_port,
        shared=settings.ocpp_processes > 1,
        spoken=tuple(DIALECTS),
        max_message_bytes=settings.ocpp_max_message_bytes,
        max_inflated_bytes=settings.ocpp_max_inflated_bytes,
        connections=connections,
        # Those that only hang must leave the larger part to chargers.
        unfinished=min(2_000, connections // 4),
        trusted_proxies=networks(settings.trusted_proxies),
        client_cert_header=settings.ocpp_client_cert_header,
    )


if __name__ == "__main__":
    raise SystemExit(main())
