"""Work that goes on in the background, whatever happens to it."""

import logging
from collections.abc import Callable
from typing import Any

import gevent

from app.extensions import AWAY
from worker.batch import StorageAway

log = logging.getLogger(__name__)

PAUSE_S = 2.0


def for_ever(work: Callable[[], Any]) -> None:
    """Keep a background greenlet going: Redis or the database may be away for a while."""
    said = ""
    while True:
        try:
            work()
        except (*AWAY, StorageAway) as error:
            if str(error) != said:
                log.warning("%s pauses: %s", work.__name__.strip("_"), error)
            said = str(error)
        except Exception:
            log.exception("%s failed", work.__name__)
        gevent.sleep(PAUSE_S)


def guarded(work: Callable[..., Any], *arguments: Any) -> None:
    """Do one thing of a round; what it raises is logged and keeps nothing else from being done."""
    try:
        work(*arguments)
    except (*AWAY, StorageAway) as error:
        log.warning("%s failed, it will be tried again: %s", work.__name__, error)
    except Exception:
        log.exception("%s failed", work.__name__)
