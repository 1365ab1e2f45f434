"""Whose register began where: found by an index, however many sessions a plug has had."""

from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

NAME = "ix_charging_sessions_register"


def upgrade() -> None:
    op.create_index(NAME, "charging_sessions", ["station_id", "meter_start_wh"])


def downgrade() -> None:
    op.drop_index(NAME, "charging_sessions")
