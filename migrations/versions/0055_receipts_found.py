"""Receipts are found by their state with their bills, and by the address that they went to."""

from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None
# The programs of before can do with these indexes, too.
compatible = True


def upgrade() -> None:
    op.create_index("ix_receipts_state_bill", "receipts", ["state", "tenant_id", "bill_id"])
    op.create_index("ix_receipts_recipient", "receipts", ["recipient"])
    op.drop_index("ix_receipts_state", "receipts")


def downgrade() -> None:
    op.create_index("ix_receipts_state", "receipts", ["state"])
    op.drop_index("ix_receipts_recipient", "receipts")
    op.drop_index("ix_receipts_state_bill", "receipts")
