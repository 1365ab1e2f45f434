"""Settings that wait for a restart are found without a look at all others of their station."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_NAME = "ix_station_variables_reboot_required"


def upgrade() -> None:
    op.create_index(
        _NAME,
        "station_variables",
        ["station_id"],
        postgresql_where=sa.text("reboot_required"),
        sqlite_where=sa.text("reboot_required = 1"),
    )


def downgrade() -> None:
    op.drop_index(_NAME, "station_variables")
