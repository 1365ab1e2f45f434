"""The desk beside what is heavy: pages while a file is made, and a thousand open live pages."""

import http.client
import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from threading import Thread

import psutil
import redis
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select

from app import models
from app.config import Settings
from app.domain.office import sign_ins
from app.extensions import db as flask_db
from app.reactions import LIVE
from bench import seed
from bench.filling import EMAIL, Size, opened
from bench.installation import started, wait_for
from bench.plan import DATABASES, Plan, Row
from bench.systems import cpu_s
from deploy import redis_server
from deploy.processes import commands

#: What is read in turn while a file is made, and the longest files: all sessions, and a fleet.
PAGES = ("/", "/sessions", "/bills", "/stations", "/messages", "/system/bar")
FILES = {
    "CSV": "/sessions?format=csv&when=all",
    "XLSX": "/sessions?format=xlsx&when=all",
    "ZIP": "/drivers/1/rights/file",
}
#: Sessions of the database, how long pages are read before, and their goal.
SESSIONS, BEFORE_S, GOAL_MS = 150_000, 10.0, 200.0
#: Live pages, of so many people, and how long they are watched while nothing happens.
STREAMS, PEOPLE, QUIET_S = 1_000, 100, 10.0


@dataclass(frozen=True)
class Reading:
    """How long pages took by the clock and of the processor, in ms, 95 of a hundred; the memory
    that the desk had meanwhile; and how many were read."""

    clock_ms: float
    cpu_ms: float
    rss: int
    pages: int


@dataclass
class Desk:
    """A running desk: its address, the cookies of people, the process that answers, and the first
    one of its PostgreSQL."""

    port: int
    cookies: list[str]
    process: psutil.Process
    redis: "redis.Redis"
    database: psutil.Process | None = None

    def cpu_s(self) -> float:
        """Seconds of processor time that desk and database used so far."""
        return cpu_s(self.process) + cpu_s(self.database)

    def read(self, until: Callable[[], bool]) -> "Reading":
        """Read the pages in turn until that is so."""
        waits: list[float] = []
        used: list[float] = []
        most = 0
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not until() or len(waits) < len(PAGES):
            for page in PAGES:
                began, before = time.perf_counter(), self.cpu_s()
                connection.request("GET", page, headers={"Cookie": self.cookies[0]})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{page} answered {answer.status}")
                waits.append((time.perf_counter() - began) * 1000)
                used.append((self.cpu_s() - before) * 1000)
                most = max(most, self.process.memory_info().rss)
        return Reading(p95(waits), p95(used), most, len(waits))

    def fetch(self, address: str) -> int:
        """Fetch a file piece by piece; return how many bytes it has."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("GET", address, headers={"Cookie": self.cookies[0]})
        answer, size = connection.getresponse(), 0
        while piece := answer.read(65_536):
            size += len(piece)
        return size


def p95(figures: list[float]) -> float:
    """What 95 of a hundred do not exceed."""
    return quantiles(figures, n=100, method="inclusive")[94]


@contextmanager
def running(folder: Path, on: str, size: Size, people: int = 1) -> Iterator[Desk]:
    """Run a desk with its Redis on the database of a folder; `bench.seed` fills one that is new."""
    with opened(folder, on) as (app, server):
        seed.make(app, size)
        port = redis_server.free_port()
        given = {
            "AMPDESK_DATA_DIR": str(folder),
            "AMPDESK_DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"] if on != "sqlite" else "",
            "AMPDESK_WEB_PORT": str(port),
            "AMPDESK_LOG_LEVEL": "warning",
        }
        command, given["AMPDESK_REDIS_URL"] = redis_server.prepare(Settings.from_environment(given))
        settings = Settings.from_environment(given)
        with app.app_context():
            cookies = [_cookie(app, number) for number in range(people)]
            flask_db.session.remove()
        environment = {**os.environ, **given}
        with (
            started(command, env=environment),
            started(commands(settings)["web"], env=environment) as web,
        ):
            wait_for(port, web)
            answering = psutil.Process(web.pid).children()[-1]
            client: redis.Redis = redis.Redis.from_url(settings.redis_address)
            yield Desk(port, cookies, answering, client, server)


def _cookie(app: Flask, number: int) -> str:
    """The cookie of a person who is signed in; the first one is the admin of the database."""
    db, now = flask_db.session(), datetime.now(UTC)
    db.connection(execution_options={"write": True})
    user = db.scalars(select(models.User).where(models.User.email == EMAIL)).one()
    if number:
        kept = {"role": user.role, "password_hash": user.password_hash, "created_at": now}
        email = f"bench{number}@example.org"
        user = models.User(
            tenant_id=user.tenant_id, email=email, email_key=email, name=f"P {number}", **kept
        )
        db.add(user)
        db.flush()
    _, secret = sign_ins.begin(db, user, now=now, remembered=True)
    db.commit()
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    return (
        f"{app.config['SESSION_COOKIE_NAME']}={signer.dumps({'_user_id': secret, '_fresh': True})}"
    )


def exports(plan: Plan) -> list[Row]:
    """Pages while files are fetched, on each database."""
    rows = []
    for on in plan.databases:
        whole = Size(sessions=SESSIONS, readings=SESSIONS, messages=SESSIONS)
        size = Size(*(plan.scaled(count) for count in vars(whole).values()))
        with TemporaryDirectory(prefix="ampdesk-bench-") as folder:
            rows += beside_files(Path(folder), on, size)
    return rows


def beside_files(folder: Path, on: str, size: Size) -> list[Row]:
    """Pages while one file after the other is fetched, and what each takes of memory.

    The goal is one of the processor's time, of the desk and its database from the request to the
    answer, with all that they do for the file meanwhile: that of the clock hangs on what else
    the computer does.
    """
    with running(folder, on, size) as desk:
        desk.read(lambda: True)  # what is loaded once is no page's
        until = time.monotonic() + BEFORE_S
        before = desk.read(lambda: time.monotonic() > until)
        rows = [Row(f"pages beside no file, p95, {DATABASES[on]}", "CPU-ms", before.cpu_ms)]
        for kind, address in FILES.items():
            held, sizes, began = desk.process.memory_info().rss, [], time.perf_counter()
            download = Thread(target=lambda: sizes.append(desk.fetch(address)))  # noqa: B023
            download.start()
            seen = desk.read(lambda: not download.is_alive())  # noqa: B023
            download.join()
            took_s = time.perf_counter() - began
            name = f"a {kind} of {sizes[0] / 1e6:.1f} MB is fetched, {DATABASES[on]}"
            print(f"  {name}: {took_s:.1f} s, {seen}", flush=True)
            rows += [
                Row(f"{name}: pages, p95", "CPU-ms", seen.cpu_ms, goal=GOAL_MS),
                Row(f"{name}: pages, p95 by the clock", "ms", seen.clock_ms),
                Row(f"{name}: the desk grows by", "MB", max(seen.rss - held, 0) / 1e6),
            ]
    return rows


def live(plan: Plan) -> list[Row]:
    """Open live pages on one process: memory, work while nothing happens, time to be told."""
    count = plan.scaled(STREAMS)
    size = Size(100, 100, 100, 100, 100, 100, 100, 100, 100)
    with (
        TemporaryDirectory(prefix="ampdesk-bench-") as folder,
        running(Path(folder), "sqlite", size, max(count * PEOPLE // STREAMS, 1)) as desk,
    ):
        desk.read(lambda: True)  # what is loaded once is no page's
        with streams(desk, len(PAGES)):
            held = desk.process.memory_info().rss
        with streams(desk, count) as listen:
            each_kb = (desk.process.memory_info().rss - held) / 1000 / count
            used, began = desk.cpu_s(), time.perf_counter()
            listen("", QUIET_S)
            quiet = (desk.cpu_s() - used) / (time.perf_counter() - began) * 100
            began = time.perf_counter()
            word = json.dumps({"told": [[None, ["station:1"]]]})
            desk.redis.publish(LIVE.format(tenant_id=1), word)
            heard = listen("station:1", 30.0)
            took_s = time.perf_counter() - began
            connections = desk.redis.info("clients")["connected_clients"] - 1
    if heard != count:
        raise RuntimeError(f"{heard} of {count} live pages were told")
    name = f"{count:,} live pages"
    return [
        Row(f"{name}: each", "kB", each_kb),
        Row(f"{name}: while nothing happens", "% of a core", quiet),
        Row(f"{name}: until all are told of a change", "s", took_s, goal=1.0),
        Row(f"{name}: connections to Redis", "connections", connections),
    ]


@contextmanager
def streams(desk: Desk, count: int) -> Iterator[Callable[[str, float], int]]:
    """Open live pages; yields what waits until they have heard a word, and counts those that have.

    A word that nobody says has them all read for so long.
    """
    chosen = selectors.DefaultSelector()
    opened_ = []
    for number in range(count):
        one = socket.create_connection(("127.0.0.1", desk.port), 60)
        cookie = desk.cookies[number % len(desk.cookies)]
        ask = f"GET /live?topics=station:1,sessions HTTP/1.1\r\nHost: b\r\nCookie: {cookie}\r\n\r\n"
        one.sendall(ask.encode())
        one.recv(65_536)
        chosen.register(one, selectors.EVENT_READ)
        opened_.append(one)

    def listen(word: str, within_s: float) -> int:
        heard: set[int] = set()
        until = time.monotonic() + within_s
        while len(heard) < count and (left := until - time.monotonic()) > 0:
            for key, _ in chosen.select(left):
                text = key.fileobj.recv(65_536).decode()  # type: ignore[union-attr]
                if not text:
                    raise RuntimeError("a live page was closed")
                if word and word in text:
                    heard.add(key.fd)
        return len(heard)

    try:
        listen("", 2.0)
        yield listen
    finally:
        for one in opened_:
            one.close()
        chosen.close()
