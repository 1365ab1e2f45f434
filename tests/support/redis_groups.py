"""Several real Redis servers: one that Sentinels watch with its replica, and a Cluster."""

import os
from pathlib import Path
from typing import Any

import redis

from deploy.redis_server import executable
from tests.support.processes import Process, free_port, wait_for_port
from tests.support.wait import eventually

SERVICE = "ours"


class Group:
    """Servers that end together; each is known by its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: dict[int, Process] = {}

    def start(self, *lines: str, mode: str = "") -> int:
        """Start a server with these lines of configuration; return its port."""
        port = free_port()
        home = self.folder / str(port)
        home.mkdir()
        given = [f"port {port}", "bind 127.0.0.1", f'dir "{home}"', *lines]
        (home / "redis.conf").write_text("\n".join(given) + "\n", encoding="ascii")
        command = [str(executable()), str(home / "redis.conf"), *([mode] if mode else [])]
        self.servers[port] = Process(f"redis-{port}", command, os.environ, home / "log")
        self.servers[port].start()
        wait_for_port(port, self.servers[port])
        return port

    def ask(self, port: int, *words: object) -> Any:
        """Give one server a command."""
        with redis.Redis(port=port) as client:
            return client.execute_command(*words)

    def stop(self) -> None:
        """End all of them."""
        for server in self.servers.values():
            server.kill9()


class Watched(Group):
    """A primary, its replica, and three Sentinels that move the name when the primary dies."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.primary = self.start('save ""')
        self.replica = self.start('save ""', f"replicaof 127.0.0.1 {self.primary}")
        told = (
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.primary} 2",
            # Longer than a busy computer lets a server wait: else it is thought dead, and replaced.
            f"sentinel down-after-milliseconds {SERVICE} 4000",
            f"sentinel failover-timeout {SERVICE} 3000",
        )
        self.sentinels = [self.start(*told, mode="--sentinel") for _ in range(3)]
        eventually(self._knows_all, what="the Sentinels know the replica and each other")

    @property
    def url(self) -> str:
        """What AMPDESK_REDIS_URL is set to."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/1"

    def _knows_all(self) -> bool:
        for port in self.sentinels:
            with redis.Redis(port=port) as client:
                state = client.sentinel_master(SERVICE)
                slaves = client.sentinel_slaves(SERVICE)
            up = [one for one in slaves if one["flags"] == "slave"]
            if state["num-other-sentinels"] < 2 or not up:
                return False
        return True


class Cluster(Group):
    """Three servers that share the slots."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        buses = [free_port() for _ in range(3)]  # left to themselves they add 10000 to their port
        lines = ('save ""', "cluster-enabled yes")
        ports = [self.start(*lines, f"cluster-port {bus}") for bus in buses]
        for index, (port, bus) in enumerate(zip(ports, buses, strict=True)):
            first, last = index * 16384 // 3, (index + 1) * 16384 // 3 - 1
            self.ask(port, "CLUSTER", "ADDSLOTSRANGE", first, last)
            self.ask(ports[0], "CLUSTER", "MEET", "127.0.0.1", port, bus)
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
        eventually(lambda: all(map(self._is_whole, ports)), what="the Cluster is whole")

    def _is_whole(self, port: int) -> bool:
        with redis.Redis(port=port) as client:
            info = client.cluster("INFO")
        return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"
