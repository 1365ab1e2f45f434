"""A disc that takes its time, for programs that run: `strace` holds up each of their writes."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.wait import eventually

#: What waits for a disc.  Not `write`, which sockets and pipes have as well.
WRITES = "fsync,fdatasync,pwrite64,pwritev,pwritev2"


def can_be_slow() -> bool:
    """Whether this computer has what it takes: root and `strace`."""
    return not os.geteuid() and shutil.which("strace") is not None


@contextmanager
def slow_writes(pids: Sequence[int], late_s: float) -> Iterator[None]:
    """Each write of these processes and of their children to come lasts so many seconds longer."""
    late = f"inject={WRITES}:delay_enter={round(late_s * 1e6)}"
    of = [part for pid in pids for part in ("-p", str(pid))]
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={WRITES}", "-e", late, *of]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
        try:
            eventually(lambda: all(_held_by(pid) in (tracer.pid, None) for pid in pids))
            yield
        finally:
            tracer.terminate()  # it lets go of all of them before it ends


def _held_by(pid: int) -> int | None:
    """Who traces a process; 0: nobody, None: it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    return int(next(line for line in lines if line.startswith("TracerPid:")).split()[1])
