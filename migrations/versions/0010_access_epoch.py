"""Under which decision a station was let in."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "stations", sa.Column("access_epoch", sa.Integer(), nullable=False, server_default="1")
    )


def downgrade() -> None:
    op.drop_column("stations", "access_epoch")
