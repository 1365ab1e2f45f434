"""How long chargers wait while much is done beside them: old rows are removed, many are asked, and
what others had said while the database was away is stored."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from threading import Thread
from typing import Any

from flask import current_app
from sqlalchemy import func, select

from app import models, reactions
from app.domain.commands import broadcasts
from app.domain.ground.vocabulary import SYSTEM, BroadcastState, Order
from app.extensions import db as flask_db
from app.uow import unit_of_work
from bench.filling import Filling, Size
from bench.installation import Installation
from bench.load import spread
from bench.plan import DATABASES, Plan, Row
from bench.scripts import sessions_201
from bench.systems import INSTALLATIONS, Program
from worker.ocpp.versions import Version
from worker.segments import Frame, Segment, record_of

#: Chargers that report meter values twice a second, and others that are asked.
LIVE, PACE_S, ASKED = 50, 0.5, 300
#: Rows of the message log that are too old, and stations of a broadcast.
OLD, MANY = 300_000, 50_000
#: Stations that had told so many events each while the database was away.
TOLD, EVENTS = 200, 50
#: How long the chargers report before, to compare with.
BEFORE_S, LONGEST_S = 6.0, 300.0
#: No charger's 99th percentile may go beyond.
GOAL_MS = 250.0


def retention(plan: Plan) -> list[Row]:
    """MeterValues while housekeeping removes old messages, and how long it takes."""
    rows = []
    for on in plan.databases:
        with INSTALLATIONS[on](LIVE) as made:
            fill(made, messages=plan.scaled(OLD))
            with made.running(), reporting(made) as report:
                with made.app.app_context():
                    tidy_up = made.app.extensions["celery"].tasks["housekeeping"]
                    before, during, took_s = report(tidy_up)
            if left := made.count("messages WHERE message_id LIKE 'old-%'"):
                raise RuntimeError(f"housekeeping left {left} old messages")
        rows += figures(
            f"{plan.scaled(OLD):,} old messages are removed, {DATABASES[on]}",
            before,
            during,
            took_s,
        )
    return rows


def broadcast(plan: Plan) -> list[Row]:
    """MeterValues while an order goes to many stations of which few are connected."""
    rows = []
    for on in plan.databases:
        begun_s: list[float] = []
        with INSTALLATIONS[on](LIVE + ASKED) as made:
            fill(made, stations=plan.scaled(MANY))
            asked = {"port": made.settings.ocpp_port, "stations": made.stations[LIVE:]}
            with (
                made.running("worker", "celery"),
                Program("bench.idle", asked),
                reporting(made) as report,
                made.app.app_context(),
            ):
                before, during, took_s = report(partial(ask_all, begun_s))
        name = f"an order to {plan.scaled(MANY):,} stations, {DATABASES[on]}"
        rows.append(Row(f"{name}: begun", "s", begun_s[0], goal=0.5))
        rows += figures(name, before, during, took_s)
    return rows


def replay(plan: Plan) -> list[Row]:
    """MeterValues while the frames of a worker that died in an outage are stored."""
    rows = []
    for on in plan.databases:
        with INSTALLATIONS[on](LIVE + TOLD) as made:
            events = plan.scaled(EVENTS)
            with made.running(), reporting(made) as report:
                before, during, took_s = report(partial(have_stored, made, events))
            if made.count("transaction_events") != TOLD * events:
                raise RuntimeError("not all that was in the spool is stored")
        name = f"{TOLD * events:,} events of {TOLD} stations come out of the spool, {DATABASES[on]}"
        rows += figures(name, before, during, took_s)
    return rows


def have_stored(made: Installation, events: int) -> float:
    """Leave a file of the spool behind until all of it is stored; return when that began."""
    left = Segment.made(made.folder / "spool")
    talks = [events_of(tag, events) for _, _, tag in made.stations[LIVE:]]
    for together in zip(*talks, strict=True):
        frames = enumerate(together, LIVE + 1)
        left.append([record_of(_kept(station_id, *told)) for station_id, told in frames])
    left.close()
    while not made.count("transaction_events"):
        begin = time.perf_counter()
        time.sleep(0.05)
    while left.path.exists():
        time.sleep(0.05)
    return begin


def events_of(tag: str, events: int) -> Iterator[Any]:
    """So many events of whole sessions."""
    told = (call for call in sessions_201(tag, 5) if call[0] == "TransactionEvent")
    return islice(told, events)


def _kept(station_id: int, action: str, payload: dict[str, Any]) -> Frame:
    text = json.dumps([2, os.urandom(6).hex(), action, payload])
    return Frame(station_id, "", Version.V201, datetime.now(UTC), None, text, {})


def ask_all(begun_s: list[float]) -> None:
    """Ask all stations and wait until none is waiting; note how long it took to begin."""
    begin = time.perf_counter()
    with unit_of_work() as db:
        ids = db.scalars(select(models.Station.id).order_by(models.Station.id.desc())).all()
        tenant_id = db.scalars(select(models.Tenant.id)).one()
        number = broadcasts.start(
            *(db, SYSTEM, tenant_id, ids, Order.CLEAR_CACHE, {}),
            now=datetime.now(UTC),
            ttl_s=60,
            at_once=100,
        ).id
    begun_s.append(time.perf_counter() - begin)
    # Nudges of this process rest for a while: when it began, there was no Redis yet.
    current_app.extensions["celery"].send_task(reactions.BROADCASTS)
    until = time.monotonic() + LONGEST_S
    db = flask_db.session()
    while time.monotonic() < until:
        db.rollback()
        if db.get_one(models.Broadcast, number).state is not BroadcastState.RUNNING:
            print(
                "  ", dict(broadcasts.tally(db, db.get_one(models.Broadcast, number))), flush=True
            )
            return
        time.sleep(0.2)
    raise RuntimeError("the broadcast did not end")


@contextmanager
def reporting(made: Installation) -> Iterator[Callable[[Callable[[], object]], Any]]:
    """Chargers that report; yields what measures their waits before and while something is done.

    It may return since when it was, should that be later than it was begun.
    """
    wanted = {
        "port": made.settings.ocpp_port,
        "script": "meter-16",
        "stations": made.stations[:LIVE],
        "pace_s": PACE_S,
        "each": True,
    }
    with Program("bench.load", wanted) as load:

        def report(act: Callable[[], object]) -> tuple[dict[str, float], dict[str, float], float]:
            load.ask(1)
            before = load.ask(BEFORE_S)["waits_ms"]["MeterValues"]
            waits: list[tuple[float, float]] = []
            ended = False

            def listen() -> None:
                while not ended:
                    waits.extend(load.ask(2)["each"]["MeterValues"])

            listener = Thread(target=listen)
            listener.start()
            begin = time.perf_counter()
            try:
                began = act()
                end = time.perf_counter()
            finally:
                ended = True
                listener.join()
            begin = began if isinstance(began, float) else begin
            met = [wait for at, wait in waits if at + wait >= begin and at <= end]
            return before, spread(met), end - begin

        yield report


def figures(
    name: str, before: dict[str, float], during: dict[str, float], took_s: float
) -> list[Row]:
    """The figures of one deed."""
    print(f"  {name}: {took_s:.1f} s\n    before {before}\n    during {during}", flush=True)
    return [
        Row(f"{name}: all of it", "s", took_s),
        Row(f"{name}: MeterValues meanwhile, p50", "ms", during["p50"]),
        Row(f"{name}: MeterValues meanwhile, p99", "ms", during["p99"], goal=GOAL_MS),
        Row(f"{name}: MeterValues meanwhile, longest", "ms", during["longest"]),
    ]


def fill(made: Installation, *, messages: int = 0, stations: int = 0) -> None:
    """Add messages of last year, and stations that are not connected."""
    with made.app.app_context():
        db, now = flask_db.session(), datetime.now(UTC)
        tenant_id = db.scalars(select(models.Tenant.id)).one()
        filling = Filling(db, Size(stations=LIVE), tenant_id, now)
        n = filling.n
        if messages:
            filling.put(
                *(models.Message, messages),
                station_id=filling.turn(LIVE),
                message_id=filling.text("old-", n * 7_919 % 1_000_003),
                request=json.dumps({"connectorId": 1, "meterValue": ["1234.5"] * 20}),
                action=filling.in_turn("MeterValues", "Heartbeat", "StatusNotification"),
                response="{}",
                outcome=filling.rarely("refused", 500, "answered"),
                at=now - timedelta(days=365),
                latency_ms=3.2,
            )
        if stations:
            last = db.scalar(select(func.max(models.Station.id))) or 0
            filling.put(
                *(models.Station, stations - last),
                tenant_id=tenant_id,
                created_at=now,
                id=last + n,
                site_id=db.scalars(select(models.Site.id)).one(),
                identity=filling.text("AWAY-", 100_000 + n),
                identity_key=filling.text("away-", 100_000 + n),
                field_code=filling.text("field", n),
            )
        flask_db.session.remove()
