"""The time that the database is away: who may charge then, and what chargers are answered.

While the database is there the list of tags is kept up with what changes, and a block of ids is
leased.  A copy of the list lies in the data folder, for a worker whose database goes away before it
has read all; its tags are digests, and only this installation can make them.
"""

import hmac
import logging
import os
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from flask import Flask

from app.config import Settings
from app.domain.access import known_tags, tag_rows
from app.domain.access.authorisation import Tap
from app.domain.access.known_tags import KnownTags
from app.domain.charging import sessions
from app.domain.ground.vocabulary import Decision, Verdict
from app.extensions import db as flask_db
from worker import log_rows
from worker.batch import Batch
from worker.checks import checked
from worker.dialects.context import Context
from worker.dialects.records import Route
from worker.ocpp.fields import Fields
from worker.ocpp.frames import Call, Send
from worker.ocpp.versions import Fault
from worker.segments import Frame
from worker.spool import Spool
from worker.standing import Held
from worker.storage import StorageAway
from worker.works import Job

log = logging.getLogger(__name__)

#: How often changes are looked for, everything is read anew, and the copy is written, in seconds.
LOOK_S = 10.0
WHOLE_S = 3_600.0
WRITE_S = 60.0
#: Between two pages of tags others get their turn.
PAGE_PAUSE_S = 0.02
#: More tags than this are not kept.
MOST = 500_000
#: So many transaction ids are at hand at least and at most, and new ones when half are gone: one
#: for each station that is held here.  What is not used is a gap in the numbers of sessions.
LEAST_LEASED, MOST_LEASED = 50, 5_000


class LastKnown:
    """The list and the ids of one worker."""

    def __init__(self, app: Flask, batch: Batch) -> None:
        settings: Settings = app.config["SETTINGS"]
        key = hmac.digest(settings.signing_key().encode(), b"tags as last known", "sha256")
        self._app, self._batch = app, batch
        #: How many stations are held here.
        self.stations: Callable[[], int] = lambda: 0
        self._policy = settings.without_database
        self._path = settings.data_dir / "last_known" / "tags"
        self._tags = KnownTags(key)
        self._refs: deque[int] = deque()
        self._change = 0
        self._whole_at = self._written_at = float("-inf")
        self._news = False

    def health(self) -> dict[str, Any]:
        """How many tags and transaction ids are at hand, for the health check."""
        return {"known_tags": len(self._tags), "leased_ids": len(self._refs)}

    def decide(self, tap: Tap) -> Decision | None:
        """Decide about a tap without the database; None: nobody can say whether it may charge.

        It is decided about once more when it is stored.
        """
        if self._policy == "none":
            return None
        known = self._tags.judge(tap)
        if known is None and self._policy == "all":
            sentence = "Everybody may charge while the database is away."
            return Decision(Verdict.ACCEPTED, "database_away", sentence)
        return known

    def transaction_ref(self) -> int | None:
        """A transaction id that no session has or gets; None: all that were leased are gone."""
        return self._refs.popleft() if self._refs else None

    def keep_up_for_ever(self) -> None:
        """Keep the list and the ids up; raises what the database raises while it is away."""
        if not self._tags:
            self._load()
        while True:
            self.keep_up()
            gevent.sleep(LOOK_S)

    def keep_up(self) -> None:
        """Lease ids if few are left, and take in what changed of the tags since the last time."""
        wanted = min(max(self.stations(), LEAST_LEASED), MOST_LEASED)
        if len(self._refs) < wanted // 2:
            more = wanted - len(self._refs)
            self._refs.extend(
                self._batch.do(Job(lambda db, rows: sessions.lease_refs(db, more), "a lease"))
            )
        with self._app.app_context():
            newest = known_tags.newest_change(flask_db.session())
            changed = None
            if time.monotonic() - self._whole_at < WHOLE_S:
                changed = known_tags.changed(flask_db.session(), self._change)
        if changed is None:
            self._read_all()
            self._whole_at = time.monotonic()
        else:
            self._read(sorted(changed))
        self._change = newest
        if self._news and time.monotonic() - self._written_at > WRITE_S:
            self._news, self._written_at = False, time.monotonic()
            gevent.get_hub().threadpool.apply(self._write)

    def _read_all(self) -> None:
        gone, after = set(self._tags.ids), 0
        while True:
            with self._app.app_context():
                rows = tag_rows.page(flask_db.session(), after)
            gone.difference_update(self._put(rows))
            if len(rows) < tag_rows.PAGE:
                break
            after = rows[-1].id
            gevent.sleep(PAGE_PAUSE_S)
        self._drop(gone)

    def _read(self, ids: list[int]) -> None:
        for first in range(0, len(ids), tag_rows.PAGE):
            some = ids[first : first + tag_rows.PAGE]
            with self._app.app_context():
                rows = tag_rows.numbered(flask_db.session(), some)
            self._drop(set(some) - self._put(rows))
            gevent.sleep(PAGE_PAUSE_S)

    def _put(self, rows: list[tag_rows.TagRow]) -> set[int]:
        for row in rows:
            if len(self._tags) < MOST:
                self._news |= self._tags.put(row)
        return {row.id for row in rows}

    def _drop(self, ids: set[int]) -> None:
        for number in ids:
            self._news |= self._tags.drop(number)

    def _load(self) -> None:
        try:
            self._tags.load(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            log.warning("the copy of the tags as last known cannot be read: %s", error)

    def _write(self) -> None:
        """Replace the copy at once, or leave the former one."""
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(self._tags.dump())
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            log.warning("the copy of the tags as last known cannot be written: %s", error)


#: No call of ours goes out before a boot's answer has.
AFTER_BOOT_S = 0.3
#: Those whose calls can neither be stored nor spooled are cut off within this time.
CUT_OFF_S = 10.0


class Unstored(StorageAway):
    """The database is there and did not take it: a fault of ours, or of what was told."""


class Away:
    """Acknowledges what the spool has taken, and what needs no storing."""

    def __init__(self, batch: Batch, spool: Spool, last_known: LastKnown) -> None:
        self._batch = batch
        self._spool = spool
        self._last_known = last_known

    def answer(
        self, held: Held, call: Call | Send, context: Context, route: Route | None
    ) -> str | None:
        """The text of the answer to a call that could not be stored; None: stay silent.

        Raises CallFault where the call would be refused with a database, too.
        """
        if route is None or not (route.spooled or route.without_storage):
            return self.unkept(held, call, route)
        payload, _ = checked(held, call, route)
        context.station, context.memory = held.link.station, self._last_known
        told = route.away(Fields(payload), context)
        if told is None:
            return self.unkept(held, call, route)
        link = held.link
        if route.spooled:
            about = (link.station.id, link.station.identity, link.version, context.now)
            if not self._spool.keep(Frame(*about, held.connection_id, call.text, told)):
                return self.unkept(held, call, route, full=True)
        else:
            self._batch.log(log_rows.of_call(held, call, context.now, told))
        if context.booted is not None:
            hold_after_boot(held)
        return link.answer(call, told) if isinstance(call, Call) else ""

    def unkept(
        self, held: Held, call: Call | Send, route: Route | None, *, full: bool = False
    ) -> str | None:
        """Nobody has it.  What has kilowatt-hours behind it stays unanswered, so that the charger
        keeps it, as all does that the spool is too full for; the rest is our error."""
        link = held.link
        if not isinstance(call, Call):
            log.warning("%s of %s is lost", call.action, link.station.identity)
            return None
        if full or (route is not None and route.money):
            if self._batch.away:  # not all at once: they come back as they went
                gevent.sleep(random.uniform(0.0, CUT_OFF_S))
            link.close(1013, "try again later")
            return None
        return str(link.refuse(call, Fault.INTERNAL, "try again later"))


def hold_after_boot(held: Held) -> None:
    """The boot's answer leaves first; some stations need more peace than that (FIELD B3)."""
    link = held.link
    link.hold(float(link.station.quirks.get("outbound_after_boot_s") or AFTER_BOOT_S))


def hears_first(held: Held, route: Route | None) -> None:
    """What is said first and is no boot comes from a charger that goes on: it needs no peace."""
    if not held.silent:
        return
    held.silent = False
    boots = route is None or route.before_boot
    if held.served and not boots and not held.link.station.quirks.get("outbound_after_boot_s"):
        held.link.hold(0.0)
