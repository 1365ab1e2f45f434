"""What waits in the spool is stored in sets: the same as one by one, in order, and never twice."""

import json
import re
import shutil
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import gevent
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import stations
from app.extensions import db as flask_db
from app.models import (
    ChargingSession,
    Connector,
    Message,
    MeterReading,
    Station,
    StatusEvent,
    StrayStop,
    TransactionEvent,
)
from tests.support.chance import tries
from tests.support.charging import STARTED, network
from tests.worker.whole_calls import NAMES, Talk, talks
from worker.batch import Batch
from worker.dialects import DIALECTS
from worker.dispatch import Dispatch
from worker.ocpp.versions import Version
from worker.pace import Portion
from worker.replay import LEAST, MOST, Replay
from worker.segments import Frame
from worker.spool import Spool
from worker.standing import Standing
from worker.storage import StorageAway
from worker.works import Job

KINDS = (
    *(ChargingSession, MeterReading, TransactionEvent, StrayStop),
    *(Connector, StatusEvent, Station),
)
#: What is of a row and not of what was told, and what counts up.
OWN = {"id", "session_id", "revision", "station_id", "last_event_id"} | {
    *("identity", "identity_key", "password_hash", "field_code"),
}
ROOM = 1 << 24

words = talks.filter(lambda said: said[0] not in ("tap", "beat"))
conversations = st.lists(
    st.lists(words, max_size=7).map(lambda said: [("boot", "1.0"), *said]), min_size=1, max_size=4
)


@pytest.fixture
def site(any_app, tmp_path, monkeypatch):
    """Where frames are stored from a spool; `add()` makes another station."""
    monkeypatch.setattr("worker.replay.PATIENCE_S", 120)
    db, numbers = flask_db.session(), count(2)
    net = network(db)
    for name in NAMES:
        tags.add(db, SYSTEM, net.site.tenant_id, now=STARTED, value=name)
    db.commit()
    batch, kept = Batch(any_app), any_app.config["SETTINGS"]

    def add():
        batch.do(Job(lambda db, rows: None))  # what is logged later is written by now
        db.rollback()
        row, _ = stations.register(
            *(db, SYSTEM, net.site.tenant_id, net.site, f"CP-{next(numbers)}"), now=STARTED
        )
        db.commit()
        return row.id

    def replay(folder=tmp_path / "spool"):
        spool = Spool(folder, ROOM)
        live = Dispatch(batch, Standing(kept), kept, lambda gauges: None, spool)
        return Replay(batch, live, kept, lambda gauges: None, spool)

    @contextmanager
    def counted(made):
        commit = batch._lane._commit
        batch._lane._commit = lambda works: made.append(len(works)) or commit(works)
        yield
        del batch._lane._commit

    def commits(replay):
        """How many commits it takes to store what waits."""
        made = []
        with counted(made):
            replay._empty()
        return made

    @contextmanager
    def working(replay, made=None):
        """While what waits is stored; `made` gets the size of each commit."""
        with counted([] if made is None else made):
            at_work = gevent.spawn(replay.work_for_ever)
            yield
            at_work.kill()

    folder = tmp_path / "spool"
    yield SimpleNamespace(
        commits=commits, working=working, add=add, replay=replay, batch=batch, folder=folder
    )
    batch.stop()


def frames_of(station_id, version, said):
    """A conversation as it lies in the spool, each frame with what it was answered."""
    talk, promised = Talk(0), count(900_001)
    for number, what in enumerate(said):
        now = STARTED + timedelta(minutes=7 * number)
        action, payload = talk.frame(version, what, now)
        if not DIALECTS[version].routes[action].spooled:
            continue
        told = {}
        if action == "StartTransaction":
            told = {"transactionId": next(promised), "idTagInfo": {"status": "Accepted"}}
            talk._transaction = told["transactionId"]
        text = json.dumps([2, f"m{number}", action, payload])
        yield Frame(station_id, f"CP-{station_id}", version, now, None, text, told)


def spooled(replay, frames):
    """Have frames on the disk, in this order."""
    keeping = [gevent.spawn(replay._spool.keep, frame) for frame in frames]
    gevent.joinall(keeping)
    assert all(one.value for one in keeping)


def let_go(replay):
    """Let go of the files, as a process does that is killed."""
    for segment in replay._spool._segments:
        segment.close()


def left(db, station_id):
    """All that is known of a station, but for numbers of rows."""
    db.rollback()
    found = {}
    for kind in KINDS:
        columns = [one for one in kind.__table__.c if one.name not in OWN]
        whose = kind.id if kind is Station else getattr(kind, "station_id", None)
        query = select(*columns)
        if whose is None:
            query = query.join(ChargingSession, ChargingSession.id == kind.session_id)
            whose = ChargingSession.station_id
        rows = db.execute(query.where(whose == station_id))
        found[kind.__name__] = sorted(
            re.sub(r"(session |CP-)\d+", r"\1", repr(row)) for row in rows
        )
    logged = select(Message.message_id, Message.outcome, Message.response).order_by(Message.id)
    found["log"] = list(map(repr, db.execute(logged.where(Message.station_id == station_id))))
    return found


@pytest.mark.landing
@settings(
    max_examples=tries(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each takes a second: none is made short
)
@given(conversations, st.sampled_from([1, 3, 200]), st.randoms())
def test_sets_of_any_size_leave_what_the_same_frames_leave_one_by_one(site, said, most, dice):
    db, versions = flask_db.session(), list(Version)
    shutil.rmtree(site.folder, ignore_errors=True)
    told, pairs = [], []
    for number, conversation in enumerate(said):
        version = versions[number % len(versions)]
        alone, in_sets = site.add(), site.add()
        pairs.append((alone, in_sets))
        reference = site.replay()
        for frame in frames_of(alone, version, conversation):
            spooled(reference, [frame])
            reference._empty()
        told.append(list(frames_of(in_sets, version, conversation)))
    replay = site.replay()
    replay._portion.size = most
    while any(told):
        spooled(replay, [dice.choice([each for each in told if each]).pop(0)])
    shutil.rmtree(site.folder.with_name("kept"), ignore_errors=True)
    shutil.copytree(site.folder, site.folder.with_name("kept"))
    replay._empty()
    # Killed before any of it was noted on the disk.
    shutil.copytree(site.folder.with_name("kept"), site.folder, dirs_exist_ok=True)
    again = site.replay()
    again._empty()
    assert (again._spool.waiting, list(site.folder.iterdir())) == ({}, [])
    for alone, in_sets in pairs:
        assert left(db, in_sets) == left(db, alone)


def readings(station_id, number):
    """So many words of a meter, one after another."""
    for turn in range(number):
        now = STARTED + timedelta(seconds=turn)
        value = {"timestamp": now.isoformat(), "sampledValue": [{"value": str(turn)}]}
        text = json.dumps([2, f"m{turn}", "MeterValues", {"connectorId": 1, "meterValue": [value]}])
        yield Frame(station_id, "CP", Version.V16, now, None, text, {})


def logged(station_id):
    flask_db.session.rollback()
    query = select(Message.message_id).where(Message.station_id == station_id)
    return flask_db.session.scalars(query.order_by(Message.id)).all()


def test_many_frames_share_a_commit_also_those_of_one_station(site, monkeypatch):
    monkeypatch.setattr("worker.replay.AIMS_S", 120)
    replay, numbers = site.replay(), [site.add() for _ in range(3)]
    spooled(replay, [frame for number in numbers for frame in readings(number, 30)])
    made = site.commits(replay)
    assert sum(made) == 90
    assert len(made) < 12
    for number in numbers:
        assert logged(number) == [f"m{turn}" for turn in range(30)]


def test_a_live_message_waits_for_its_own_station_and_for_no_other(site):
    replay, mine, other = site.replay(), site.add(), site.add()
    spooled(replay, [*readings(other, 30), *readings(mine, 30)])
    with site.working(replay):
        replay.catch_up(mine)
        assert logged(mine) == [f"m{turn}" for turn in range(30)]
        replay.catch_up(other)
    flask_db.session.rollback()
    rows = flask_db.session.scalars(select(Message.station_id).order_by(Message.id)).all()
    assert rows == [mine] * 30 + [other] * 30


@pytest.mark.landing
def test_live_messages_of_many_stations_queue_no_more_at_once_than_one(site):
    replay, numbers = site.replay(), [site.add() for _ in range(25)]
    spooled(replay, [frame for number in numbers for frame in readings(number, 20)])
    replay._portion.size = MOST
    made = []
    with site.working(replay, made):
        gevent.joinall([gevent.spawn(replay.catch_up, n) for n in numbers], raise_error=True)
    assert sum(made) == 500
    assert max(made) <= MOST
    assert all(len(logged(number)) == 20 for number in numbers)


@pytest.mark.parametrize("version", Version)
def test_frames_are_logged_in_the_order_in_which_they_came_ends_too(site, version):
    replay, number = site.replay(), site.add()
    talk = ("start", NAMES[0], 100_000, 0, 1), ("end", NAMES[0], 107_000, 0, False)
    frames = list(frames_of(number, version, [("boot", "1.0"), *talk, *talk, ("boot", "1.0")]))
    spooled(replay, frames)
    replay._portion.size = MOST
    replay._empty()
    assert logged(number) == [json.loads(frame.text)[1] for frame in frames]


def test_who_waits_for_frames_that_cannot_be_stored_is_told(site, monkeypatch):
    replay, number = site.replay(), site.add()
    spooled(replay, readings(number, 3))
    monkeypatch.setattr(replay, "_store_some", lambda station_ids, most: 0)
    with site.working(replay), pytest.raises(StorageAway, match="cannot be stored"):
        replay.catch_up(number)


def stored(portion, commit_s, each_s, things=6_000):
    """Store so many at such a cost; return the sizes of the sets."""
    sizes = []
    while sum(sizes) < things:
        sizes.append(portion.next())
        portion.took(sizes[-1], commit_s + each_s * sizes[-1])
    return sizes


@pytest.mark.parametrize(
    ("commit_s", "each_s", "size"),
    [
        (0.0, 0.001, 125),  # by what its frames take
        (0.01, 0.004, 31),
        (0.5, 0.002, MOST),  # a slow commit by itself is not made quicker by fewer
        (1.0, 0.01, 100),
        (0.1, 0.1, LEAST),
        (0.2, 0.0, MOST),
    ],
)
def test_a_set_takes_no_longer_for_its_frames_than_it_aims_at_or_its_commit_takes(
    commit_s, each_s, size
):
    portion = Portion(LEAST, MOST, 0.125)
    sizes = stored(portion, commit_s, each_s)
    assert portion.size == pytest.approx(size, abs=1)
    assert len(sizes) < 20 + 6_000 / (0.8 * size)


def test_sets_follow_what_commits_and_frames_come_to_cost():
    portion = Portion(LEAST, MOST, 0.125)
    stored(portion, 0.01, 0.002)
    stored(portion, 0.6, 0.004)
    assert portion.size == pytest.approx(150, abs=15)
    stored(portion, 0.01, 0.005)
    assert portion.size == pytest.approx(25, abs=3)


def test_what_the_disk_does_not_give_back_is_put_aside_and_holds_up_nobody(site):
    replay, number = site.replay(), site.add()
    spooled(replay, readings(number, 3))
    [file] = site.folder.iterdir()
    with file.open("r+b") as spoilt:
        spoilt.seek(replay._spool.waiting[number][1].offset + 30)
        spoilt.write(b"?????")
    replay._empty()
    assert logged(number) == ["m0", "m2"]
    assert [each.suffix for each in site.folder.iterdir()] == [".aside"]


@pytest.mark.parametrize("poisoned", [0, 4, 9])
def test_one_that_is_not_taken_is_put_aside_and_the_rest_is_stored_in_order(site, poisoned):
    replay, number = site.replay(), site.add()
    store = replay._dispatch._facts.metered

    def refuses(db, read, rows):
        if any(one.call.message_id == f"m{poisoned}" for one in read):
            raise ValueError("not this one")
        return store(db, read, rows)

    replay._dispatch._facts.metered = refuses
    spooled(replay, readings(number, 10))
    replay._empty()
    assert logged(number) == [f"m{turn}" for turn in range(10) if turn != poisoned]
    assert [each.suffix for each in site.folder.iterdir()] == [".aside"]
