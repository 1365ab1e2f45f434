"""The newest session of a driver is found without looking through all of theirs."""

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None
# The programs of before find a driver's sessions by it as by the one that goes.
compatible = True

OLD, NEW = "ix_charging_sessions_driver_id", "ix_charging_sessions_driver_started"


def upgrade() -> None:
    op.create_index(NEW, "charging_sessions", ["driver_id", "started_at"])
    op.drop_index(OLD, "charging_sessions")


def downgrade() -> None:
    op.create_index(OLD, "charging_sessions", ["driver_id"])
    op.drop_index(NEW, "charging_sessions")
