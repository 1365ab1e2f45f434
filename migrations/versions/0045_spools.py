"""What waits in each worker's spool."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
compatible = True

_COLUMNS = ("spooled", "spooled_bytes", "spooled_since")


def upgrade() -> None:
    count = {"nullable": False, "server_default": "0"}
    op.add_column("worker_nodes", sa.Column("spooled", sa.Integer(), **count))
    op.add_column("worker_nodes", sa.Column("spooled_bytes", sa.BigInteger(), **count))
    since = sa.Column("spooled_since", sa.DateTime(timezone=True), nullable=True)
    op.add_column("worker_nodes", since)


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("worker_nodes", name)
