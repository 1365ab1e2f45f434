"""What somebody else does on a connection of their own while a unit of work is open here."""

import threading
from collections.abc import Callable
from typing import TypeVar

from flask import Flask

from app.extensions import db as flask_db
from tests.support.wait import eventually

T = TypeVar("T")

_HELD_UP = """
    SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def beside(app: Flask, act: Callable[[], T]) -> Callable[[], T]:
    """Have it done on a thread, on PostgreSQL, until it is done or waits for a lock.

    Returns what waits for its end and tells what came of it; nobody must hold it up then.
    """
    came: list[T] = []

    def run() -> None:
        with app.app_context():
            came.append(act())
            flask_db.session.remove()

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: _held_up() or not thread.is_alive())

    def end() -> T:
        thread.join()
        return came[0]

    return end


def _held_up() -> int:
    with flask_db.engine.connect() as connection:
        return int(connection.exec_driver_sql(_HELD_UP).scalar_one())
