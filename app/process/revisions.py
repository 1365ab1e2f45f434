"""The steps of the tables: which this version knows, which the database has, and whether they fit.

A process also runs while the database is some steps ahead or behind, so that nodes can be renewed
one after another.  Each migration says for that, as attributes of its module:

- `compatible`: the code of the step before can live with what it did (a new table, a new column
  that may be empty or has a default in the database, an index);
- `needed` (True where nothing is said): code that knows this step cannot do without it.

Code meets steps that it does not know, so the database tells for them: each step writes into
`schema_support` the oldest step whose code may go on.
"""

import sys
import time
from collections.abc import Callable
from functools import cache
from itertools import takewhile
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, delete, insert, inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.models import SchemaSupport

#: Pauses while the database is away, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
#: How long one attempt to reach PostgreSQL may take, in seconds.
CONNECT_S = 5

_BEHIND = "The database is behind this version of Ampdesk: `flask db upgrade` brings it up to date."
_AHEAD = "The database was used by a newer version of Ampdesk; this one leaves it alone."


def heads() -> list[str]:
    """The newest migrations that this version knows: what the database should be at."""
    return _scripts().get_heads()


def migrations() -> list[tuple[str, str]]:
    """The steps of the tables, the newest first: each one's number, and what it does in words."""
    return [(script.revision, script.doc) for script in _scripts().walk_revisions()]


@cache
def _scripts() -> ScriptDirectory:
    configuration = Config()
    folder = Path(__file__).resolve().parents[2] / "migrations"
    configuration.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(configuration)


def tell(connection: Connection, scripts: ScriptDirectory) -> None:
    """Write down which code can live with the database as it is now; each step ends with this."""
    if not inspect(connection).has_table(SchemaSupport.__tablename__):
        return
    connection.execute(delete(SchemaSupport))
    for head in MigrationContext.configure(connection).get_current_heads():
        script = oldest = scripts.get_revision(head)
        while getattr(script.module, "compatible", False):
            script = oldest = scripts.get_revision(str(script.down_revision))
        told = {"revision": head, "oldest": oldest.revision}
        connection.execute(insert(SchemaSupport).values(told))


def misfit(connection: Connection, scripts: ScriptDirectory | None = None) -> str:
    """The sentence that says why the database cannot be used; empty when it can."""
    scripts = scripts or _scripts()
    known = {script.revision: script for script in scripts.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    newest = set(scripts.get_heads())
    if found == newest:
        return ""
    told = f"It is at step {', '.join(sorted(found)) or 'none'}, the newest known here is"
    told = f"{told} {', '.join(sorted(newest))}."
    if found <= known.keys():
        missing = takewhile(lambda step: step.revision not in found, known.values())
        fits = not any(getattr(step.module, "needed", True) for step in missing)
        sentence = _BEHIND
    else:
        fits = _supported(connection, found) <= known.keys()
        sentence = _AHEAD
    if not fits:
        return f"{sentence} {told}"
    _say(f"The database and this version of Ampdesk get along. {told}")
    return ""


def _supported(connection: Connection, found: set[str]) -> set[str]:
    """The oldest steps whose code can live with what was found; what is not told is not known."""
    if not inspect(connection).has_table(SchemaSupport.__tablename__):
        return found
    rows = connection.execute(select(SchemaSupport.revision, SchemaSupport.oldest)).all()
    oldest = {row.revision: row.oldest for row in rows}
    return {oldest.get(revision, revision) for revision in found}


def wait_for_database(settings: Settings, meanwhile: Callable[[], object] = lambda: None) -> str:
    """Wait until the database answers, then return why it cannot be used; empty when it can.

    `meanwhile` is called once where there is something to wait for.
    """
    pause_s, said = FIRST_PAUSE_S, ""
    sqlite = settings.database_uri.startswith("sqlite")
    given = {} if sqlite else {"connect_timeout": CONNECT_S}
    engine = create_engine(settings.database_uri, poolclass=NullPool, connect_args=given)
    while True:
        try:
            with engine.connect() as connection:
                sentence = misfit(connection)
            if said:
                _say("The database answers.")
            return sentence
        except OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0]
        if not said:
            meanwhile()
        if reason != said:
            _say(
                f"The database cannot be used: {reason}. It is waited for; AMPDESK_DATABASE_URL"
                " names it."
            )
        said = reason
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def fit_or_exit(settings: Settings, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Wait for the database; end the process with status 2 when it cannot be used."""
    if sentence := wait_for_database(settings, meanwhile):
        _say(sentence)
        raise SystemExit(2)


def _say(sentence: str) -> None:
    print(f"ampdesk: {sentence}", file=sys.stderr, flush=True)
