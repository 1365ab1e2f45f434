"""Redis is there and takes nothing: whoever needs it waits until it does again."""

import shutil
from pathlib import Path

import pytest
import redis

from app.process.redis_servers import CannotStore
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


@pytest.fixture(params=["has no room", "copies another"])
def unwilling(request, make_site):
    """A site whose Redis takes no writes, and what mends it."""
    site = make_site("sqlite", processes=("celery", "beat"))
    client = redis.Redis.from_url(site.redis.url, decode_responses=True)
    mend = copies(client) if request.param == "copies another" else fill(client)
    eventually(lambda: refuses(client), what="Redis takes no writes")

    def mended():
        mend()
        eventually(lambda: not refuses(client), what="Redis takes writes")

    yield site, mended
    client.close()


def fill(client):
    client.config_set("stop-writes-on-bgsave-error", "yes")
    client.config_set("save", "3600 1000000")
    in_its_way = Path(
        client.config_get("dir")["dir"], client.config_get("dbfilename")["dbfilename"]
    )
    (in_its_way / "full").mkdir(parents=True)  # nothing can be saved where a folder is
    client.bgsave()

    def mend():
        shutil.rmtree(in_its_way)
        client.bgsave()

    return mend


def copies(client):
    """As one does that has come back after another took its place."""
    client.replicaof("127.0.0.1", 1)
    return lambda: client.replicaof("NO", "ONE")


def refuses(client):
    try:
        client.set("written", 1)
    except CannotStore:
        return True
    return False


def test_tasks_wait_and_go_on_without_anybody_starting_them_anew(unwilling):
    site, mend = unwilling
    celery, beat = parts = [site.processes[name] for name in ("celery", "beat")]
    began = [part.process.pid for part in parts]
    eventually(lambda: celery.said("Cannot connect to redis"), what="Celery has met it")
    errors = ("Connection error", "Message Error")
    eventually(lambda: any(map(beat.said, errors)), what="beat has met it")
    mend()
    eventually(site._celery_listens, what="Celery listens again")
    assert [part.process.pid for part in parts if part.running] == began
