"""A connected station with two plugs, its orders answered as a test says, and running sessions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands import commands
from app.domain.ground import events
from app.domain.ground.vocabulary import Actor, CommandState, Order, Outcome
from app.models import ChargingSession, Command, Station, StationVariable
from tests.support import lone, sockets
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.dialects.records import Outside
from worker.ocpp import schemas
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

ADA = Actor("Ada")


@dataclass
class Yard:
    """The station of a test, and what can be done with it."""

    db: Session
    station: Station
    now: datetime
    version: Version = Version.V21

    def order(self, order: Order, **arguments: Any) -> Command:
        """Queue an order for the station."""
        return commands.queue(self.db, ADA, self.station, order, arguments, now=self.now, ttl_s=60)

    def answer(self, command: Command, word: str = "Accepted", **facts: Any) -> None:
        """Let the station answer an order."""
        lone.claim(self.db, command.id, "worker-a", now=self.now)
        state = CommandState.ACCEPTED if word == "Accepted" else CommandState.REJECTED
        outcome = Outcome(state, {"status": word}, f"The charger answered {word}.", facts, word)
        assert commands.settle(self.db, command, outcome, now=self.now)

    def ordered(self, order: Order) -> Command | None:
        """The newest command of an order."""
        query = select(Command).where(Command.order == order).order_by(Command.id.desc())
        return self.db.scalar(query.limit(1))

    def session(self, **given: Any) -> ChargingSession:
        """Begin a charging session."""
        values: dict[str, Any] = {
            "evse": 1,
            "start_key": f"k{given.get('transaction_ref', '41')}",
            "token": "04A2",
            "timezone": "Europe/Berlin",
            "currency": "EUR",
            "started_at": self.now,
            "start_received_at": self.now,
            "transaction_ref": "41",
            **given,
        }
        site_id, tenant_id = self.station.site_id, self.station.tenant_id
        row = ChargingSession(
            tenant_id=tenant_id, site_id=site_id, station_id=self.station.id, **values
        )
        self.db.add(row)
        self.db.flush()
        return row

    def setting(self, variable: str, value: str, component: str = "") -> None:
        """Let the station have said a setting."""
        row = StationVariable(
            station_id=self.station.id,
            key=f"{component}/{variable}".lower(),
            component=component,
            variable=variable,
            value=value,
        )
        self.db.add(row)
        self.db.flush()

    def hear(self, action: str, services: Any = None, **payload: Any) -> dict[str, Any]:
        """Give a valid message of the station to its handler; return the answer, valid, too.

        `services` are the outside ones that are asked first, if any are.
        """
        assert schemas.violation(self.version, action, "call", payload) is None
        context = Context(
            db=self.db,
            station=self.station,
            station_id=self.station.id,
            timezone="Europe/Berlin",
            quirks=self.station.quirks,
            now=self.now,
        )
        handler = DIALECTS[self.version].routes[action].handler
        if isinstance(handler, Outside):
            context.found = handler.ask(Fields(payload), context, services)
            handler = handler.then
        answer: dict[str, Any] = handler(Fields(payload), context)
        assert schemas.violation(self.version, action, "result", answer) is None
        return answer

    def frame(self, command: Command) -> tuple[str, dict[str, Any]]:
        """The message that a command becomes, valid by its schema."""
        encoding = DIALECTS[self.version].orders[command.order]
        action = encoding.action_for(command.arguments)
        payload = encoding.encode(dict(command.arguments))
        assert schemas.violation(self.version, action, "call", payload) is None
        return action, payload


@pytest.fixture
def yard(db: Session, now: datetime) -> Yard:
    """A connected station that can be asked everything."""
    return yard_on(db, now)


def yard_on(db: Session, now: datetime) -> Yard:
    """The same on any database."""
    station = sockets.online_station(db, protocol="ocpp2.1", now=now)
    events.take(db)
    return Yard(db, station, now)
