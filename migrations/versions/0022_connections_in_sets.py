"""Open connections are found by an index of their own, a station's lately by another; and what
remembers that a password was right."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None

STILL_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.drop_index("ix_connections_node", table_name="connections")
    op.drop_index("ix_connections_station_id", table_name="connections")
    op.create_index("ix_connections_station_opened", "connections", ["station_id", "opened_at"])
    op.create_index(
        *("ix_connections_open", "connections", ["station_id", "node"]),
        sqlite_where=STILL_OPEN,
        postgresql_where=STILL_OPEN,
    )
    op.add_column("stations", sa.Column("password_proof", sa.String(80), nullable=True))


def downgrade() -> None:
    op.drop_column("stations", "password_proof")
    op.drop_index("ix_connections_open", table_name="connections")
    op.drop_index("ix_connections_station_opened", table_name="connections")
    op.create_index("ix_connections_station_id", "connections", ["station_id"])
    op.create_index("ix_connections_node", "connections", ["node"])
