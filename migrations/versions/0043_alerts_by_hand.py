"""Alerts are closed by hand, and rules look some days ahead."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None
# Code that does not know the new kind of rule cannot read a rule of that kind.
compatible = False


def upgrade() -> None:
    op.add_column("alert_rules", sa.Column("days", sa.Integer(), nullable=True))
    op.add_column("alerts", sa.Column("closed_by", sa.String(120), nullable=True))
    goes_on = sa.Column("goes_on", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("alerts", goes_on)
    where = sa.text("goes_on")
    op.create_index(
        "ix_alerts_goes_on", "alerts", ["tenant_id"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    # An older version does not know this word: its rules watch nothing.
    op.execute(
        "DELETE FROM alerts WHERE rule_id IN"
        " (SELECT id FROM alert_rules WHERE kind = 'token_expiring')"
    )
    op.execute("DELETE FROM alert_rules WHERE kind = 'token_expiring'")
    op.drop_index("ix_alerts_goes_on", "alerts")
    op.drop_column("alerts", "goes_on")
    op.drop_column("alerts", "closed_by")
    op.drop_column("alert_rules", "days")
