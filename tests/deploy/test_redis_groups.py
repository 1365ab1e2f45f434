"""Redis behind Sentinels and as a Cluster: nudges, live channels, limits and tasks go over it."""

import shutil

import pytest
import redis

from app import reactions
from app.config import Settings, WrongSetting
from app.domain.ground import events
from app.process import queues, redis_servers
from app.reactions import ENDED
from tests.support import apps
from tests.support.redis import RedisServer
from tests.support.redis_groups import Cluster, Watched
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


@pytest.fixture
def watched(tmp_path):
    (tmp_path / "redis").mkdir()
    group = Watched(tmp_path / "redis")
    yield group
    group.stop()


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "redis").mkdir()
    group = Cluster(tmp_path / "redis")
    yield group
    group.stop()


def waiting(app):
    reactions.flush(60)
    states = queues.queue_states(app.extensions["celery"])
    return None if states is None else {one.name: one.waiting for one in states if one.waiting}


def hears(app):
    """Tell whether what is published arrives at a listener."""
    client = app.extensions["redis"]
    with client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(ENDED)

        def published():
            app.extensions["redis_of_nudges"].publish(ENDED, "[1, null]")
            return listener.get_message(timeout=1)

        return eventually(published, what="a message")["data"]


@pytest.mark.landing
def test_tasks_and_messages_go_on_after_the_sentinels_chose_another(migrated, tmp_path, watched):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path, redis_url=watched.url) as app:
        reactions.needless(reactions.HOOKS)  # no webhook listens
        reactions.react([events.SessionEnded(1, 1, 1)])
        assert waiting(app) == {"bills": 1}
        assert hears(app) == b"[1, null]"
        assert watched.ask(watched.primary, "INFO", "keyspace")["db1"]["keys"] > 0
        eventually(lambda: _has(watched.replica, "bills"), what="the replica has the task")
        watched.servers[watched.primary].kill9()
        eventually(lambda: waiting(app) == {"bills": 1}, what="the task waits at the other")
        eventually(lambda: _publishes(app), what="nudges leave again")
        assert hears(app) == b"[1, null]"
        reactions.react([events.MailWanted(1, 1)])
        eventually(lambda: waiting(app) == {"bills": 1, "mails": 1}, what="a new task waits")


def _has(port, name):
    with redis.Redis(port=port, db=1) as client:
        return client.llen(name) == 1


def _publishes(app):
    try:
        app.extensions["redis_of_nudges"].ping()
    except redis.RedisError:
        return False
    return True


@pytest.mark.landing
def test_a_cluster_carries_messages_and_marks_and_a_redis_the_tasks(migrated, tmp_path, cluster):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    broker = RedisServer(tmp_path)
    broker.start()
    try:
        with apps.running(tmp_path, redis_url=cluster.url, broker_url=broker.url) as app:
            reactions.needless(reactions.HOOKS)  # no webhook listens
            reactions.react([events.SessionEnded(1, 1, 1), events.MailWanted(1, 1)])
            reactions.react([events.SessionEnded(1, 2, 1)])
            assert waiting(app) == {"bills": 1, "mails": 1}
            assert hears(app) == b"[1, null]"
            assert redis_servers.redis_took_s(app.extensions["redis"]) is not None
            for _ in range(3):
                assert app.test_client().get("/sign-in").status_code in (200, 302, 303)
    finally:
        broker.stop()


def test_an_installation_begins_while_its_cluster_is_away(migrated, tmp_path):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    away = "redis+cluster://127.0.0.1:1"
    with apps.running(tmp_path, redis_url=away, broker_url="redis://127.0.0.1:1/0") as app:
        assert redis_servers.redis_took_s(app.extensions["redis"]) is None
        assert queues.queue_states(app.extensions["celery"]) is None


def test_a_cluster_needs_a_broker_and_sentinels_a_name():
    with pytest.raises(WrongSetting, match="AMPDESK_BROKER_URL is needed"):
        Settings.from_environment({"AMPDESK_REDIS_URL": "redis+cluster://a:1,b:2"})
    with pytest.raises(WrongSetting, match="what the Sentinels call it"):
        Settings.from_environment({"AMPDESK_REDIS_URL": "redis+sentinel://a:1,b:2"})
    given = Settings.from_environment({"AMPDESK_BROKER_URL": "amqp://guest@rabbit/ampdesk"})
    assert given.broker_address == "amqp://guest@rabbit/ampdesk"
