"""Reservations keep whose they are, since when the plug is kept, and whether nobody came."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None
compatible = True

TABLE, NAME = "reservations", "ix_reservations_driver_id"


def upgrade() -> None:
    # Not in a batch: a table made anew would give ids of reservations again.
    whose = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column(TABLE, sa.Column("driver_id", whose, nullable=True))
    op.add_column(TABLE, sa.Column("kept_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column(TABLE, sa.Column("no_show", sa.Boolean(), nullable=True))
    op.add_column(TABLE, sa.Column("no_show_why", sa.String(length=300), nullable=True))
    op.create_index(NAME, TABLE, ["driver_id"])


def downgrade() -> None:
    op.drop_index(NAME, TABLE)
    for name in ("no_show_why", "no_show", "kept_from", "driver_id"):
        op.drop_column(TABLE, name)
