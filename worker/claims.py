"""What waits in its row to be sent, claimed and handed to the links: commands and setpoints."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import gevent
from flask import Flask
from gevent.event import Event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.commands import commands
from app.domain.commands.commands import Claimed
from app.domain.commands.orders import SPECS, spec
from app.domain.commands.orders.spec import Situation
from app.domain.ground.vocabulary import CommandState, Order, Outcome
from app.domain.limits import setpoints
from app.domain.office.messages import Row
from app.extensions import AWAY
from app.extensions import db as flask_db
from app.models import Command
from app.process import traces
from app.process.clock import utc_now
from app.uow import unit_of_work
from worker import log_rows
from worker.answers import NEVER_SENT, discreet, outcome_of, understood
from worker.batch import Batch
from worker.calls import Calls
from worker.dialects import DIALECTS
from worker.dialects.records import Unfit
from worker.link import Link, LinkClosed
from worker.ocpp.events import Answered, Refused, Settled
from worker.ocpp.versions import CallFault
from worker.standing import Held, Over, Standing
from worker.storage import StorageAway
from worker.works import Job

log = logging.getLogger(__name__)


class Doubts:
    """What may be claimed here unheard: a commit can be kept whose answer is lost.

    Nobody else may send what is ours, so it is given back to wait in its row.
    """

    def __init__(self, app: Flask, give_back: Callable[[Session, Any], None]) -> None:
        self._app = app
        self._give_back = give_back
        self.claims: set[Any] = set()

    def end(self) -> None:
        """Give back what there is; raises what the database does."""
        if doubted := set(self.claims):
            with self._app.app_context(), unit_of_work() as db:
                self._give_back(db, doubted)
            self.claims -= doubted


class Claims:
    """Takes commands for the stations that are held here and gives them to their links.

    An order waits for no batch: it is claimed by a statement of its own, together with those that
    were heard of meanwhile, and what it sent is written with its end.
    """

    def __init__(self, app: Flask, node: str, standing: Standing, calls: Calls) -> None:
        self._app = app
        self._node = node
        self._standing = standing
        self._calls = calls
        self._heard_of: dict[int, Held] = {}
        self._carried: dict[int, str] = {}
        self._doubts = Doubts(app, partial(commands.give_back, node=node))
        self._woken = Event()

    def take(self, command_id: int, held: Held, carried: str | None = None) -> None:
        """Have a queued command of this station sent; however often it is told, once.

        `carried` is the trace it belongs to.
        """
        self._heard_of[command_id] = held
        if carried:
            self._carried[command_id] = carried
        self._woken.set()

    def work_off(self) -> None:
        """Claim and send what was heard of, for ever; raises what the database does.

        Begun again after that, it first gives back what may be claimed unheard.
        """
        self._doubts.end()
        while True:
            self._woken.wait()
            self._woken.clear()
            heard_of, self._heard_of = self._heard_of, {}
            try:
                self._claim(heard_of)
            except OperationalError:
                raise
            except Exception:
                log.exception("of %d orders one cannot be claimed", len(heard_of))
                self._one_by_one(heard_of)

    def _one_by_one(self, heard_of: dict[int, Held]) -> None:
        for number, held in heard_of.items():
            try:
                self._claim({number: held})
            except OperationalError:
                raise
            except Exception:
                log.exception("command %d cannot be claimed", number)

    def _claim(self, heard_of: dict[int, Held]) -> None:
        carried = {number: self._carried.pop(number, None) for number in heard_of}
        self._doubts.claims.update(heard_of)
        claimed = self._claimed(heard_of)
        self._doubts.claims.difference_update(heard_of)
        for one, there in claimed:
            about = {"command": one.id, "station": one.station_id}
            trace = traces.begin(f"order.{one.order}", carried[one.id], about, kind="consumer")
            self._calls.send(heard_of[one.id], one, there, trace)

    def _claimed(self, heard_of: dict[int, Held]) -> list[tuple[Claimed, Situation]]:
        """Those that are ours now, each with what the choice of its form depends on."""
        now = utc_now()
        with self._app.app_context(), unit_of_work() as db:
            here = {held.connection_id for held in heard_of.values() if held.connection_id}
            taken = commands.claim_all(db, heard_of, self._node, here, now=now)
            found = []
            for one in taken:
                link = heard_of[one.id].link
                same = one.access_epoch == link.station.access_epoch
                if same or not self._over(db, one, link, now):
                    found.append((one, _situation(db, one, link)))
        return found

    def _over(self, db: Session, one: Claimed, link: Link, now: datetime) -> bool:
        """End a command whose station may not go on over this connection."""
        try:
            self._standing.station(db, link)
        except Over as over:
            outcome = Outcome(CommandState.FAILED, None, f"Not sent: {over}.")
            commands.settle(db, db.get_one(Command, one.id), outcome, now=now)
            return True
        return False


def _situation(db: Session, one: Claimed, link: Link) -> Situation:
    if not SPECS[one.order].fallbacks:
        return Situation(quirks=link.station.quirks)
    return spec.situation(db, db.get_one(Command, one.id).station)


#: How often new wishes are looked for, in seconds.
LOOK_S = 0.25


class Setpoints:
    """Sends the newest setpoint of each EVSE of stations that are held here, one at a time."""

    def __init__(
        self, app: Flask, batch: Batch, settings: Settings, held: Mapping[int, Held]
    ) -> None:
        self._app = app
        self._batch = batch
        self._settings = settings
        self._held = held
        self._under_way: set[int] = set()
        self._doubts = Doubts(app, setpoints.give_back)

    def look_for_ever(self) -> None:
        """Find what is wanted; while one is under way to an EVSE, a newer one waits in its row."""
        while True:
            gevent.sleep(LOOK_S)
            self._doubts.end()
            if not self._held:
                continue
            with self._app.app_context():
                due = setpoints.due(flask_db.session(), now=utc_now())
            for row_id, station_id in due:
                held = self._held.get(station_id)
                if held is None or row_id in self._under_way or not held.link.takes_calls:
                    continue
                self._under_way.add(row_id)
                gevent.spawn(self._send, held, row_id)

    def _send(self, held: Held, row_id: int) -> None:
        if (claimed := self._claimed(held, row_id)) is None:
            self._under_way.discard(row_id)
            return
        try:
            self._put(held, claimed)
        except (Unfit, CallFault) as error:
            self._not_put(claimed, CommandState.FAILED, f"It cannot be said: {error}.")
        except (LinkClosed, OSError):
            self._not_put(claimed, CommandState.EXPIRED, NEVER_SENT)
        except Exception:
            log.exception("setpoint %d cannot be sent", row_id)
            self._not_put(claimed, CommandState.FAILED, "It could not be sent: see the log.")

    def _claimed(self, held: Held, row_id: int) -> setpoints.Claimed | None:
        """The wish of a row, if it is ours; else it waits there, to be taken up again."""
        here, now = held.connection_id, utc_now()
        try:
            claimed: setpoints.Claimed | None = self._batch.do(
                Job(lambda db, rows: setpoints.claim(db, row_id, here, now=now))
            )
        except (*AWAY, StorageAway) as error:
            log.warning("setpoint %d is not claimed: %s", row_id, error)
        except Exception:
            log.exception("setpoint %d cannot be claimed", row_id)
        else:
            return claimed
        self._doubts.claims.add((row_id, now))
        return None

    def _put(self, held: Held, claimed: setpoints.Claimed) -> None:
        encoding = DIALECTS[held.link.version].orders[Order.SET_PROFILE]
        quirks = held.link.station.quirks
        patience_s = commands.patience_s(quirks, self._settings.call_timeout_s)
        held.link.send_call(
            encoding.action_for(claimed.arguments),
            encoding.encode(claimed.arguments),
            timeout_s=patience_s,
            expires_in_s=patience_s,
            context=claimed,
        )

    def settled(self, held: Held, event: Settled) -> None:
        """Keep how a setpoint ended, and the row of its call."""
        event = discreet(event)
        claimed: setpoints.Claimed = event.call.context
        encoding = DIALECTS[held.link.version].orders[Order.SET_PROFILE]
        heard = understood(event, held.link.version, strict=held.link.station.strict)
        outcome = outcome_of(held.link.version, heard, encoding, claimed.arguments)
        latency_ms = event.latency_s * 1000 if isinstance(event, Answered | Refused) else None
        row = log_rows.of_settled(held, event, latency_ms) if event.call.sent_at else None
        self._keep(claimed, outcome, row)

    def _not_put(self, claimed: setpoints.Claimed, state: CommandState, sentence: str) -> None:
        self._keep(claimed, Outcome(state, None, sentence), None)

    def _keep(self, claimed: setpoints.Claimed, outcome: Outcome, row: Row | None) -> None:
        self._under_way.discard(claimed.row_id)

        def run(db: Session, rows: list[Row]) -> None:
            setpoints.settle(db, claimed, outcome, now=utc_now())
            if row is not None:
                rows.append(row)

        self._batch.later(Job(run))
