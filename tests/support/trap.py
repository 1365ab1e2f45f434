"""Programs of Ampdesk that die by SIGKILL where a test says; nothing else of them is changed.

    python -m tests.support.trap worker
    python -m tests.support.trap celery --app wsgi:celery worker

A file in the data folder sets the trap: the stage, how often it is passed by first, and a word that
one of the calls in the batch must have, if any.  The program removes the file and is dead.
"""

import functools
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

BEFORE, AFTER, MEANWHILE, HALFWAY, UNHEARD = "before", "after", "meanwhile", "halfway", "unheard"
#: A commit takes about so long: death comes somewhere within it, in seconds.
WITHIN_S = 0.004


class Stage(NamedTuple):
    """Where a program dies: before, after or during a call of a function."""

    name: str
    module: str
    function: str
    when: str


#: In the order in which a charger's word goes through them.
OF_WORKER = (
    Stage("read", "worker.link", "Link._handle", BEFORE),
    Stage("gathered", "worker.batch", "Lane._commit", BEFORE),
    Stage("known", "app.domain.network.plugs", "station_rows", AFTER),
    Stage("decided", "app.domain.ground.bulk", "BulkInsert.__call__", BEFORE),
    Stage("partly written", "app.domain.ground.bulk", "BulkInsert.__call__", AFTER),
    Stage("before its log row", "app.domain.office.messages", "store", BEFORE),
    Stage("written", "app.domain.office.messages", "store", AFTER),
    Stage("being committed", "sqlalchemy.engine.default", "DefaultDialect.do_commit", MEANWHILE),
    Stage("committed", "sqlalchemy.engine.default", "DefaultDialect.do_commit", AFTER),
    Stage("halved", "worker.batch", "Lane._commit", HALFWAY),
    Stage("final cost", "app.domain.money.settlements", "tell_all", BEFORE),
    Stage("answered", "worker.websocket", "Stream.send", AFTER),
    Stage("nudging", "app.reactions", "_ask", BEFORE),
)
OF_CELERY = (
    Stage("billed", "app.domain.money.billing", "settle_all", AFTER),
    Stage("bill committed", "app.tasks.rounds", "_settle", AFTER),
    Stage("mail claimed", "app.mails.post_office", "_delivered", BEFORE),
    Stage("mail sent", "app.mails.post_office", "_delivered", AFTER),
)
#: Here nobody dies: the connection to the database does, with the word that it has committed.
UNCONFIRMED = Stage("unconfirmed", "sqlalchemy.engine.default", "DefaultDialect.do_commit", UNHEARD)
STAGES = {"worker": (*OF_WORKER, UNCONFIRMED), "celery": (*OF_CELERY, UNCONFIRMED)}


def file_of(data_dir: Path, program: str) -> Path:
    """The file that sets the trap of a program."""
    return data_dir / f"{program}.trap"


def set_trap(data_dir: Path, program: str, stage: str, passes: int = 0, word: str = "") -> Path:
    """Have a program die at a stage; the file that is returned is gone when it does."""
    path = file_of(data_dir, program)
    path.with_suffix(".new").write_text(f"{stage}\n{passes}\n{word}", "utf-8")
    return path.with_suffix(".new").replace(path)


def trapped(name: str, command: list[str]) -> list[str]:
    """The command of a process, with traps in it where it has stages."""
    if name not in STAGES:
        return command
    at = command.index("-m") + 1
    return [*command[:at], "tests.support.trap", *command[at:]]


class Trap:
    """Asks at each stage whether it is the one; knows what the batch in work holds."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.held: frozenset[str] = frozenset()

    @functools.cached_property
    def _path(self) -> Path:
        return file_of(Path(os.environ["AMPDESK_DATA_DIR"]), self._program)

    def is_sprung(self, stage: Stage) -> bool:
        """Whether the program dies at this stage, now."""
        try:
            name, passes, word = self._path.read_text("utf-8").split("\n")
        except FileNotFoundError:
            return False
        if name != stage.name or (word and word not in self.held):
            return False
        if int(passes):
            set_trap(self._path.parent, self._path.stem, name, int(passes) - 1, word)
            return False
        self._path.unlink(missing_ok=True)
        return True

    def gathers(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """`Lane._commit`, which lets the trap know what it commits."""

        @functools.wraps(real)
        def commit(lane: Any, works: Sequence[Any]) -> Any:
            calls = [call for work in works if (call := _call_of(work)) is not None]
            events = (call.payload.get("eventType") for call in calls)
            self.held = frozenset(call.action for call in calls) | frozenset(filter(None, events))
            return real(lane, works)

        return commit


def _call_of(work: Any) -> Any:
    return getattr(getattr(work, "item", None), "call", None)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _with(trap: Trap, stage: Stage, real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def guarded(*given: Any, **named: Any) -> Any:
        if stage.when == BEFORE and trap.is_sprung(stage):
            _die()
        if stage.when == MEANWHILE and trap.is_sprung(stage):
            # Nothing handles this signal: it ends the program as suddenly as SIGKILL does.
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, WITHIN_S))
        result = real(*given, **named)
        if stage.when == AFTER and trap.is_sprung(stage):
            _die()
        if stage.when == UNHEARD and trap.is_sprung(stage):
            raise given[0].loaded_dbapi.OperationalError("the server closed the connection")
        return result

    return guarded


def _halved(trap: Trap, stage: Stage, real: Callable[..., Any]) -> Callable[..., Any]:
    """A commit that fails, as if one work could not be stored, and death amid its halves."""
    failed = False

    @functools.wraps(real)
    def commit(lane: Any, works: Sequence[Any]) -> Any:
        nonlocal failed
        if failed:
            real(lane, works)
            _die()
        if len(works) > 1 and trap.is_sprung(stage):
            failed = True
            raise ValueError("one of these cannot be stored")
        return real(lane, works)

    return commit


def lay(program: str) -> None:
    """Put the traps of a program where they belong."""
    trap = Trap(program)
    # The worker's own modules last: they take some functions by name when they are imported.
    for stage in sorted(STAGES[program], key=lambda stage: stage.module):
        holder: Any = import_module(stage.module)
        *path, name = stage.function.split(".")
        for part in path:
            holder = getattr(holder, part)
        make = _halved if stage.when == HALFWAY else _with
        setattr(holder, name, make(trap, stage, getattr(holder, name)))
    if program == "worker":
        lane: Any = import_module("worker.batch").Lane
        lane._commit = trap.gathers(lane._commit)


def main() -> None:
    """Run the program that the command line names, with its traps."""
    del sys.argv[0]
    program = sys.argv[0]
    if program == "worker":
        from gevent import monkey

        monkey.patch_all()
    lay(program)
    raise SystemExit(import_module(f"{program}.__main__").main())


if __name__ == "__main__":
    main()
