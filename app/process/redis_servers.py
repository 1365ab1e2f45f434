"""Redis: how one server, those that Sentinels watch, or a Cluster is reached by its URL."""

import time
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import redis
from redis._parsers.base import BaseParser
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException
from redis.sentinel import Sentinel

#: Calls fail within a second when Redis is away.
_PATIENCE: dict[str, Any] = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0}


class CannotStore(redis.ConnectionError):
    """Redis is there and takes nothing: it has no room, or copies another one.

    The library calls it a fault of what was asked, at which Celery ends; so it waits as for a Redis
    that is away, and goes on.
    """


_WORDS = ("MISCONF", "OOM", "READONLY", "NOREPLICAS", "UNBLOCKED")
BaseParser.EXCEPTION_CLASSES |= dict.fromkeys(_WORDS, CannotStore)


def make_redis(url: str) -> Any:
    """Build a client of one Redis, of the one that Sentinels name, or of a Cluster.

    None of them is asked before the first call.  Whoever comes while all connections to the one
    Redis are in use waits for one.
    """
    scheme = urlsplit(url).scheme
    if scheme == "redis+cluster":
        return _Cluster(Servers.of(url, 6379))
    if scheme != "redis+sentinel":
        pool = redis.BlockingConnectionPool.from_url(url, timeout=1.0, **_PATIENCE)
        return redis.Redis.from_pool(pool)
    servers = Servers.of(url, 26379)
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
        servers.hosts, sentinel_kwargs={**servers.login, **_PATIENCE}, **servers.login, **_PATIENCE
    )
    return sentinel.master_for(servers.service, db=servers.db)


class Servers(NamedTuple):
    """A URL of several servers: `redis+sentinel://:password@host:port,host:port/service/db`.

    The password is that of Redis and of the Sentinels.
    """

    hosts: list[tuple[str, int]]
    login: dict[str, str]
    service: str
    db: int

    @classmethod
    def of(cls, url: str, port: int) -> "Servers":
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        user, _, password = map(unquote, login.partition(":"))
        service, _, db = parts.path.strip("/").partition("/")
        given = {"username": user, "password": password}
        found = [
            host.rpartition(":") if ":" in host else (host, "", port) for host in hosts.split(",")
        ]
        return cls(
            [(host, int(at)) for host, _, at in found],
            {name: value for name, value in given.items() if value},
            service,
            int(db or 0),
        )


class _Cluster:
    """A client of a Cluster that is built with the first call that reaches one.

    The library's own asks for the Cluster's slots when it is made, so that nothing could start
    while it is away.
    """

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._client: RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        if self._client is None:
            nodes = [ClusterNode(*host) for host in self._servers.hosts]  # type: ignore[no-untyped-call]
            given = {**self._servers.login, **_PATIENCE}
            try:
                self._client = RedisCluster(startup_nodes=nodes, **given)
            except RedisClusterException as error:
                raise redis.ConnectionError(str(error)) from None
        return getattr(self._client, name)


def limits_address(url: str) -> tuple[str, dict[str, Any]]:
    """The URL by which rates are counted (Flask-Limiter), and its options."""
    scheme = urlsplit(url).scheme
    if scheme == "redis+sentinel":
        return "/".join(url.split("/")[:4]), dict(_PATIENCE)  # it knows no number of a database
    if scheme == "redis+cluster":
        try:
            make_redis(url).ping()
        except redis.RedisError:
            # A process that begins while the Cluster is away counts by itself.
            return "memory://", {}
    return f"redis+{url}" if scheme == "unix" else url, dict(_PATIENCE)


def redis_took_s(client: Any) -> float | None:
    """How long Redis takes to answer, in seconds; None when it does not."""
    began = time.monotonic()
    try:
        client.ping()
    except redis.RedisError:
        return None
    return time.monotonic() - began
