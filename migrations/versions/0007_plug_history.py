"""What a plug has measured, and its sessions one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PLUG = ["station_id", "evse", "connector", "started_at"]


def upgrade() -> None:
    op.add_column("connectors", sa.Column("measured_power_w", sa.Double(), nullable=True))
    op.create_index("ix_charging_sessions_plug", "charging_sessions", _PLUG)


def downgrade() -> None:
    op.drop_index("ix_charging_sessions_plug", table_name="charging_sessions")
    op.drop_column("connectors", "measured_power_w")
