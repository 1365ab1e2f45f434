"""A crowd of chargers in one thread, as a network has them while something goes wrong.

Each tells one session after another (the scripts of `tests/support/teller.py`), and again, word for
word, what was not answered; comes back with growing pauses, to the other node where its own refuses
it; answers orders, and remembers which it was given and when.  `answered` is its ledger.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.support.teller import SCRIPTS, Metered, Payload, Teller, Told
from tests.support.wait import resting

#: How long a charger waits for an answer before it hangs up and asks again.
ANSWER_S = 20.0
#: The first pause before another attempt, and the longest.
AGAIN_S, LONGEST_AGAIN_S = 0.25, 4.0
#: After so many refusals in a row it tries the other node.
PATIENCE = 2


@dataclass
class Ordered:
    """An order with a mark as it came; `newest` tells whether over the newest line."""

    mark: str
    at: float
    newest: bool


@dataclass
class Wait:
    """How long an answer took, when the call first left, and to which node."""

    at: float
    seconds: float
    node: int | None


@dataclass
class Mood:
    """What all chargers of a crowd have in common: how long they rest between two calls."""

    pause_s: float = 1.0
    gone: bool = False
    moved: set[int] = field(default_factory=set)


class Charger:
    """One of them; what the checks of `told.py` ask of a `Teller` it has, too."""

    failure: BaseException | None = None

    def __init__(
        self, ports: Sequence[int], home: int, who: tuple[str, str, str], protocol: str, mood: Mood
    ) -> None:
        self.identity, self.password, self.tag = who
        self.protocol, self.home, self.ports = protocol, home, ports
        self.sessions: list[Metered] = []
        self.answered: list[Told] = []
        self.answered_at: list[float] = []
        self.sent: Counter[str] = Counter()
        self.ordered: list[Ordered] = []
        self.waits: list[Wait] = []
        self.closes: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()
        self.errors: list[str] = []
        self.node: int | None = None
        self._mood = mood
        self._enough = asyncio.Event()
        self._dice = random.Random(self.identity)
        self._socket: websockets.ClientConnection | None = None
        self.lines: set[websockets.ClientConnection] = set()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    metered = Teller.metered  # the same sessions

    async def run(self) -> None:
        """Tell sessions until it is asked to end."""
        script = SCRIPTS[self.protocol](self)  # type: ignore[arg-type]
        keeping = asyncio.create_task(self._keep_connected())
        answer = None
        try:
            for number in itertools.count():
                action, payload = script.send(answer)
                call = f"{self.identity}-{number}"
                answer = await self._until_answered(call, action, payload)
                self.answered.append(Told(call, action, payload, answer))
                self.answered_at.append(time.time())
                pause_s = self._mood.pause_s * self._dice.uniform(0.5, 1.5)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._enough.wait(), pause_s)
        except StopIteration:
            pass
        except Exception as error:
            self.failure = error
        finally:
            keeping.cancel()
            await self._hang_up()

    def ask_to_end(self) -> None:
        """Let it go home after the session that it is at."""
        self._enough.set()

    async def move(self, home: int) -> None:
        """Have it on the other node from now on; its old line stays, until that node ends it.

        What was not answered yet is asked again over the new line.
        """
        self.home = home
        await self._connect()
        self._forget_calls()

    async def drop(self) -> None:
        """End its connection without a word, as one whose line was cut."""
        for line in self.lines:
            line.transport.abort()

    async def _until_answered(self, number: str, action: str, payload: Payload) -> Payload:
        """Send a call until it is answered."""
        text = json.dumps([2, number, action, payload])
        begin, node = time.time(), self.node
        while not self._mood.gone:
            try:
                answer = await self._ask(number, text)
            except ConnectionError:
                pass  # it has another line by now, or comes back
            except (OSError, TimeoutError, WebSocketException):
                await self._hang_up()
            else:
                if answer[0] == 3:
                    self._judge(action, answer[2])
                    self.waits.append(Wait(begin, time.time() - begin, node))
                    given: Payload = answer[2]
                    return given
                # Refused for now: what is about money is told again (1.6 section 3.7.1).
                self.errors.append(f"{action}: {answer[2:]}")
            await resting(self._dice.uniform(0.2, 0.6))
        raise ConnectionError("it was told to give up")

    def _judge(self, action: str, answer: Payload) -> None:
        """A tag that is good is never called bad: chargers would remember that."""
        about = answer.get("idTagInfo") or answer.get("idTokenInfo")
        if about is not None and about["status"] != "Accepted":
            self.errors.append(f"poisoned: {action} was answered {answer}")

    async def _ask(self, number: str, text: str) -> list[Any]:
        while self._socket is None:
            await resting(0.05)
            if self._mood.gone:
                raise ConnectionError("it was told to give up")
        socket, future = self._socket, asyncio.get_running_loop().create_future()
        self._answers[number] = future
        self.sent[number] += 1
        try:
            await socket.send(text)
            return await asyncio.wait_for(future, ANSWER_S)  # type: ignore[no-any-return]
        finally:
            self._answers.pop(number, None)

    # The line

    async def _keep_connected(self) -> None:
        again_s, refused = AGAIN_S, 0
        while not self._mood.gone:
            if self._socket is not None:
                again_s, refused = AGAIN_S, 0
                await resting(0.1)
                continue
            at = (self.home + (refused // PATIENCE)) % len(self.ports)
            try:
                await self._connect(at)
            except InvalidStatus as error:
                self.refusals[str(error.response.status_code)] += 1
            except (OSError, TimeoutError, WebSocketException) as error:
                self.refusals[type(error).__name__] += 1
            if self._socket is None:
                refused += 1
                await resting(again_s * self._dice.uniform(0.5, 1.5))
                again_s = min(again_s * 2, LONGEST_AGAIN_S)

    async def _connect(self, at: int | None = None) -> None:
        login = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        at = self.home if at is None else at
        socket = await websockets.connect(
            f"ws://127.0.0.1:{self.ports[at]}/ocpp/{self.identity}",
            subprotocols=[websockets.Subprotocol(self.protocol)],
            additional_headers={"Authorization": f"Basic {login}"},
            open_timeout=15,
            close_timeout=1,
            ping_interval=None,
            compression=None,
            proxy=None,
        )
        self._socket, self.node = socket, at
        self._reading.add(reading := asyncio.create_task(self._read(socket)))
        reading.add_done_callback(self._reading.discard)

    async def _read(self, socket: websockets.ClientConnection) -> None:
        """Take what comes over one line until it ends."""
        self.lines.add(socket)
        try:
            async for text in socket:
                frame = json.loads(text)
                if frame[0] == 2:
                    await socket.send(json.dumps(self._answer(frame, socket)))
                elif (future := self._answers.get(frame[1])) is not None and not future.done():
                    future.set_result(frame)
        except (WebSocketException, OSError):
            pass
        self.lines.discard(socket)
        self.closes[int(socket.close_code or 1006)] += 1
        if self._socket is socket:
            self._socket, self.node = None, None
            self._forget_calls()

    def _forget_calls(self) -> None:
        for future in self._answers.values():
            if not future.done():
                future.set_exception(ConnectionError("the line was lost"))

    def _answer(self, frame: list[Any], socket: websockets.ClientConnection) -> list[Any]:
        if frame[2] != "DataTransfer":
            return [4, frame[1], "NotSupported", "", {}]
        newest = socket is self._socket
        self.ordered.append(Ordered(str(frame[3].get("data")), time.time(), newest))
        return [3, frame[1], {"status": "Accepted"}]

    async def _hang_up(self) -> None:
        socket, self._socket, self.node = self._socket, None, None
        if socket is not None:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await asyncio.wait_for(socket.close(), 2)


class Crowd:
    """All of them, and the thread that they live in."""

    def __init__(
        self, ports: Sequence[int], known: Sequence[tuple[str, str, str]], pause_s: float
    ) -> None:
        self.mood = Mood(pause_s)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, daemon=True, name="crowd")
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = threading.Event()
        versions = itertools.cycle(SCRIPTS)
        self._make = [
            (ports, number // 2 % len(ports), who, next(versions))
            for number, who in enumerate(known)
        ]
        self.chargers: list[Charger] = []

    def start(self) -> None:
        """Let all of them come."""
        self._thread.start()
        self._ready.wait(60)

    def _live(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._all())

    async def _all(self) -> None:
        self.chargers = [Charger(*given, self.mood) for given in self._make]
        self._tasks = [asyncio.create_task(charger.run()) for charger in self.chargers]
        self._ready.set()
        await asyncio.wait(self._tasks)

    def move(self, home: int | None = None) -> None:
        """Have all of them on one node, or each on the other one (None), all at once."""

        async def go() -> None:
            moves = [
                charger.move(1 - charger.home if home is None else home)
                for charger in self.chargers
            ]
            await asyncio.gather(*moves, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(go(), self.loop).result(60)

    def drop(self) -> None:
        """Cut every line at once."""

        async def go() -> None:
            for charger in self.chargers:
                await charger.drop()

        asyncio.run_coroutine_threadsafe(go(), self.loop).result(10)

    def ask_to_end(self) -> None:
        """Let all of them tell the sessions that they are at to the end."""
        for charger in self.chargers:
            self.loop.call_soon_threadsafe(charger.ask_to_end)

    def join(self, within: float) -> bool:
        """Wait for their end; tell whether all have ended."""
        self._thread.join(within)
        return not self._thread.is_alive()

    def give_up(self) -> None:
        """Let all of them stay silent from now on."""
        self.mood.gone = True
        self._thread.join(30)
