"""One charger's socket while it is open: reads, hands over, answers, in that order.

This file defines what a link offers and what it needs from its desk.
"""

from typing import Any, Protocol

from worker.ocpp.events import Malformed, OurCall, Repeated, Settled, Stray
from worker.ocpp.frames import Call, Send
from worker.ocpp.handshake import StationInfo
from worker.ocpp.versions import Version


class LinkHandle(Protocol):
    """What others may do with a link.  All methods may be called from any greenlet.

    `connection_id` is unique for ever (a UUID's hex): presence is fenced with it.  Times with
    `_at` are seconds of `time.monotonic`, except `opened_wall`, a Unix time.
    """

    connection_id: str
    station: StationInfo
    version: Version
    subprotocol: str | None
    remote_address: str
    opened_at: float
    opened_wall: float
    last_frame_at: float
    closed: bool

    def send_call(
        self,
        action: str,
        payload: dict[str, Any],
        *,
        timeout_s: float = 30.0,
        expires_in_s: float | None = None,
        context: Any = None,
    ) -> OurCall:
        """Queue a call to the charger; `desk.settled` hears how it ended, exactly once.

        Raises `worker.ocpp.schemas.Violation` (a CallFault) when the payload is not what the
        schema asks for, and `LinkClosed` when the socket is gone.
        """
        ...

    def hold(self, seconds: float) -> None:
        """Send no calls of ours for that long (before the boot is answered, FIELD B3)."""
        ...

    def release(self) -> None:
        """End a hold now."""
        ...

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket; `desk.closed` follows from the link's own greenlet."""
        ...


class Desk(Protocol):
    """What a link reports to.  An exception in any of these is logged and ends nothing else."""

    def opened(self, link: LinkHandle) -> None:
        """The socket is open; nothing was read yet.  May block."""
        ...

    def closed(self, link: LinkHandle, code: int, reason: str) -> None:
        """The socket is gone.  Called once, after everything else of this link."""
        ...

    def call(self, link: LinkHandle, call: Call | Send) -> str | None:
        """Handle a call and return the reply's text, or None to stay silent.

        Blocks the link's reader until what was said is stored: nothing more of this charger is
        read meanwhile.  Make the text with `link.answer(call, payload)` or
        `link.refuse(call, fault, description)`.
        """
        ...

    def settled(self, link: LinkHandle, event: Settled) -> None:
        """A call of ours ended: answered, refused, timed out, expired or cancelled."""
        ...

    def stray(self, link: LinkHandle, event: Stray | Repeated | Malformed) -> None:
        """Something came that changes nothing; for the message log and the counters."""
        ...
