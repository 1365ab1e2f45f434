"""Work on many rows at once: what cannot be done is found by halves and stops no other."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import wraps

from sqlalchemy.exc import OperationalError

from app.extensions import db as flask_db

log = logging.getLogger(__name__)


def in_halves(what: str, ids: Sequence[int], act: Callable[[Sequence[int]], object]) -> bool:
    """Act on rows together, in one unit of work; tells whether all could be dealt with.

    One that fails is found by doing the halves by themselves, and logged.  What the
    database cannot do at the moment fails as a whole: the next sweep finds its rows.
    """
    try:
        act(ids)
    except OperationalError:
        raise
    except Exception:
        flask_db.session.rollback()
        if len(ids) == 1:
            log.exception("%s %s", what, ids[0])
            return False
        middle = len(ids) // 2
        first = in_halves(what, ids[:middle], act)
        return in_halves(what, ids[middle:], act) and first
    return True


def one_at_a_time(act: Callable[[], object]) -> Callable[[], None]:
    """Have one thread of a process do something; who comes meanwhile makes it do it once more."""
    busy, asked = threading.Lock(), threading.Event()

    @wraps(act)
    def work() -> None:
        asked.set()
        while asked.is_set() and busy.acquire(blocking=False):
            try:
                asked.clear()
                act()
            finally:
                busy.release()

    return work
