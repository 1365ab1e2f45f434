"""The extensions, not yet bound to an application, and the engine's settings."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.domain.ground import texts
from app.domain.ground.errors import Busy
from app.models import Base

db = SQLAlchemy(metadata=Base.metadata)
migrate = Migrate(directory="migrations", render_as_batch=True)
login = LoginManager()
csrf = CSRFProtect()
htmx = Htmx()
babel = Babel()
limiter = Limiter(lambda: texts.household(request.remote_addr), default_limits=[])

log = logging.getLogger(__name__)

#: What is raised while Redis or the database cannot be reached.
AWAY = (redis.RedisError, SQLAlchemyError)


def gevent_has_sockets() -> bool:
    """Whether the waits of this process are those of gevent."""
    try:
        from gevent import monkey
    except ImportError:
        return False
    return bool(monkey.is_module_patched("socket"))


def thread_pool() -> Any:
    """The hub's threads, where gevent has the sockets of this process; else None."""
    if not gevent_has_sockets():
        return None
    from gevent.hub import _get_hub

    hub = _get_hub()
    return None if hub is None else hub.threadpool


#: Slow sums that wait their turn in one lane; beyond that they are refused at once.
MOST_WAITING = 50
_lanes: dict[bool, Any] = {}


def off_the_loop(work: Callable[[], Any], ahead: bool) -> Any:
    """Do slow sums in a thread of their own, one after another, while the loop goes on.

    There is one lane for everybody and one for those who go `ahead`; raises `Busy`
    when too many wait in a lane.  Without gevent the sums are simply done.
    """
    if thread_pool() is None:
        return work()
    from gevent.threadpool import ThreadPool

    if ahead not in _lanes:
        _lanes[ahead] = ThreadPool(1)
    lane = _lanes[ahead]
    if len(lane) > MOST_WAITING:
        raise Busy("Too many people sign in at this moment; try again in a few seconds.")
    return lane.apply(work)


# Whether the database has the tables that this version needs; each server asks at its start.

_BEHIND = "The database is behind this version of Ampdesk: `flask db upgrade` brings it up to date."
_AHEAD = "The database was used by a newer version of Ampdesk; this one leaves it alone."


def heads() -> list[str]:
    """The newest migrations that this version knows: what the database should be at."""
    return _scripts().get_heads()


def migrations() -> list[tuple[str, str]]:
    """The steps of the tables, the newest first: each one's number, and what it does in words."""
    return [(script.revision, script.doc) for script in _scripts().walk_revisions()]


def _scripts() -> ScriptDirectory:
    configuration = Config()
    folder = Path(__file__).resolve().parent.parent / "migrations"
    configuration.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(configuration)


def refusal(settings: Settings) -> str | None:
    """Return the sentence that says why the database cannot be used, None when it can."""
    scripts = _scripts()
    engine = create_engine(settings.database_uri, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            found = set(MigrationContext.configure(connection).get_current_heads())
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        return f"The database cannot be used: {reason}. AMPDESK_DATABASE_URL names it."
    if found == set(scripts.get_heads()):
        return None
    known = {script.revision for script in scripts.walk_revisions()}
    return _BEHIND if found <= known else _AHEAD


def check_or_exit(settings: Settings) -> None:
    """End the process with status 2 and one sentence when the database cannot be used."""
    sentence = refusal(settings)
    if sentence:
        print(f"ampdesk: {sentence}", file=sys.stderr, flush=True)
        raise SystemExit(2)
