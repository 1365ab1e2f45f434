"""Statements of a driver's month: who gets one by mail, and which were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table in ("drivers", "tag_groups"):
        wanted = sa.Column("statements", sa.Boolean(), server_default=sa.false(), nullable=False)
        op.add_column(table, wanted)
    op.create_table(
        "driver_statements",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("driver_id", _ID, sa.ForeignKey("drivers.id"), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("asked_by", sa.String(120), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("driver_id", "month"),
    )
    op.create_index("ix_driver_statements_tenant_id", "driver_statements", ["tenant_id"])


def downgrade() -> None:
    op.drop_table("driver_statements")
    for table in ("drivers", "tag_groups"):
        op.drop_column(table, "statements")
