"""What is dear to make, made by whichever test process of a run asks first and found by all others.

It stays as it was made: who would change it takes a copy.
"""

import fcntl
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")

#: Where all test processes of a run find it; tests/conftest.py says where.
FOLDER = Path()


def once(name: str, make: Callable[[Path], Made]) -> Made:
    """Return what `make` returned for a folder of this name, called once in a run.

    The folder is empty then and stays; what is returned is pickled.
    """
    folder, told = FOLDER / name, FOLDER / f"{name}.made"
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed, or was ended
            folder.mkdir()
            told.write_bytes(pickle.dumps(make(folder)))
    made: Made = pickle.loads(told.read_bytes())
    return made


def in_one_file(path: Path) -> Path:
    """Have all of a SQLite database that nobody has open any more in the file that is copied."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    connection.close()
    return path
