"""A station in the database and its jobs, for the tests of firmware and logs in every version."""

from datetime import UTC, datetime

from app.domain.commands import commands
from app.domain.device import files
from app.domain.ground.vocabulary import SYSTEM, Order
from app.models import FileJob
from tests.support import lone, sockets
from tests.support.stations import register
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.ocpp import schemas
from worker.ocpp.fields import Fields

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Talk:
    """What is said between us and one station over one version."""

    def __init__(self, db, version) -> None:
        self.db, self.version = db, version
        self.station = register(db, now=NOW)
        orders = [order.value for order in DIALECTS[version].orders]
        protocol = f"ocpp{version.value}"
        sockets.connect(db, self.station, protocol=protocol, orders=orders, now=NOW)

    def ask(self, order: Order, **given):
        """Queue an order; returns the command, the message and its payload."""
        command = commands.queue(self.db, SYSTEM, self.station, order, given, now=NOW, ttl_s=60)
        arguments = files.addressed(command.arguments, "https://desk.example")
        encoding = DIALECTS[self.version].orders[order]
        action, payload = encoding.action_for(arguments), encoding.encode(arguments)
        assert schemas.violation(self.version, action, "call", payload) is None
        self.encoding, self.arguments = encoding, arguments
        return command, action, payload

    def answer(self, command, **payload):
        """Let the station answer; returns the job (if there is one)."""
        outcome = self.encoding.outcome(payload, self.arguments)
        lone.claim(self.db, command.id, "worker-a", now=NOW)
        commands.settle(self.db, command, outcome, now=NOW)
        return self.db.get(FileJob, self.arguments.get("request_id", 0))

    def hear(self, action: str, **payload):
        """Let the station send a message; returns our answer."""
        assert schemas.violation(self.version, action, "call", payload) is None
        context = Context(
            db=self.db,
            station=self.station,
            station_id=self.station.id,
            timezone="UTC",
            quirks={},
            now=NOW,
        )
        answer = DIALECTS[self.version].routes[action].handler(Fields(payload), context)
        assert schemas.violation(self.version, action, "result", answer) is None
        return answer
