"""An index that the number of all decisions about access is read off."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_stations_access_epoch", "stations", ["access_epoch"])


def downgrade() -> None:
    op.drop_index("ix_stations_access_epoch", table_name="stations")
