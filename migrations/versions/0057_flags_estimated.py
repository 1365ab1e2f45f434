"""PostgreSQL learns how few sessions have a flag.

What it does not know of the condition of their index it takes for nearly all sessions, and reads
the whole table to count some.
"""

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None
# The programs of before can do with what it knows, too.
compatible = True


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        expression = "(CAST(flags AS VARCHAR))"
        op.execute(
            f"CREATE STATISTICS charging_sessions_flags ON {expression} FROM charging_sessions"
        )
        op.execute("ANALYZE charging_sessions")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP STATISTICS charging_sessions_flags")
