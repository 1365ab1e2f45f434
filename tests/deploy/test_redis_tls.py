"""A Redis reached by TLS: nudges, limits and tasks go over it, and only to who proves itself."""

import os
import shutil
from pathlib import Path

import pytest
import redis

from app import reactions
from app.domain.ground import events
from app.process import queues, redis_servers
from tests.support import apps
from tests.support.pki import Authority
from tests.support.processes import Process, free_port, wait_for_port

#: The tests' own Redis speaks no TLS; that of the system's package does.
PROGRAM = Path("/usr/bin/redis-server")

pytestmark = [
    pytest.mark.processes,
    pytest.mark.nightly,
    pytest.mark.skipif(not PROGRAM.exists(), reason="no Redis is installed on this system"),
]


@pytest.fixture
def address(tmp_path):
    """The address of the server, and the file of the root that its certificate leads to."""
    authority, port, home = Authority(tmp_path), free_port(), tmp_path / "redis"
    home.mkdir()
    pair, root = authority.server(), authority.root.cert_file
    given = {"port": 0, "tls-port": port, "bind": "127.0.0.1", "dir": home, "save": ""}
    given |= {"tls-cert-file": pair.cert_file, "tls-key-file": pair.key_file}
    given |= {"tls-ca-cert-file": root, "tls-auth-clients": "no"}
    told = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    server = Process("redis", [str(PROGRAM), *told], os.environ, home / "log")
    server.start()
    wait_for_port(port, server)
    yield f"rediss://localhost:{port}/0", root
    server.kill9()


def test_everything_goes_over_tls_to_a_server_that_proves_who_it_is(migrated, tmp_path, address):
    url, root = address
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path, redis_url=f"{url}?ssl_ca_certs={root}") as app:
        reactions.react([events.SessionEnded(1, 1, 1)])
        reactions.flush(60)
        found = queues.queue_states(app.extensions["celery"])
        assert {one.name: one.waiting for one in found if one.waiting} == {"bills": 1}
        assert app.test_client().get("/sign-in").status_code in (200, 302, 303)


def test_neither_messages_nor_tasks_go_to_a_server_that_does_not(tmp_path, address):
    url, _ = address
    with apps.running(tmp_path, redis_url=url) as app:
        with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
            redis_servers.make_redis(url).ping()
        assert queues.queue_states(app.extensions["celery"]) is None
