"""A driver's sessions are counted by their index alone."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None
# The programs of before use it as the one that goes.
compatible = True

NAME, TABLE = "ix_charging_sessions_driver_started", "charging_sessions"
BEGIN = ["driver_id", "started_at"]
#: What it is called until the one before has gone.
COMING = f"{NAME}_coming"


def upgrade() -> None:
    _put([*BEGIN, "tenant_id", "site_id", "state"])


def downgrade() -> None:
    _put(BEGIN)


def _put(columns: list[str]) -> None:
    """Have an index of these columns: on PostgreSQL it is made while others write sessions."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            # It waits for whoever has read since before, also for hours, and holds up nobody.
            waits = bind.scalar(sa.text("SHOW lock_timeout"))
            op.execute("SET lock_timeout = 0")
            # One that could not be made whole is left behind.
            op.drop_index(COMING, TABLE, if_exists=True, postgresql_concurrently=True)
            op.create_index(COMING, TABLE, columns, postgresql_concurrently=True)
            op.execute(f"SET lock_timeout = '{waits}'")
        op.drop_index(NAME, TABLE)
        op.execute(f"ALTER INDEX {COMING} RENAME TO {NAME}")
        return
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, columns)
