"""Who is connected here, and how commands reach them.

One node holds a station at a time: the newest authenticated connection.  Redis carries the ids of
queued commands; a look into the database every second finds those whose nudge was lost, also while
Redis is away.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import gevent
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.charging.running import Gauge
from app.domain.ground import events
from app.domain.ground.vocabulary import CommandState
from app.domain.limits.setpoints import Claimed
from app.domain.network import credentials, presence
from app.domain.network.connections import REPLACED
from app.domain.office.messages import Row
from app.extensions import db as flask_db
from app.models import Command
from app.process import clock, traces
from app.reactions import ACCESS, COMMANDS
from worker.batch import Batch
from worker.calls import Calls
from worker.claims import Claims, Setpoints
from worker.dispatch import Dispatch
from worker.endings import Endings
from worker.link import Link
from worker.metrics import COUNTS
from worker.ocpp.events import Malformed, Repeated, Settled, Stray
from worker.ocpp.frames import Call, Send
from worker.replay import Replay
from worker.spool import Spool
from worker.standing import ANSWER_S, NEWEST, Held, Newest, Over, Presence, Standing
from worker.storage import StorageAway, at_last, end, for_ever, guarded
from worker.works import Job, unheard

log = logging.getLogger(__name__)

#: No call of ours goes out before the boot is answered, or anything else that the charger says
#: first (so it has not restarted), or this long after the connection opened (FIELD B3).
GRACE_S = 3.0
#: How often queued commands and decisions about access are looked for in the database.
LOOK_S = 1.0
QUEUED = select(Command.id, Command.station_id).where(Command.state == CommandState.QUEUED)
#: How often live pages are brought up to date, and last-seen times written.
SHOW_S = 1.0
SEEN_S = 10.0


class Switchboard:
    """The desk of all links of this process (see `worker.link.Desk`)."""

    def __init__(self, app: Flask, node: str) -> None:
        self._app = app
        self.node = node
        self._held: dict[int, Held] = {}
        self._gauges: dict[int, Gauge] = {}
        self._heard: dict[int, int] = {}
        self._seen: set[int] = set()
        self._newest = Newest(app, node)
        self.batch = Batch(app)
        settings = app.config["SETTINGS"]
        self._standing = Standing(settings)
        self._presence = Presence(self.batch, node, self._standing)
        self._decided = 0
        self._workers: dict[str, int] = {}
        spool = Spool(settings.data_dir / "spool", settings.spool_max_bytes)
        self._presence.spooled = spool.held
        told = (settings, self._keep_gauges, spool)
        self._dispatch = Dispatch(self.batch, self._standing, *told)
        self._dispatch.last_known.stations = lambda: len(self._held)
        self._replay = Replay(self.batch, self._dispatch, *told)
        endings = Endings(self.batch, self._standing, spool)
        self._calls = Calls(self.batch, settings, endings, self._dispatch.deviations)
        self._claims = Claims(app, node, self._standing, self._calls)
        self._setpoints = Setpoints(app, self.batch, settings, self._held)
        self._greenlets: list[gevent.Greenlet] = []

    def start(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Say that this node lives, then begin to listen and to look.

        Storage that is away is waited for; `meanwhile` is done each time that it is.
        """
        with self._app.app_context():
            at_last(self._beat, meanwhile)
        every = (self._listen, self._look, self._watch, self._beat_for_ever, self._show_for_ever)
        lanes = (self._claims.work_off, self._setpoints.look_for_ever, self._replay.work_for_ever)
        dispatch = self._dispatch
        of_dispatch = (dispatch.deviations.write_for_ever, dispatch.last_known.keep_up_for_ever)
        for work in (*every, *lanes, *of_dispatch):
            self._greenlets.append(gevent.spawn(for_ever, work))

    def stop(self) -> None:
        """Write what is still in memory and end; the links are closed already."""
        for greenlet in self._greenlets:
            end(greenlet)
        self._show()
        self._write_seen()
        guarded(self._dispatch.deviations.write)
        self.batch.stop()

    def health(self) -> dict[str, Any]:
        """What the worker's health check adds: the node, how many stations it and others hold."""
        held = {"node": self.node, "stations": len(self._held), "workers": self._workers}
        dispatch, replay = self._dispatch.last_known.health(), self._replay.health()
        return held | dispatch | replay | clock.SHARED.off()

    # What links report

    def opened(self, link: Link) -> None:
        """Take a new link in; it replaces an older one of the same station."""
        held = Held(link, served=link.station.served)
        link.hold(max(GRACE_S, float(link.station.quirks.get("outbound_after_boot_s") or 0)))
        orders = [order.value for order in self._calls.orders(link.version)]

        decided = self._decided
        try:
            held.connection_id = self._presence.open(link, orders)
        except StorageAway:
            link.close(1013, "try again later")
            return
        except Over as over:  # decided while it was being let in
            link.close(1008, str(over))
            return
        link.data = held
        before = self._held.get(link.station.id)
        self._held[link.station.id] = held
        if before is not None:
            before.link.close(1000, REPLACED)
        self._newest.add(link.station.id, held.connection_id)
        if self._decided != decided:
            self._obey([link.station.id])

    def closed(self, link: Link, code: int, reason: str) -> None:
        """Forget a link; the late close of an old one leaves its successor alone."""
        held: Held | None = link.data
        if held is not None:
            self._gone(held, code, reason)
            link.data = None  # the two hold each other: else only the collector would free them

    def _gone(self, held: Held, code: int, reason: str) -> None:
        if self._held.get(held.link.station.id) is held:
            del self._held[held.link.station.id]
        if held.connection_id is not None:
            self._presence.close(held.link.station.id, held.connection_id, code, reason)

    def call(self, link: Link, call: Call | Send) -> str | None:
        """Have a call handled; None: no answer."""
        held: Held | None = link.data
        if held is None:
            return None
        self._heard[link.station.id] = link.station.tenant_id
        about: dict[str, int | str] = {"action": call.action[:50], "station": link.station.id}
        with traces.span("message", None, about, kind="server"):
            if isinstance(call, Send):
                self._dispatch.take(held, call)
                return None
            return self._dispatch.answer(held, call)

    def settled(self, link: Link, event: Settled) -> None:
        """A call of ours ended: write down how."""
        COUNTS.call(event)
        held = link.data or Held(link)
        self._heard[link.station.id] = link.station.tenant_id
        lane = self._setpoints if isinstance(event.call.context, Claimed) else self._calls
        lane.settled(held, event)

    def stray(self, link: Link, event: Stray | Repeated | Malformed) -> None:
        """Keep what came unasked."""
        held: Held | None = link.data
        if held is not None:
            self._heard[link.station.id] = link.station.tenant_id
            self._dispatch.log_stray(held, event)

    # Commands

    def _listen(self) -> None:
        """Hear of queued commands, of decisions about access and of newer connections elsewhere."""
        client: Any = self._app.extensions["redis"]
        with client.pubsub(ignore_subscribe_messages=True) as listener:
            listener.subscribe(COMMANDS, NEWEST, ACCESS)
            while True:
                message = listener.get_message(timeout=30.0)
                if message is not None:
                    guarded(self._hear, message["channel"].decode(), message["data"])

    def _hear(self, channel: str, data: bytes) -> None:
        told = json.loads(data)
        if channel == COMMANDS:
            self._take(*told)
        elif channel == NEWEST:
            self._yield_to(told)
        else:
            gevent.spawn(guarded, self._obey, [told])

    def _look(self) -> None:
        """Find queued commands whose nudge was lost."""
        while True:
            gevent.sleep(LOOK_S)
            if not self._held:
                continue
            with self._app.app_context():
                waiting = flask_db.session.execute(QUEUED).all()
            for command_id, station_id in waiting:
                self._take(command_id, station_id)

    def _take(self, command_id: int, station_id: int, carried: str | None = None) -> None:
        """Have a command sent if its station is held here; the claim decides who sends it.

        One for a link that is about to end waits in its row for the link that follows.
        """
        held = self._held.get(station_id)
        if held is not None and held.link.takes_calls:
            self._claims.take(command_id, held, carried)

    # Access

    def _watch(self) -> None:
        """Find decisions about access whose nudge was lost."""
        known = 0
        while True:
            with self._app.app_context():
                newest = credentials.access_decisions(flask_db.session())
            if newest != known:
                self._obey(list(self._held))
                known = newest
            gevent.sleep(LOOK_S)

    def _obey(self, station_ids: list[int]) -> None:
        """End the connections of these stations that would not be let in any more."""
        self._decided += 1
        held = {number: self._held[number] for number in station_ids if number in self._held}
        with self._app.app_context():
            links = {number: one.link for number, one in held.items()}
            over = self._standing.over(flask_db.session(), links)
        for number, why in over.items():
            held[number].over = why
            self._gone(held[number], 1008, why)
            held[number].link.close_when_idle(1008, why, ANSWER_S)

    # Fencing

    def _yield_to(self, told: dict[str, Any]) -> None:
        if told["node"] == self.node:
            return
        for station_id, number in told["newest"]:
            held = self._held.get(station_id)
            if held is not None and (held.connection_id or 0) < number:
                held.link.close(1000, REPLACED)

    # What live pages show

    def _keep_gauges(self, newest: list[Gauge]) -> None:
        for gauge in newest:
            self._gauges[gauge.session_id] = gauge

    def _show_for_ever(self) -> None:
        seen_at = time.monotonic()
        while True:
            gevent.sleep(SHOW_S)
            self._show()
            if time.monotonic() - seen_at >= SEEN_S:
                seen_at = time.monotonic()
                self._write_seen()

    def _show(self) -> None:
        if self.batch.away:
            return
        newest, self._gauges = self._gauges, {}
        heard, self._heard = self._heard, {}
        self._seen.update(heard)
        if not newest and not heard:
            return

        def run(db: Session, rows: list[Row]) -> list[Gauge]:
            # All chargers wait for this commit: it waits for nobody who holds a session.
            left = running.show(db, newest.values(), wait=False)
            for gauge in newest.values():
                events.record(
                    db, events.SessionChanged(gauge.tenant_id, gauge.session_id, gauge.station_id)
                )
            for station_id, tenant_id in heard.items():
                events.record(db, events.StationChanged(tenant_id, station_id))
            return left

        self.batch.later(Job(run, then=self._keep_left))

    def _keep_left(self, left: object) -> None:
        """Show another time what could not be shown, unless there is newer."""
        unheard(left)
        for gauge in left if isinstance(left, list) else ():
            self._gauges.setdefault(gauge.session_id, gauge)

    def _write_seen(self) -> None:
        if self.batch.away:
            return
        ids, self._seen = self._seen, set()
        alive = time.monotonic() - SEEN_S
        ids |= {number for number, held in self._held.items() if held.link.last_frame_at >= alive}
        self._presence.seen(ids)

    # Living

    def _beat_for_ever(self) -> None:
        while True:
            gevent.sleep(presence.BEAT_S)
            self._beat()

    def _beat(self) -> None:
        told = self._presence.beat(
            lambda: [held.connection_id for held in self._held.values() if held.connection_id]
        )
        self._workers = told.workers
        for held in list(self._held.values()):
            if held.connection_id in told.superseded:
                held.link.close(1000, REPLACED)
