"""A driver's sessions are counted by their index alone."""

from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None
# The programs of before use it as the one that goes.
compatible = True

NAME, TABLE = "ix_charging_sessions_driver_started", "charging_sessions"
BEGIN = ["driver_id", "started_at"]


def upgrade() -> None:
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, [*BEGIN, "tenant_id", "site_id", "state"])


def downgrade() -> None:
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, BEGIN)
