"""Connections that have opened and not said yet what they want, and how many there may be.

A socket costs its opener nothing and us a greenlet, a buffer and a file.  So each may stand here
for a time only, few of one address, and when all places are taken the one that has stood longest
goes: whoever comes now is never turned away because others hang.  A crowd of which each has only
just come loses nobody: those for whom there is no place wait in the kernel's queue for a moment.
But where nobody more can be let in, nobody waits for one who says nothing: each is to be told so.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import gevent
import gevent.socket
from gevent.baseserver import BaseServer
from gevent.pywsgi import WSGIServer

from worker.ocpp.handshake import Accepted, Network, Request, is_within
from worker.ocpp.refusals import Refused, network_of

#: Whoever has stood shorter than this many seconds is no obstacle to others of its address: a
#: charger with a slow line has that long even while its neighbour opens connections by the hundred.
YOUNG_S = 1.0
#: After so many seconds a listener looks again whether there is a place.
RESTS_S = 0.02


class Listener(WSGIServer):  # type: ignore[misc]
    """A listener that takes nobody in while all places are taken by those who have just come."""

    def full(self) -> bool:
        """Whether to rest; the server stops accepting then, and begins again by itself."""
        if not self.__dict__["ampdesk"].doorstep.is_full():
            return False
        gevent.spawn_later(RESTS_S, self._start_accepting_if_started)
        return True


def listening(host: str, port: int, backlog: int, shared: bool) -> Any:
    """A listening socket, beside those of others where it is `shared`; raises OSError."""
    family = gevent.socket.AF_INET6 if ":" in host else gevent.socket.AF_INET
    sock = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
    sock.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEPORT, 1)
    sock.bind((host, port))
    sock.listen(backlog)
    return sock


def stop_listening(listener: BaseServer) -> None:
    """Take in whoever has connected and waits in the kernel's queue, then close.

    Closing alone would reset them, and nobody would tell them to come again.
    """
    listener.stop_accepting()
    with suppress(OSError):
        while (waiting := listener.do_read()) is not None:
            listener.do_handle(*waiting)
    listener.close()


class Gate(Protocol):
    """Decides who is let in."""

    def admit(self, request: Request) -> Accepted | Refused:
        """Decide about a handshake, and record it.  May wait; a thousand may wait at once."""

    def turned_away(self, request: Request, refused: Refused) -> None:
        """Record a handshake that was refused before the gate was asked, or after it agreed.

        `request.identity` is empty when the path named none.
        """


@dataclass(slots=True, eq=False)
class Visitor:
    """A connection on the doorstep, and the greenlet that reads from it."""

    address: str
    network: str
    since: float
    greenlet: Any
    by_tls: bool


class Doorstep:
    """Who stands before the door, in the order of their coming.

    `room` tells how many may stand here in all; `most_of_one` may of one address (trusted proxies
    stand for many), each for `within_s` seconds.  `dropped` is told about each that is ended.
    """

    def __init__(
        self,
        room: Callable[[], int],
        most_of_one: int,
        within_s: float,
        trusted: Sequence[Network],
        dropped: Callable[[Visitor], None],
    ) -> None:
        self._room = room
        self._most_of_one = most_of_one
        self._within_s = within_s
        self._trusted = trusted
        self._dropped = dropped
        self._all: dict[Visitor, None] = {}
        self._of_one: dict[str, dict[Visitor, None]] = {}
        #: Those of them that have too many here.
        self._crowds: dict[str, dict[Visitor, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, peer: object, *, by_tls: bool = False) -> Visitor:
        """Take in the connection of the running greenlet; `peer` is the socket's address.

        `by_tls`: what it has to do first is a TLS handshake.
        """
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        now = time.monotonic()
        visitor = Visitor(address, network_of(address), now, gevent.getcurrent(), by_tls)
        theirs = self._of_one.setdefault(visitor.network, {})
        theirs[visitor] = self._all[visitor] = None
        if len(theirs) > self._most_of_one and not is_within(address, self._trusted):
            self._crowds[visitor.network] = theirs
            if (oldest := next(iter(theirs))).since < now - YOUNG_S:
                self._drop(oldest)
        if len(self._all) > self._most() and (spare := self._spare()) is not None:
            self._drop(spare)
        return visitor

    def is_full(self) -> bool:
        """Whether all places are taken and nobody goes for a newcomer yet."""
        return len(self._all) >= self._most() and self._spare() is None

    def _most(self) -> int:
        return max(1, self._room())

    def _spare(self) -> Visitor | None:
        """Who goes when all places are taken: of an address with too many, or who is not young."""
        for theirs in self._crowds.values():
            return next(iter(theirs))
        oldest = next(iter(self._all))
        spare = self._room() < 1 or oldest.since < time.monotonic() - YOUNG_S
        return oldest if spare else None

    def leave(self, visitor: Visitor) -> None:
        """It has said what it wants, or is gone; a second time changes nothing."""
        if self._all.pop(visitor, visitor) is visitor:
            return
        theirs = self._of_one[visitor.network]
        del theirs[visitor]
        if len(theirs) <= self._most_of_one:
            self._crowds.pop(visitor.network, None)
        if not theirs:
            del self._of_one[visitor.network]

    def sweep(self) -> None:
        """End every connection whose time is over."""
        before = time.monotonic() - self._within_s
        while self._all and next(iter(self._all)).since < before:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._drop(next(iter(self._all)))

    def _drop(self, visitor: Visitor) -> None:
        self.leave(visitor)
        # Its greenlet waits in a read, and closes the socket on its way out.
        visitor.greenlet.kill(block=False)
        self._dropped(visitor)
