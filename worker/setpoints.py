"""Setpoints on their way to chargers: the newest of each EVSE, one at a time for each."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import gevent
from flask import Flask

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from app.domain.limits import setpoints
from app.domain.limits.setpoints import Claimed
from app.extensions import db as flask_db
from worker import log_rows
from worker.answers import NEVER_SENT, discreet, outcome_of
from worker.batch import Batch, Job
from worker.calls import TABLES
from worker.dialects.encoding import Unfit
from worker.dispatch import Held
from worker.link import LinkClosed
from worker.ocpp.events import Answered, Refused, Settled
from worker.ocpp.faults import CallFault

log = logging.getLogger(__name__)

#: How often new wishes are looked for, in seconds.
LOOK_S = 0.25


class Setpoints:
    """Sends what is wanted of stations that are held here."""

    def __init__(self, app: Flask, batch: Batch, settings: Any, held: Mapping[int, Held]) -> None:
        self._app = app
        self._batch = batch
        self._settings = settings
        self._held = held
        self._under_way: set[int] = set()

    def look_for_ever(self) -> None:
        """Find what is wanted; while one is under way to an EVSE, a newer one waits in its row."""
        while True:
            gevent.sleep(LOOK_S)
            if not self._held:
                continue
            with self._app.app_context():
                due = setpoints.due(flask_db.session(), now=datetime.now(UTC))
            for row_id, station_id in due:
                held = self._held.get(station_id)
                if held is not None and row_id not in self._under_way:
                    self._under_way.add(row_id)
                    gevent.spawn(self._send, held, row_id)

    def _send(self, held: Held, row_id: int) -> None:
        claimed: Claimed | None = None
        try:
            claimed = self._batch.do(
                Job(lambda db, rows: setpoints.claim(db, row_id, now=datetime.now(UTC)))
            )
            if claimed is None:
                self._under_way.discard(row_id)
            else:
                self._put(held, claimed)
        except (Unfit, CallFault) as error:
            self._settle(claimed, row_id, CommandState.FAILED, f"It cannot be said: {error}.")
        except (LinkClosed, OSError):
            self._settle(claimed, row_id, CommandState.EXPIRED, NEVER_SENT)
        except Exception:
            log.exception("setpoint %d cannot be sent", row_id)
            self._settle(claimed, row_id, CommandState.FAILED, "It could not be sent: see the log.")

    def _put(self, held: Held, claimed: Claimed) -> None:
        encoding = TABLES[held.link.version][Order.SET_PROFILE]
        patience_s = held.link.station.quirks.get("call_timeout_s") or self._settings.call_timeout_s
        held.link.send_call(
            encoding.action_for(claimed.arguments),
            encoding.encode(claimed.arguments),
            timeout_s=float(patience_s),
            expires_in_s=float(patience_s),
            context=claimed,
        )

    def settled(self, held: Held, event: Settled) -> None:
        """Keep how a setpoint ended, and the row of its call."""
        event = discreet(event)
        claimed: Claimed = event.call.context
        encoding = TABLES[held.link.version][Order.SET_PROFILE]
        outcome = outcome_of(held.link.version, event, encoding, claimed.arguments)
        latency_ms = event.latency_s * 1000 if isinstance(event, Answered | Refused) else None
        row = log_rows.of_settled(held, event, latency_ms) if event.call.sent_at else None
        self._keep(claimed, outcome, row)

    def _settle(
        self, claimed: Claimed | None, row_id: int, state: CommandState, sentence: str
    ) -> None:
        if claimed is None:  # it waits in its row, to be taken up again
            self._under_way.discard(row_id)
        else:
            self._keep(claimed, Outcome(state, None, sentence), None)

    def _keep(self, claimed: Claimed, outcome: Outcome, row: dict[str, Any] | None) -> None:
        self._under_way.discard(claimed.row_id)

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            setpoints.settle(db, claimed, outcome, now=datetime.now(UTC))
            if row is not None:
                rows.append(row)

        self._batch.later(Job(run))
