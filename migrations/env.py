"""How Alembic reaches the database: through the Flask application's engine."""

from alembic import context
from flask import current_app

from app.models import Base


def run() -> None:
    """Run the migrations in one transaction, with SQLite's batch mode for alterations."""
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if connection.in_transaction():
            connection.commit()


run()
