"""What the port turns to: who decides about handshakes, and who knows what messages mean."""

from typing import Any, Protocol

from worker.ocpp.events import Malformed, Repeated, Settled, Stray
from worker.ocpp.frames import Call, Send
from worker.ocpp.handshake import Accepted, Request
from worker.ocpp.refusals import Refused


class Gate(Protocol):
    """Decides who is let in."""

    def admit(self, request: Request) -> Accepted | Refused:
        """Decide about a handshake, and record it.  May wait; a thousand may wait at once."""
        ...

    def turned_away(self, request: Request, refused: Refused) -> None:
        """Record a handshake that was refused before the gate was asked, or after it agreed.

        `request.identity` is empty when the path named none.
        """
        ...


class Desk(Protocol):
    """What a link reports to.  An exception in any of these is logged and ends nothing else.

    Only `opened` is an exception to that: when it fails the socket is closed.
    """

    def opened(self, link: Any) -> None:
        """The socket is open; nothing was read yet.  May block."""
        ...

    def closed(self, link: Any, code: int, reason: str) -> None:
        """The socket is gone.  Called once, after everything else of this link."""
        ...

    def call(self, link: Any, call: Call | Send) -> str | None:
        """Handle a call and return the reply's text, or None to stay silent.

        Blocks the link's reader until what was said is stored: nothing more of this charger is
        read meanwhile.  Make the text with `link.answer(call, payload)` or
        `link.refuse(call, fault, description)`.
        """
        ...

    def settled(self, link: Any, event: Settled) -> None:
        """A call of ours ended: answered, refused, timed out, expired or cancelled."""
        ...

    def stray(self, link: Any, event: Stray | Repeated | Malformed) -> None:
        """Something came that changes nothing; for the message log and the counters."""
        ...
