"""Nudges that fail are tried again, each once, so that nobody has to wait for the sweep."""

import json
import shutil
from datetime import timedelta

import pytest

from app import reactions
from app.domain.ground import events
from app.extensions import db as flask_db
from app.process import queues
from app.process.clock import TOOK_S, utc_now
from app.process.queues import FINDS_ALL, QUEUES, make_celery
from app.tasks import webhooks
from tests.conftest import make_app
from tests.support import apps
from tests.support.redis import RedisServer
from tests.support.wait import eventually

# Each has an application and a Redis of its own.
pytestmark = pytest.mark.landing


@pytest.fixture
def server(tmp_path):
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def nudges(monkeypatch):
    """A backlog of its own: what other tests told without a Redis fails for as long as they run."""
    own = reactions._Nudges()
    monkeypatch.setattr(reactions, "_nudges", own)
    yield own
    own._failed.clear()


@pytest.fixture
def app(migrated, tmp_path, server, nudges):
    """An application with a Redis of its own, which may go away."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    app = make_app(tmp_path, redis_url=server.url)
    with app.app_context():
        yield app
        flask_db.session.remove()
        flask_db.engine.dispose()


def asked(app):
    """How many tasks wait, of all kinds."""
    return sum(app.extensions["redis"].llen(name) for name in QUEUES)


def tasks(app, name):
    """What waits in a queue."""
    waiting = app.extensions["redis"].lrange(name, 0, -1)
    return [json.loads(one)["headers"]["task"] for one in waiting]


def failed():
    return list(reactions._nudges._failed)


def test_a_failure_is_said_once_and_not_before_it_was_tried_again(nudges, caplog):
    def fails():
        raise ConnectionRefusedError

    told = []
    for _ in range(4):
        nudges._try((fails, ()))
        told.append(caplog.text.count("nudges fail"))
    assert told == [0, 1, 1, 1]


def test_what_was_told_without_a_redis_is_told_once_when_it_is_back(app, server):
    server.kill9()
    for number in range(200):
        reactions.react([events.SessionEnded(1, number, 1), events.MailWanted(1, 1)])
    eventually(lambda: len(failed()) > 1, what="nudges fail")
    reactions.flush(60)
    server.start()
    eventually(lambda: not failed(), what="all were told")
    assert asked(app) == 3  # a round of bills, of the post and for webhooks


def test_an_order_that_nobody_heard_of_is_published_again(app, server):
    server.kill9()
    reactions.react([events.CommandQueued(1, 7, 3)])
    eventually(failed, what="the nudge fails")
    server.start()
    eventually(lambda: not failed(), what="it is told")
    assert app.extensions["redis"].info("commandstats")["cmdstat_publish"]["calls"] == 2


def test_a_nudge_that_cannot_be_sent_at_all_holds_up_no_other(app, caplog):
    done = []
    reactions.nudge(lambda app: 1 // 0, app)
    reactions.nudge(done.append, app)
    reactions.flush(60)
    assert (done, failed()) == ([app], [])
    assert "cannot be sent" in caplog.text


def test_a_redis_that_is_away_holds_up_nobody_who_has_another(app, server):
    server.kill9()
    reactions.react([events.CommandQueued(1, 7, 3)])
    eventually(failed, what="the nudge fails")
    done = []
    reactions.nudge(done.append, "another")
    reactions.flush(60)
    assert done == ["another"]


def test_of_what_fails_no_more_waits_than_has_room(app, server, monkeypatch):
    monkeypatch.setattr(reactions, "_BACKLOG", 5)
    server.kill9()
    for number in range(50):
        reactions.react([events.CommandQueued(1, number, 3)])
    reactions.flush(60)
    eventually(lambda: len(failed()) == 5, what="five wait, also while one is tried again")


@pytest.mark.parametrize(
    "happened",
    [
        events.SessionChanged(1, 2, 3),
        events.SessionEnded(1, 2, 3),
        events.BillHeld(1, 2),
        events.BillIssued(1, 4, 2),
        events.StationChanged(1, 3),
        events.CommandEnded(1, 5, 3, told={}),
        events.AlertsChanged(1),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_webhooks_may_be_told_of_asks_for_their_round(app, happened):
    for _ in range(3):
        reactions.react([happened])
    reactions.flush(60)
    assert tasks(app, "mails").count(reactions.HOOKS) == 1


def test_while_nobody_listens_no_round_is_asked_for_unless_somebody_waits(app):
    webhooks.tell()
    reactions.react([events.StationChanged(1, 3)])
    reactions.flush(60)
    assert tasks(app, "mails") == []
    reactions.react([events.StationChanged(1, 3), events.DeliveryWanted(1)])
    reactions.flush(60)
    assert tasks(app, "mails") == [reactions.HOOKS]


def taken(app, *asked_s_ago, then=lambda: None, **headers):
    """How many of the tasks are done that are taken now and were asked for so long ago."""
    done = []

    def look():
        done.append(1)
        then()

    task = make_celery(app).task(look, name="looks", shared=False)
    for ago in asked_s_ago:
        task.push_request(asked_at=utc_now().timestamp() - ago, **headers)
        try:
            task()
        finally:
            task.pop_request()
    return len(done)


def test_of_rounds_that_come_late_one_is_done_for_all_of_them(app):
    assert taken(app, 900, 600, 599, 300, **FINDS_ALL) == 1
    assert taken(app, 900, 600, 0, **FINDS_ALL) == 2, "asked for after the other had begun"
    assert taken(app, 0, TOOK_S / 2, **FINDS_ALL) == 2, "two clocks may differ by that"
    assert taken(app, 900, 600) == 2, "each is about a row of its own"


def test_a_round_that_began_by_a_clock_since_set_back_stands_for_no_other(app, monkeypatch):
    ahead = [timedelta(hours=1)]
    monkeypatch.setattr(queues, "utc_now", lambda: sum(ahead, utc_now()))
    assert taken(app, 900, 600, 300, then=ahead.clear, **FINDS_ALL) == 2


def test_whatever_finds_its_work_by_itself_says_so(app):
    every = app.extensions["celery"].conf.beat_schedule
    assert all(one["options"]["headers"] == FINDS_ALL for one in every.values())
    reactions.react([events.MailWanted(1, 1)])
    reactions.flush(60)
    [task] = app.extensions["redis"].lrange("mails", 0, -1)
    assert json.loads(task)["headers"].items() >= FINDS_ALL.items()


def test_whoever_gets_an_application_next_tells_nothing_of_the_last(migrated, tmp_path, server):
    with apps.running(tmp_path / "first"):
        reactions.react([events.MailWanted(1, 1)])
        eventually(failed, what="the nudge fails")
    with apps.running(tmp_path / "next", redis_url=server.url) as app:
        assert not failed()
        reactions.react([events.SessionEnded(1, 1, 1)])
        reactions.flush(60)
        assert asked(app) == 2  # a round of bills and for webhooks, and none of the post
