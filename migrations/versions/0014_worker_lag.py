"""How late the workers' loops were."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "worker_nodes", sa.Column("lag_ms", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("worker_nodes", sa.Column("slow_ms", sa.Integer(), nullable=True))
    op.add_column("worker_nodes", sa.Column("slow_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("slow_at", "slow_ms", "lag_ms"):
        op.drop_column("worker_nodes", name)
