"""Where private keys of the built-in authority are kept: files that only we may read."""

import os
import re
from pathlib import Path

from app.config import Settings

_NAME = re.compile(r"[a-z0-9-]{1,70}\.key")


class KeyStore:
    """The folder `keys` of the data folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder = Path(settings.data_dir) / "keys"

    def keep(self, name: str, pem: str) -> None:
        """Write a key; raises FileExistsError rather than overwrite one."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())

    def read(self, name: str) -> str:
        """Return a key as PEM; raises OSError when it is not there."""
        return self._path(name).read_text(encoding="ascii")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a key")
        return self._folder / name
