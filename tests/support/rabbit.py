"""A real RabbitMQ of the tests' own, where the system's package has been installed."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.processes import Process, free_port, wait_for_port

#: The server itself: the one on the path changes to a user of its own first.
PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
POSSIBLE = PROGRAM.exists() and shutil.which("epmd") is not None


class Rabbit:
    """One node at a free port, with Erlang's register of names beside it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port, self._names = free_port(), str(free_port())
        config = folder / "rabbit.conf"
        config.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users = none\n", encoding="ascii"
        )
        environment = {
            **os.environ,
            "HOME": str(folder),
            "ERL_EPMD_PORT": self._names,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",  # it ends although it knows of somebody
            "RABBITMQ_NODENAME": f"r{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_MNESIA_BASE": str(folder / "kept"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        self.process = Process("rabbitmq", [str(PROGRAM)], environment, folder / "log")

    @property
    def url(self) -> str:
        """What AMPDESK_BROKER_URL is set to."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start it and wait until it listens; what it kept is there again."""
        self.process.start()
        wait_for_port(self.port, self.process, 120)

    def kill9(self) -> None:
        """Kill it."""
        self.process.kill9()

    def stop(self) -> None:
        """End it, and the register, which does not end with it."""
        self.process.kill9()
        command = ["epmd", "-port", self._names, "-kill"]
        subprocess.run(command, capture_output=True, check=False)
