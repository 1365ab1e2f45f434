"""A host of its own for one program: a network namespace with one line to us, which can be broken.

Packets to it vanish then: nothing refuses them, nobody hangs up.  Only root can have one, on Linux.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

#: Addresses for examples of benchmarks (RFC 2544), which no computer's network has.
OURS, THEIRS = "198.18.{}.1", "198.18.{}.2"


class FarHost:
    """One that is reached at `address`; `around` is put before the commands that it runs."""

    def __init__(self) -> None:
        number = os.getpid() % 250 + 1
        self._name, self._line = f"ampdesk{os.getpid()}", (f"am{os.getpid()}a", f"am{os.getpid()}b")
        self._ours, self.address = OURS.format(number), THEIRS.format(number)
        self.around = ("ip", "netns", "exec", self._name)

    def make(self) -> bool:
        """Have it; False where that is not possible."""
        if os.geteuid() or shutil.which("ip") is None:
            return False
        near, far = self._line
        return all(
            _done(*command.split())
            for command in (
                f"netns add {self._name}",
                f"link add {near} type veth peer name {far} netns {self._name}",
                f"addr add {self._ours}/24 dev {near}",
                f"link set {near} up",
                f"-n {self._name} addr add {self.address}/24 dev {far}",
                f"-n {self._name} link set lo up",
                f"-n {self._name} link set {far} up",
            )
        )

    def vanish(self) -> None:
        """Break the line at its far end."""
        assert _done("-n", self._name, "link", "set", self._line[1], "down")

    def come_back(self) -> None:
        """Mend the line."""
        assert _done("-n", self._name, "link", "set", self._line[1], "up")

    def forget(self) -> None:
        """Let it go."""
        _done("link", "del", self._line[0])
        _done("netns", "del", self._name)


@contextmanager
def far_host() -> Iterator[FarHost | None]:
    """A host of its own; None where that is not possible."""
    host = FarHost()
    try:
        yield host if host.make() else None
    finally:
        host.forget()


def _done(*arguments: str) -> bool:
    if shutil.which("ip") is None:
        return False
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode == 0
