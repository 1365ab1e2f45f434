"""A command on its way over a link: in which form, until when, and why a form was not sent."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.commands.command_rules import Sent
from app.domain.commands.orders.spec import Chain, End
from app.domain.ground.vocabulary import Arguments, CommandState, Order, Outcome
from app.process.clock import utc_now
from worker.dialects.context import Payload
from worker.dialects.records import Encoding


@dataclass(slots=True)
class Pending:
    """A command under way: what was asked, in which form, and until when another may follow.

    `wire` is what went over the wire, `attempts` the forms before it: written with the end, or by
    `timer` if that lets wait.
    """

    command_id: int
    order: Order
    encoding: Encoding
    chain: Chain
    expires_at: datetime
    action: str = ""
    request: Payload | None = None
    wire: Sent | None = None
    attempts: list[Payload] = field(default_factory=list)
    timer: Any = None

    @property
    def arguments(self) -> Arguments:
        """The arguments of the form that is tried now."""
        return self.chain.current

    @property
    def left_s(self) -> float:
        """How long something may still be sent, in seconds."""
        return (self.expires_at - utc_now()).total_seconds()


class NotPut(Exception):
    """A form that did not reach the wire, how it ended, and in which words."""

    def __init__(self, state: CommandState, sentence: str, end: End | None = None) -> None:
        super().__init__(sentence)
        self.outcome = Outcome(state, None, sentence)
        self.end = end
