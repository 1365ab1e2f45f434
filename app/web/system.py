"""How the installation itself fares: worker, Redis, Celery, mail, database, disk.

Home, `flask system` and `/readyz` say the same.  No page waits for a part that
does not answer: Redis and Celery's broker are asked beside the page, which shows what they last
said.
"""

import http.client
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import extensions
from app.domain.ground.texts import N_
from app.domain.network import presence
from app.domain.office import housekeeping, outbox
from app.extensions import the_settings
from app.process import queues, redis_servers, revisions
from app.process.clock import utc_now
from app.process.queues import QueueState
from app.queries.office import system as queries
from app.text.numbers import duration, number
from app.uow import unit_of_work
from app.web import kept
from app.web.beside import Answer, Beside

OK, WARN, BAD = "ok", "warn", "bad"

#: An answer of Redis is believed for so long, and waited for no longer than this, in seconds.
FRESH_S, WAIT_S = 4.0, 0.15
#: The same where somebody asks whether the desk is ready.
READY_S = 1.0
#: The stream's word about the workers and the database's size are asked for this often.
BEAT_KEPT_S, SIZE_KEPT_S = 2.0, 60.0
#: A loop that is later than this keeps chargers waiting, in milliseconds.
LAG_MS = 250
#: The worker's own word is waited for no longer than this, in seconds, and read no further.
WORKER_WAIT_S = 1.0
_MOST_HEALTH = 64 * 1024
#: Tasks that wait longer than a sweep or two are a queue.
MOST_WAITING = 200
#: A task that waits longer in its queue has nobody who takes it, in seconds.
WAITS_LONG_S = 120
MAIL_WAITS = timedelta(minutes=15)
DISK_BAD, DISK_WARN = 512 * 1024**2, 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Part:
    """A part and how it fares: a few figures, and where not ok what it means and what to do.

    `told` where rows of their own say on Home what came of it.
    """

    name: str
    state: str
    fact: str
    sentence: str = ""
    since: datetime | None = None
    told: bool = False


def parts(db: Session, *, now: datetime) -> list[Part]:
    """All parts, always in the same order."""
    return [
        _worker(db, now),
        _redis_part(_beside("redis", redis_servers.redis_took_s)),
        _celery(db, _beside("celery", queues.queue_states), now),
        _mail(db, now),
        _database(db),
        _disk(),
    ]


def ready() -> tuple[bool, list[Part]]:
    """Whether pages can be served and what they ask for be stored; and how each part fares.

    Nobody who asks waits for longer than `READY_S`, and each answer is good for as long.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    asked = app.extensions.setdefault("ready_beside", Beside(_look, READY_S, READY_S))
    found: list[Part] = asked.answer(app).value or []
    if not found or asked.silent_s():
        sentence = f"The database has not answered a write for {asked.silent_s():.0f} s."
        found = [Part("Database", BAD, "", sentence)]
    return not any(part.state == BAD for part in found if part.name in ("Database", "Disk")), found


def _look(app: Flask) -> list[Part]:
    """All parts, after a write: a database that only reads keeps nothing."""
    now = utc_now()
    with app.app_context():
        try:
            with unit_of_work() as db:
                housekeeping.sign(db, "desk", now=now)
            return parts(db, now=now)
        except SQLAlchemyError:
            sentence = "The database cannot be reached, or refuses to store."
            return [Part("Database", BAD, "", sentence), _disk()]


def worst(found: list[Part]) -> str:
    """The state of the whole."""
    states = {part.state for part in found}
    return BAD if BAD in states else WARN if WARN in states else OK


def beat() -> str:
    """What a live stream's beat tells, as JSON: how long ago a worker answered, in seconds.

    Null where none ever did; nothing is said while the database cannot be asked.
    It is kept for a moment, so that a thousand streams cost one question.
    """
    return kept.get(0, "beat", BEAT_KEPT_S, _beat)


def _beat() -> str:
    db = extensions.db.session()
    try:
        newest = presence.newest_beat(db)
    except SQLAlchemyError:
        return "{}"
    finally:
        extensions.db.session.remove()
    if newest is None:
        return '{"worker_s": null}'
    age = (utc_now() - newest).total_seconds()
    return json.dumps({"worker_s": round(max(age, 0.0), 1)})


def _worker(db: Session, now: datetime) -> Part:
    silence = presence.silence(db, now=now)
    if silence is not None:
        fact = "does not answer" if silence.since else "has never answered"
        sentence = (
            "Chargers cannot be reached, and nothing that they send arrives; they keep it and "
            "send it later. Start the worker: python -m worker."
        )
        return Part("Worker", BAD, fact, sentence, silence.since)
    alive = queries.nodes(db, now=now)
    held = sum(node.stations for node in alive)
    fact = f"{_count(len(alive))} · {held} connected"
    if len(alive) > 1:
        each = ", ".join(f"{node.node}: {node.stations}" for node in alive)
        fact = f"{_count(len(alive))} · {held} connected ({each})"
    if full := presence.spooling(db, now=now):
        return _spooling(fact, sum(node.spooled for node in full), full[0].spooled_since)
    lag = max((node.lag_ms for node in alive if node.lag_ms is not None), default=None)
    wanted = the_settings().ocpp_processes
    if len(alive) < wanted:
        sentence = (
            f"{_count(wanted)} are to run (AMPDESK_OCPP_PROCESSES); the chargers of one that is "
            "missing are served by the others once they connect again. Its log may say why."
        )
        return Part("Worker", WARN, fact, sentence)
    if lag is None or lag < LAG_MS:
        return Part("Worker", OK, fact)
    sentence = "It is late with its work, so chargers wait for their answers. Is the computer busy?"
    return Part("Worker", WARN, f"{fact} · {number(lag)} ms late", sentence)


def _spooling(fact: str, frames: int, since: datetime | None) -> Part:
    sentence = (
        "What chargers sent while the database was away is in the worker's spool, on the disk, and "
        "is stored in its order; nothing is lost."
    )
    return Part("Worker", WARN, f"{fact} · {number(frames)} messages to store", sentence, since)


def without_database() -> list[Part]:
    """The parts that can be asked while the database does not answer."""
    sentence = (
        "Nothing can be shown or changed until it answers. Chargers are served meanwhile: the "
        "worker keeps what they send on its disk and stores it then."
    )
    return [
        Part("Database", BAD, "does not answer", sentence),
        _worker_by_itself(),
        _redis_part(_beside("redis", redis_servers.redis_took_s)),
        _disk(),
    ]


def _worker_by_itself() -> Part:
    """What a worker on this computer says of itself; with several, it is one of them."""
    settings = the_settings()
    host = "127.0.0.1" if settings.ocpp_host in ("0.0.0.0", "::") else settings.ocpp_host
    try:
        line = http.client.HTTPConnection(host, settings.ocpp_port, timeout=WORKER_WAIT_S)
        with closing(line):
            line.request("GET", "/healthz")
            told = json.loads(line.getresponse().read(_MOST_HEALTH))
        spool, connected = told.get("spool") or {}, int(told["connections"])
        frames, oldest_s = int(spool.get("frames", 0)), float(spool.get("oldest_s", 0))
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        sentence = "No worker answers on this computer; one may run on another."
        return Part("Worker", WARN, "does not answer here", sentence)
    since = utc_now() - timedelta(seconds=oldest_s) if frames else None
    return _spooling(f"{connected} connected", frames, since)


def _count(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


def _redis_part(answer: Answer) -> Part:
    if answer.value is not None:
        return Part("Redis", OK, f"answers in {number(answer.value * 1000, 1)} ms")
    if answer.since is None:
        # It was asked for the first time a moment ago; silence is told within seconds.
        return Part("Redis", OK, "is being asked")
    sentence = (
        "Pages are not live and orders start a second late; nothing is lost. "
        "Start Redis, or see whether AMPDESK_REDIS_URL names it."
    )
    return Part("Redis", BAD, "does not answer", sentence, answer.since)


def _celery(db: Session, broker: Answer, now: datetime) -> Part:
    mark = queries.mark(db, housekeeping.SWEEP)
    late = timedelta(seconds=max(3 * the_settings().sweep_s, 120))
    states: list[QueueState] = broker.value or []
    if mark is None or mark.at < now - late:
        program = "worker" if any(state.waiting for state in states) else "beat"
        sentence = (
            "Bills, receipts and mails wait until it runs again; nothing is lost. "
            f"Start it: celery -A wsgi:celery {program}."
        )
        since = mark.at if mark else None
        return Part("Celery", BAD if mark else WARN, "no sweep", sentence, since)
    queued = _waiting(states)
    fact = f"swept {duration(max((now - mark.at).total_seconds(), 0))} ago · {queued}"
    for sign in (mark, queries.mark(db, housekeeping.BILLS)):
        if sign is not None and not sign.ok:
            return Part("Celery", WARN, fact, sign.sentence, sign.since)
    full = [
        state.name
        for state in states
        if state.waiting > MOST_WAITING or (state.oldest_s or 0) > WAITS_LONG_S
    ]
    if full:
        sentence = (
            f"More is asked of it than it gets done: {', '.join(full)}. Add a worker: "
            f"celery -A wsgi:celery worker -Q {','.join(full)}."
        )
        return Part("Celery", WARN, fact, sentence)
    return Part("Celery", OK, fact)


def _waiting(states: list[QueueState]) -> str:
    """What waits in all queues, and where."""
    held = [state for state in states if state.waiting]
    queued = f"{number(sum(state.waiting for state in held))} waiting"
    if held:
        queued += f" ({', '.join(f'{state.name}: {state.waiting}' for state in held)})"
    if ages := [state.oldest_s for state in held if state.oldest_s is not None]:
        queued += f", the first for {duration(max(ages))}"
    return queued


def _mail(db: Session, now: datetime) -> Part:
    if until := outbox.paused_until(db, now=now):
        mark = queries.mark(db, housekeeping.MAIL)
        sentence = (
            "The mail server is not accepting mail, so all mails are waiting; they are tried again "
            "automatically. "
            f"It said: {mark.sentence if mark else ''}"
        )
        fact = f"paused for {duration((until - now).total_seconds())} more"
        return Part("Mail", BAD, fact, sentence, mark.since if mark else None)
    told = queries.mail(db, now=now)
    to_files = not the_settings().smtp_url
    sent = f"sent {duration((now - told.sent_at).total_seconds())} ago" if told.sent_at else ""
    fact = " · ".join(filter(None, [sent or "nothing sent today", "to files" if to_files else ""]))
    if told.failed_at and (told.sent_at is None or told.failed_at > told.sent_at):
        sentence = (
            "The last mail could not be sent. Is the mail server up, and AMPDESK_SMTP_URL right?"
        )
        return Part("Mail", BAD, fact, sentence, told.failed_at, told=True)
    if told.oldest_unsent and told.oldest_unsent < now - MAIL_WAITS:
        return Part(
            "Mail", WARN, fact, "A mail waits to be sent. Does Celery run?", told.oldest_unsent
        )
    return Part("Mail", OK, fact)


def _database(db: Session) -> Part:
    told = kept.get(0, "database", SIZE_KEPT_S, lambda: queries.database(db))
    fact = f"{told.kind} {told.version} · {_bytes(told.size)}"
    if told.revision not in revisions.heads():
        sentence = "Its tables do not fit this version. Run flask --app wsgi db upgrade."
        return Part("Database", BAD, fact, sentence)
    return Part("Database", OK, fact)


def _disk() -> Part:
    folder = the_settings().data_dir
    free = shutil.disk_usage(folder if folder.exists() else ".").free
    fact = f"{_bytes(free)} free"
    if free >= DISK_WARN:
        return Part(N_("Disk"), OK, fact)
    sentence = (
        "When it is full nothing can be stored, and chargers are turned away. Make room where "
        "the data folder lies, or keep messages and uploads for a shorter time."
    )
    return Part("Disk", BAD if free < DISK_BAD else WARN, fact, sentence)


def _bytes(size: int) -> str:
    for unit, digits in ((1024**3, 1), (1024**2, 0)):
        if size >= unit:
            return f"{number(size / unit, digits)} {'GB' if digits else 'MB'}"
    return f"{number(size / 1024)} kB"


def _beside(part: str, ask: Callable[..., Any]) -> Answer:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    asked: Beside = app.extensions.setdefault(f"{part}_beside", Beside(ask, FRESH_S, WAIT_S))
    return asked.answer(app.extensions[part])
