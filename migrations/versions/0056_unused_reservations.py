"""Sessions of reservations that ran out unused are found by themselves, not among all."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None
# The programs of before can do with an index more.
compatible = True

NAME, UNUSED = "ix_charging_sessions_no_show", sa.text("state = 'no_show'")


def upgrade() -> None:
    columns = ["tenant_id", "started_at"]
    op.create_index(
        *(NAME, "charging_sessions", columns), sqlite_where=UNUSED, postgresql_where=UNUSED
    )


def downgrade() -> None:
    op.drop_index(NAME, "charging_sessions")
