"""Files in the data folder: firmware that stations fetch, logs that they bring, exports, photos.

A file gets a random name of ours; what somebody calls it never touches the disk.
Room is taken before it is written to, under a lock that all processes share: the
unfinished file is as long as the room it has taken, so that uploads at the same
time cannot take the same room, and a crash leaves nothing that is not seen.
Nothing in here is below a folder that a web server hands out.
"""

import fcntl
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.config import Settings
from app.domain.device.files import Stored
from app.domain.ground.errors import Conflict, DomainError

FIRMWARE, UPLOADS, EXPORTS, PHOTOS = "firmware", "uploads", "exports", "photos"
_NAME = re.compile(r"[0-9a-f]{32}")
_CHUNK = 64 * 1024
#: Room is taken in steps of this, so that a small file takes little and a large one asks seldom.
_STEP = 4 * 1024 * 1024
#: A file that no row knows is removed when it is this old, in seconds: none is made for longer.
_ORPHAN_S = 24 * 3600.0


class TooLarge(DomainError):
    """A file beyond what is allowed; the one who sends it is told at once."""

    code = "too_large"
    status = 413


class Store:
    """One folder of files, with the room that all folders share."""

    def __init__(self, settings: Settings, kind: str) -> None:
        self._root = settings.data_dir / "files"
        self._folder = self._root / kind
        self._lock = settings.data_dir / "files.lock"
        self._quota = settings.files_quota_bytes

    def save(self, read: Callable[[int], bytes], limit_bytes: int) -> Stored:
        """Store what `read` gives until it gives nothing; raises `TooLarge` or `Conflict` (full).

        Nothing remains of a file that could not be stored.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = secrets.token_hex(16)
        part = self._folder / f"{name}.part"
        try:
            stored = self._write(part, name, read, limit_bytes)
            part.rename(self._folder / name)
        finally:
            part.unlink(missing_ok=True)
        return stored

    @contextmanager
    def saved(self, read: Callable[[int], bytes], limit_bytes: int) -> Iterator[Stored]:
        """Store as `save` does, and keep the file only when nothing is raised within."""
        stored = self.save(read, limit_bytes)
        try:
            yield stored
        except BaseException:
            self.remove([stored.stored_as])
            raise

    def path(self, stored_as: str) -> Path | None:
        """Where a file lies; None when there is none of that name."""
        path = self._folder / stored_as
        return path if _NAME.fullmatch(stored_as) and path.is_file() else None

    def remove(self, names: Iterable[str | None]) -> None:
        """Remove files; those that are gone already are no matter."""
        for name in names:
            if name and (path := self.path(name)) is not None:
                path.unlink(missing_ok=True)

    def remove_unknown(self, known: set[str]) -> int:
        """Remove old files that no row knows; returns how many."""
        found = 0
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if path.name not in known and time.time() - path.stat().st_mtime > _ORPHAN_S:
                    path.unlink()
                    found += 1
        return found

    def used_bytes(self) -> int:
        """The room that all files take, and that those have taken which are being brought."""
        total = 0
        for path in self._root.glob("*/*") if self._root.is_dir() else ():
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def _write(
        self, part: Path, name: str, read: Callable[[int], bytes], limit_bytes: int
    ) -> Stored:
        sha256, md5, size, room = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0, 0
        with part.open("xb") as file:
            while chunk := read(_CHUNK):
                size += len(chunk)
                if size > limit_bytes:
                    raise TooLarge(f"The file is larger than {limit_bytes} bytes.", field="file")
                if size > room:
                    room = self._take_room(file, room, size, limit_bytes)
                file.write(chunk)
                sha256.update(chunk)
                md5.update(chunk)
            file.truncate(size)
        return Stored(name, size, sha256.hexdigest(), md5.hexdigest())

    def _take_room(self, file: BinaryIO, room: int, needed: int, limit_bytes: int) -> int:
        """Make an unfinished file longer; returns its length, raises `Conflict` (full)."""
        with self._alone():
            free = self._quota - self.used_bytes()
            if needed - room > free:
                raise Conflict("There is no room left for files.", field="file")
            room += min(max(_STEP, needed - room), limit_bytes - room, free)
            file.truncate(room)  # takes no block of the disk, but is seen by `used_bytes`
        return room

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Nothing in here gives way to another greenlet, so that none waits for itself.
        with self._lock.open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
