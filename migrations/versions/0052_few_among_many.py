"""Sessions without a stop, and those of a refused card, are found by themselves, not among all."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0049"
branch_labels = None
depends_on = None
# The programs of before can do with indexes more.
compatible = True

FLAGS = ("provisional", "unauthorised")


def upgrade() -> None:
    for flag in FLAGS:
        op.create_index(
            *(f"ix_charging_sessions_{flag}", "charging_sessions", ["tenant_id", "started_at"]),
            sqlite_where=sa.text(f"{flag} IS 1"),
            postgresql_where=sa.text(f"{flag} IS true"),
        )


def downgrade() -> None:
    for flag in FLAGS:
        op.drop_index(f"ix_charging_sessions_{flag}", "charging_sessions")
