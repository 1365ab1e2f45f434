"""Whether the database has the tables that this version needs; each server asks at its start."""

import sys
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from app.config import Settings

_BEHIND = "The database is behind this version of Ampdesk: `flask db upgrade` brings it up to date."
_AHEAD = "The database was used by a newer version of Ampdesk; this one leaves it alone."


def heads() -> list[str]:
    """The newest migrations that this version knows: what the database should be at."""
    return _scripts().get_heads()


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
