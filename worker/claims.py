"""Queued commands on their way to the wire: taken as soon as they are heard of, and handed over.

An order waits for no batch: it is claimed by a statement of its own, together with those that
were heard of meanwhile, and what it sent is written with its end.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from gevent.event import Event
from sqlalchemy.exc import OperationalError

from app.domain.commands import commands, fallbacks
from app.domain.commands.commands import Claimed
from app.domain.commands.fallbacks import Situation
from app.domain.commands.orders import SPECS
from app.domain.ground.vocabulary import CommandState, Outcome
from app.models import Command
from app.uow import unit_of_work
from worker.calls import Calls
from worker.dispatch import Held
from worker.standing import Over, Standing

log = logging.getLogger(__name__)


class Claims:
    """Takes commands for the stations that are held here and gives them to their links."""

    def __init__(self, app: Flask, node: str, standing: Standing, calls: Calls) -> None:
        self._app = app
        self._node = node
        self._standing = standing
        self._calls = calls
        self._heard_of: dict[int, Held] = {}
        self._woken = Event()

    def take(self, command_id: int, held: Held) -> None:
        """Have a queued command of this station sent; however often it is told, once."""
        self._heard_of[command_id] = held
        self._woken.set()

    def work_off(self) -> None:
        """Claim and send what was heard of, for ever; raises what the database does."""
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
        for one, there in self._claimed(heard_of):
            self._calls.send(heard_of[one.id], one, there)

    def _claimed(self, heard_of: dict[int, Held]) -> list[tuple[Claimed, Situation]]:
        """Those that are ours now, each with what the choice of its form depends on."""
        now = datetime.now(UTC)
        with self._app.app_context(), unit_of_work() as db:
            taken = commands.claim_all(db, heard_of, self._node, now=now)
            found = []
            for one in taken:
                link = heard_of[one.id].link
                same = one.access_epoch == link.station.access_epoch
                if same or not self._over(db, one, link, now):
                    found.append((one, _situation(db, one, link)))
        return found

    def _over(self, db: Any, one: Claimed, link: Any, now: datetime) -> bool:
        """End a command whose station may not go on over this connection."""
        try:
            self._standing.station(db, link)
        except Over as over:
            outcome = Outcome(CommandState.FAILED, None, f"Not sent: {over}.")
            commands.settle(db, db.get(Command, one.id), outcome, now=now)
            return True
        return False


def _situation(db: Any, one: Claimed, link: Any) -> Situation:
    if not SPECS[one.order].fallbacks:
        return Situation(quirks=link.station.quirks)
    return fallbacks.situation(db, db.get(Command, one.id).station)
