"""The spool's files: what was acknowledged is in them whatever happens to process or disk."""

import os
import resource
from datetime import UTC, datetime, timedelta

import gevent
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chance import texts
from worker import pace
from worker import spool as spools
from worker.ocpp.versions import Version
from worker.segments import ASIDE, MAGIC, Frame, Segment, record_of
from worker.spool import Spool

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROOM = 1 << 20


def frame(number, station_id=7, text="[2,…]"):
    at = AT + timedelta(microseconds=number)
    return Frame(station_id, "CP-7", Version.V16, at, 3, text, {"number": number})


def kept(*frames, folder, room=ROOM):
    spool = Spool(folder, room)
    assert all(spool.keep(each) for each in frames)
    return spool


def waiting(spool):
    """What waits, by station, in order; read from the disk."""
    return {
        station_id: [place.segment.read(place.offset) for place in places]
        for station_id, places in spool.waiting.items()
    }


def die(spool):
    """Let go of the files, as a process does that is killed."""
    for segment in spool._segments:
        segment.close()


def adopted(folder):
    spool = Spool(folder, ROOM)
    spool.adopt()
    return spool


def test_frames_of_a_process_that_died_wait_in_their_order(tmp_path):
    told = [frame(number, station_id=number % 2) for number in range(9)]
    die(kept(*told, folder=tmp_path))
    assert waiting(adopted(tmp_path)) == {0: told[::2], 1: told[1::2]}


def test_frames_of_one_that_lives_are_left_to_it(tmp_path):
    spool = kept(frame(1), folder=tmp_path)
    assert waiting(adopted(tmp_path)) == {}
    assert waiting(spool) == {7: [frame(1)]}


def test_what_was_stored_does_not_come_back(tmp_path):
    spool = kept(frame(1), frame(2), folder=tmp_path)
    spool.settle(7, spool.waiting[7][0])
    die(spool)
    again = adopted(tmp_path)
    assert waiting(again) == {7: [frame(2)]}
    again.settle(7, again.waiting[7][0])
    assert (again.frames, list(tmp_path.iterdir())) == (0, [])


def test_what_nobody_can_store_is_put_aside_and_stays_on_the_disk(tmp_path):
    spool = kept(frame(1), folder=tmp_path)
    spool.settle(7, spool.waiting[7][0], ASIDE)
    [file] = tmp_path.iterdir()
    assert (file.suffix, spool.frames) == (".aside", 0)
    assert record_of(frame(1))[9:] in file.read_bytes()
    assert waiting(adopted(tmp_path)) == {}


def test_older_frames_that_are_taken_over_come_first(tmp_path):
    die(kept(frame(1), frame(2), folder=tmp_path))
    spool = kept(frame(3), folder=tmp_path)
    assert spool.adopt() == 2
    assert waiting(spool) == {7: [frame(1), frame(2), frame(3)]}


def test_many_are_taken_over_in_bites_while_chargers_say_more(tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "BITE_S", 0.0)
    told = [frame(number, station_id=number % 5) for number in range(200)]
    die(kept(*told, folder=tmp_path))
    spool, said = Spool(tmp_path, ROOM), []

    def talk():
        while len(said) < 20:
            said.append(frame(1_000 + len(said), station_id=1))
            assert spool.keep(said[-1])

    talker = gevent.spawn(talk)
    assert spool.adopt() == 200
    assert said, "nobody else had a turn"
    talker.get()
    assert waiting(spool)[1] == told[1::5] + said


def test_one_that_was_adopted_meanwhile_does_not_settle_another(tmp_path):
    die(kept(frame(1), folder=tmp_path))
    spool = kept(frame(2), folder=tmp_path)
    second = spool.waiting[7][0]
    spool.adopt()
    spool.settle(7, second)
    assert waiting(spool) == {7: [frame(1)]}


RECORDS = [record_of(frame(number, text="ü" * number)) for number in range(4)]


def test_a_file_that_is_torn_anywhere_holds_the_whole_records_before(tmp_path):
    path = tmp_path / "1-1.spool"
    for end in range(len(b"".join(RECORDS)) + 1):
        path.write_bytes(MAGIC + b"".join(RECORDS)[:end])
        segment = Segment.taken_over(path)
        found = [told for _, told in segment.scan(segment.content())]
        segment.close()
        whole = [n for n in range(len(RECORDS)) if sum(map(len, RECORDS[: n + 1])) <= end]
        assert found == [frame(number, text="ü" * number) for number in whole]


def test_a_file_that_hardly_began_holds_nothing_and_goes(tmp_path):
    for end in range(len(MAGIC)):
        (tmp_path / "1-1.spool").write_bytes(MAGIC[:end])
        assert waiting(adopted(tmp_path)) == {}
        assert list(tmp_path.iterdir()) == []


@given(place=st.integers(0, len(RECORDS[0]) - 1), byte=st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_a_record_with_a_wrong_byte_is_not_believed(tmp_path_factory, place, byte):
    path = tmp_path_factory.mktemp("spool") / "1-1.spool"
    spoilt = bytearray(RECORDS[0])
    spoilt[place] ^= byte
    path.write_bytes(MAGIC + spoilt)
    segment = Segment.taken_over(path)
    found = [told for _, told in segment.scan(segment.content())]
    segment.close()
    assert found in ([], [frame(0, text="")])
    assert place == 8 or not found  # that byte says only what became of it


@given(told=st.lists(st.tuples(st.integers(1, 4), texts(max_size=60), st.booleans()), max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_is_kept_and_stored_in_whatever_order_the_rest_waits(tmp_path_factory, told):
    folder = tmp_path_factory.mktemp("spool")
    spool, expected = Spool(folder, ROOM), {}
    for number, (station_id, text, stores) in enumerate(told):
        one = frame(number, station_id, text)
        assert spool.keep(one)
        expected.setdefault(station_id, []).append(one)
        if stores:
            spool.settle(station_id, spool.waiting[station_id][0])
            expected[station_id].pop(0)
    die(spool)
    assert waiting(adopted(folder)) == {key: rest for key, rest in expected.items() if rest}


def test_beyond_its_room_nothing_is_taken_and_what_is_there_stays(tmp_path):
    spool = Spool(tmp_path, 500)
    taken = [number for number in range(20) if spool.keep(frame(number))]
    assert 0 < len(taken) < 20
    assert taken == list(range(len(taken)))
    assert waiting(spool) == {7: [frame(number) for number in taken]}
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 500


def test_many_that_come_at_once_share_a_file_and_are_all_there(tmp_path, monkeypatch):
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 2_000)
    spool = Spool(tmp_path, ROOM)
    every = [gevent.spawn(spool.keep, frame(number, number % 5)) for number in range(100)]
    gevent.joinall(every)
    assert all(each.value for each in every)
    assert sum(map(len, waiting(spool).values())) == 100
    die(spool)
    assert sum(map(len, waiting(adopted(tmp_path)).values())) == 100


def test_what_is_acknowledged_outlives_a_power_cut(tmp_path, monkeypatch):
    flushed = set()

    def watched(flush):
        def on_its_way(number):
            flushed.add((os.fstat(number).st_ino, os.fstat(number).st_size))
            flush(number)

        return on_its_way

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    kept(frame(1), folder=tmp_path)
    [file] = tmp_path.iterdir()
    assert (file.stat().st_ino, file.stat().st_size) in flushed
    assert tmp_path.stat().st_ino in {number for number, _ in flushed}


def test_a_disk_that_is_full_is_said_and_what_was_acknowledged_stays(tmp_path, caplog):
    """A limit of the size of files is as a full disk is: a write fails in the middle."""
    spool = kept(frame(1), folder=tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    [file] = tmp_path.iterdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 40, before[1]))
    try:
        assert not spool.keep(frame(2))
        assert not spool.keep(frame(3))  # it rests
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "the spool cannot be written" in caplog.text
    caplog.clear()
    spool._rests_until = 0.0
    assert spool.keep(frame(4))
    assert waiting(spool) == {7: [frame(1), frame(4)]}
    die(spool)
    assert waiting(adopted(tmp_path)) == {7: [frame(1), frame(4)]}


def test_a_disk_that_lets_no_file_go_keeps_nobody_waiting(tmp_path, caplog, monkeypatch):
    """A disk with errors is made read-only: nothing can be written or removed."""
    monkeypatch.setattr(spools, "SEGMENT_BYTES", 0)  # each frame has its file
    spool = kept(frame(1, station_id=8), frame(2), folder=tmp_path)
    [place] = spool.waiting[7]
    spool.settle(7, place)
    place.segment.path.unlink()
    place.segment.path.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        assert not spool.keep(frame(3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "a file of the spool stays" in caplog.text
    spool._rests_until = 0.0
    assert spool.keep(frame(4))
    assert waiting(spool) == {8: [frame(1, station_id=8)], 7: [frame(4)]}


def test_its_files_are_nobody_elses_to_read(tmp_path):
    folder = tmp_path / "spool"
    kept(frame(1), folder=folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]
    assert os.listdir(folder)
