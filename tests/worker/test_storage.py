"""What comes before all else waits for a database that is away, and ends no process."""

from sqlalchemy.exc import OperationalError

from worker import storage
from worker.storage import StorageAway, at_last


def test_a_first_beat_that_finds_no_database_is_tried_until_there_is_one(monkeypatch, caplog):
    monkeypatch.setattr(storage, "PAUSE_S", 0.0)
    found = [StorageAway("the database is away"), OperationalError("BEGIN", {}, OSError("gone"))]
    listened = []

    def beat():
        if found:
            raise found.pop(0)

    at_last(beat, lambda: listened.append(len(found)))
    assert listened == [1, 0]
    assert caplog.text.count("beat waits") == 2
