"""Sessions with a flag are found by themselves, not among all."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None
# The programs of before can do with an index more.
compatible = True

NAME, FLAGGED = "ix_charging_sessions_flagged", sa.text("CAST(flags AS VARCHAR) <> '[]'")


def upgrade() -> None:
    columns = ["tenant_id", "started_at"]
    op.create_index(
        *(NAME, "charging_sessions", columns), sqlite_where=FLAGGED, postgresql_where=FLAGGED
    )


def downgrade() -> None:
    op.drop_index(NAME, "charging_sessions")
