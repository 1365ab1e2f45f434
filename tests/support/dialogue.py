"""A station at the other end of a domain test: what it is asked, and what follows its answers.

Orders go through the real queue and the real dialect; only the socket is left out.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import metering
from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, BootReport, CommandState, Order, Outcome
from app.domain.network import presence
from app.models import Command, Station
from tests.support import lone, sockets, stations
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.dialects.records import Bulk
from worker.ocpp import schemas
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

BOOT = BootReport("Acme", "Fortress", firmware="1.0", raw={"model": "Fortress"})


class Dialogue:
    """A connected station of one version; `now` may be moved on."""

    def __init__(self, db: Session, now: datetime, version: Version, identity: str = "CP-7"):
        self.db, self.now, self.version = db, now, version
        self.station = stations.register(db, identity, connectors=2, now=now)
        self.connect()

    def connect(self) -> None:
        """Open a connection, as the worker notes it."""
        sockets.connect(
            *(self.db, self.station),
            protocol=f"ocpp{self.version.value}",
            orders=[order.value for order in DIALECTS[self.version].orders],
            now=self.now,
        )

    def later(self, **time: float) -> None:
        """Let time pass; the worker lives on."""
        self.now += timedelta(**time)
        presence.beat(self.db, "worker-a", now=self.now)

    def ask(self, order: Order, **arguments: Any) -> Command:
        """Give an order."""
        return commands.queue(
            self.db, SYSTEM, self.station, order, arguments, now=self.now, ttl_s=60
        )

    def hears(self) -> tuple[str, dict[str, Any]]:
        """The oldest message that waits for the station, valid by its schema."""
        command = self.waiting()[0]
        encoding = DIALECTS[self.version].orders[command.order]
        action = encoding.action_for(command.arguments)
        payload = encoding.encode(dict(command.arguments))
        assert schemas.violation(self.version, action, "call", payload) is None
        return action, payload

    def waiting(self) -> list[Command]:
        """The commands that wait, oldest first."""
        query = select(Command).where(
            Command.station_id == self.station.id, Command.state == CommandState.QUEUED
        )
        return list(self.db.scalars(query.order_by(Command.id)))

    def answers(self, payload: dict[str, Any]) -> Command:
        """Answer the oldest message."""
        command = self.waiting()[0]
        encoding = DIALECTS[self.version].orders[command.order]
        return self._ends(encoding.outcome(payload, dict(command.arguments)))

    def fails(self, state: CommandState = CommandState.FAILED) -> Command:
        """Let the oldest message end without an answer that could be used."""
        return self._ends(Outcome(state, {"errorCode": "InternalError"}, "It went wrong."))

    def _ends(self, outcome: Outcome) -> Command:
        command = lone.claim(self.db, self.waiting()[0].id, "worker-a", now=self.now)
        assert command is not None
        commands.settle(self.db, command, outcome, now=self.now)
        return command

    def says(self, action: str, payload: dict[str, Any], *, odd: bool = False) -> dict[str, Any]:
        """A message of the station, handled by its dialect; both frames valid by their schemas.

        An `odd` one need not be: tolerant mode lets much through.
        """
        assert odd or schemas.violation(self.version, action, "call", payload) is None
        station = self.db.get(Station, self.station.id)
        context = Context(self.db, station, self.station.id, "UTC", station.quirks, self.now)
        handler = DIALECTS[self.version].routes[action].handler
        if isinstance(handler, Bulk):
            metering.store(self.db, [handler.read(Fields(payload), context)], now=self.now)
            return dict(handler.answer)
        answer: dict[str, Any] = handler(Fields(payload), context)
        if not schemas.wants_no_answer(self.version, action):
            assert schemas.violation(self.version, action, "result", answer) is None
        return answer
