"""How far the clocks of stations are off, since when a plug is in its state, the first register."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("stations", "clock_offset_s", sa.Integer()),
    ("stations", "clock_offset_at", sa.DateTime(timezone=True)),
    ("stations", "clock_samples", sa.JSON(none_as_null=True)),
    ("connectors", "since", sa.DateTime(timezone=True)),
    ("charging_sessions", "claimed_started_at", sa.DateTime(timezone=True)),
    ("charging_sessions", "first_register_wh", sa.BigInteger()),
)


def upgrade() -> None:
    for table, name, kind in _COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.execute("UPDATE connectors SET since = status_at")


def downgrade() -> None:
    for table, name, _ in reversed(_COLUMNS):
        op.drop_column(table, name)
