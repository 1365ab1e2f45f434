"""A sign of life of the processes that do tasks: a file in their own temporary folder, never old.

Such a process has no port that could be asked.  Its loop says that it turns; whoever waits for the
database or the broker has none that could, and is alive all the same.
"""

import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from app.config import Settings

#: How often a loop turns and the file is touched, in seconds.
PAUSE_S = 10.0
#: A loop that has not turned for so long hangs.  A busy computer lets one wait for many seconds.
LOOP_STILL_S = 120.0
#: A file that is older tells of a process that hangs or is gone.
OLD_S = 60.0


class Pulse:
    """Touches a file for as long as a loop turns, and while it cannot."""

    def __init__(self) -> None:
        #: When the loop turned, by the monotonic clock; None while it waits for what it needs.
        self.turned: float | None = None

    def begin(self, path: Path) -> None:
        """Tell by this file from now on."""

        def keep() -> None:
            while True:
                with suppress(OSError):  # a full disk may have room later
                    self.tell(path)
                time.sleep(PAUSE_S)

        threading.Thread(target=keep, name="pulse", daemon=True).start()

    def tell(self, path: Path) -> None:
        """Touch the file unless the loop hangs."""
        turned = self.turned
        if turned is None or time.monotonic() - turned < LOOP_STILL_S:
            path.touch()

    def turn(self) -> None:
        """The loop has turned."""
        self.turned = time.monotonic()

    def wait(self) -> None:
        """The loop has ended, and may begin anew."""
        self.turned = None


#: That of this process.
PULSE = Pulse()


def sign_of_life(name: str, settings: Settings) -> Path:
    """The file of a process, by its name in `deploy.processes`."""
    place = crc32(str(settings.data_dir.resolve()).encode())
    return Path(tempfile.gettempdir(), f"ampdesk-{name}-{place:08x}")


def beats(name: str, settings: Settings) -> bool:
    """Whether that process of this computer lives."""
    try:
        return time.time() - sign_of_life(name, settings).stat().st_mtime < OLD_S
    except FileNotFoundError:
        return False
