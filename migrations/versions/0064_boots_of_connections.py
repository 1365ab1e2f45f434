"""A connection keeps when its station booted: what went before was a time without power."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None
# The programs of before leave it empty.
compatible = True


def upgrade() -> None:
    op.add_column("connections", sa.Column("booted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("connections", "booted_at")
