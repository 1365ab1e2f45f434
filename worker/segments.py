"""A file of the spool: what it looks like, who holds it, and what of it waits still.

A record says how long it is, what its sum is, and what became of it since.  One that is torn at the
end of a file was never acknowledged and is dropped.
"""

import fcntl
import logging
import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from worker.ocpp.frames import Payload
from worker.ocpp.versions import Version

log = logging.getLogger(__name__)

MAGIC = b"ampdesk spool 1\n"
_HEAD = struct.Struct("<IIB")
#: What became of a record: the last byte of its head, written in place.
WAITS, STORED, ASIDE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Frame:
    """A call or a send as it came, and what it was answered.

    Without a text it is the end of an order, `told` in words of ours (`worker.endings`).
    """

    station_id: int
    identity: str
    version: Version
    received_at: datetime
    connection_id: int | None
    text: str
    told: Payload


class Segment:
    """One file: held by a lock as long as it is open, removed when all of it was stored."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self._file = number
        self.size = len(MAGIC)
        self.waiting = 0
        self._aside = False

    @classmethod
    def made(cls, folder: Path) -> "Segment":
        """A new file, locked; raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = folder / f"{time.time_ns()}-{os.getpid()}.spool"
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _locked(path, number):
                break
            os.close(number)  # another process has looked at it before it was ours
        try:
            _write(number, MAGIC)
            for each in (number, entry := os.open(folder, os.O_RDONLY | os.O_DIRECTORY)):
                os.fsync(each)
            os.close(entry)
        except OSError:
            path.unlink()
            os.close(number)
            raise
        return cls(path, number)

    @classmethod
    def taken_over(cls, path: Path) -> "Segment | None":
        """A file that nobody holds any more; None where somebody does, or it is gone."""
        try:
            number = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        if _locked(path, number):
            return cls(path, number)
        os.close(number)
        return None

    def append(self, records: list[bytes]) -> None:
        """Add records so that they outlive a power cut; raises OSError, and then added none."""
        try:
            _write(self._file, b"".join(records))
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += sum(map(len, records))

    def content(self) -> bytes:
        """All of it; raises OSError."""
        return os.pread(self._file, os.fstat(self._file).st_size, 0)

    def scan(self, content: bytes) -> Iterator[tuple[int, Frame]]:
        """Each whole record that waits still: where it is, and what it says."""
        if not content.startswith(MAGIC):
            return
        while (found := _whole(content, self.size)) is not None:
            state, body = found
            offset = self.size
            self.size += _HEAD.size + len(body)
            self._aside |= state == ASIDE
            if state == WAITS:
                yield offset, _frame(body)
        if torn := len(content) - self.size:
            log.warning(
                "%s ends with %d torn bytes: they were never acknowledged", self.path.name, torn
            )

    def read(self, offset: int) -> Frame:
        """The record at a place; raises OSError."""
        found = self._record(offset)
        if found is None:
            raise OSError(f"{self.path.name} cannot be read at {offset}")
        return _frame(found[1])

    def _record(self, offset: int) -> tuple[int, bytes] | None:
        head = os.pread(self._file, _HEAD.size, offset)
        if len(head) < _HEAD.size:
            return None
        size = _HEAD.size + _HEAD.unpack(head)[0]
        if offset + size > os.fstat(self._file).st_size:
            return None
        return _whole(os.pread(self._file, size, offset), 0)

    def settle(self, offset: int, state: int) -> None:
        """Note what became of a record.  Not flushed: what is stored twice is known again."""
        os.pwrite(self._file, bytes([state]), offset + _HEAD.size - 1)
        self.waiting -= 1
        self._aside |= state == ASIDE

    def end(self) -> None:
        """Remove the file; one with records that were put aside stays, under another name.

        Raises OSError where the disk does not take that; it is let go of all the same.
        """
        try:
            if self._aside:
                os.fsync(self._file)
                self.path.rename(self.path.with_suffix(".aside"))
            else:
                self.path.unlink(missing_ok=True)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _locked(path: Path, number: int) -> bool:
    """Whether a file is ours now, and still the one of that name."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.stat(path).st_ino == os.fstat(number).st_ino
    except OSError:
        return False


def _write(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


def _whole(content: bytes, offset: int) -> tuple[int, bytes] | None:
    """State and body of the record at a place; None where there is no whole one."""
    start = offset + _HEAD.size
    if start > len(content):
        return None
    length, total, state = _HEAD.unpack_from(content, offset)
    body = content[start : start + length]
    return (state, body) if len(body) == length and zlib.crc32(body) == total else None


def record_of(frame: Frame) -> bytes:
    body = orjson.dumps(
        [
            *(frame.station_id, frame.identity, frame.version.value, frame.received_at),
            *(frame.connection_id, frame.text, frame.told),
        ]
    )
    return _HEAD.pack(len(body), zlib.crc32(body), WAITS) + body


def _frame(body: bytes) -> Frame:
    station_id, identity, version, at, connection_id, text, told = orjson.loads(body)
    received_at = datetime.fromisoformat(at)
    return Frame(station_id, identity, Version(version), received_at, connection_id, text, told)
