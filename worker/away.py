"""What a charger is answered while the database is away."""

import logging
import random

import gevent

from worker import log_rows
from worker.batch import Batch
from worker.checks import checked
from worker.dialects.context import Context
from worker.dialects.records import Route
from worker.last_known import LastKnown
from worker.ocpp.fields import Fields
from worker.ocpp.frames import Call, Send
from worker.ocpp.versions import Fault
from worker.segments import Frame
from worker.spool import Spool
from worker.standing import Held
from worker.storage import StorageAway

log = logging.getLogger(__name__)

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
