"""How Alembic reaches the database: through the Flask application's engine."""

from alembic import context
from flask import current_app

from app.models import Base
from app.process import revisions


def run() -> None:
    """Run the migrations, with SQLite's batch mode for alterations.

    SQLite has all of them or none, PostgreSQL each by itself: others who wait for the tables of one
    step may hold those of the next, which would wait for them, too.
    """
    engine = current_app.extensions["migrate"].db.engine
    steps = []

    def note(step, **told):
        steps.append(step)
        revisions.tell(connection, context.script)

    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _foreign_keys(connection, "OFF")
        try:
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=True,
                compare_type=True,
                transactional_ddl=True,
                transaction_per_migration=not sqlite,
                on_version_apply=note,
            )
            with context.begin_transaction():
                context.run_migrations()
                if sqlite and steps:
                    _check_foreign_keys(connection)
            if connection.in_transaction():
                connection.commit()
        finally:
            if sqlite:
                connection.rollback()
                _foreign_keys(connection, "ON")


def _foreign_keys(connection, state):
    """Switch SQLite's foreign keys: outside of a transaction, or it does nothing.

    A column is altered by a new table that takes the place of the old one.  To drop that is to
    delete its rows first, which other tables name.
    """
    connection.connection.driver_connection.execute(f"PRAGMA foreign_keys={state}").close()


def _check_foreign_keys(connection):
    """Raise where a row names one that is not there: nothing of it is kept then."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone()
    if broken is not None:
        named = f"a row of {broken[0]} without one of {broken[2]}"
        raise RuntimeError(f"the migration would leave {named}")


run()
