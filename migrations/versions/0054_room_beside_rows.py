"""Rows that change with every reading are written anew beside themselves, not into all indexes.

PostgreSQL writes a changed row as a new one.  Where its page has room and no indexed column has
changed, no index hears of that; from a full page it moves, and all of nearly twenty indexes of
sessions hear of it.  New pages of these tables are left half free.  Takes no lock that readers or
writers wait for.
"""

from alembic import op

revision = "0054"
down_revision = "0052"
branch_labels = None
depends_on = None
# It is the same table to whoever reads and writes it.
compatible = True

TABLES = ("charging_sessions", "stations")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
