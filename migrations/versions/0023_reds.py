"""Commands found by their session; receipts of payments at stations; master passes."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_commands_session_id", "commands", ["session_id"])
    op.add_column("settlements", sa.Column("receipt_key", sa.String(64), nullable=True))
    op.create_index("uq_settlements_receipt_key", "settlements", ["receipt_key"], unique=True)
    master_pass = sa.Column("master_pass", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("tag_groups", master_pass)


def downgrade() -> None:
    op.drop_column("tag_groups", "master_pass")
    op.drop_index("uq_settlements_receipt_key", table_name="settlements")
    op.drop_column("settlements", "receipt_key")
    op.drop_index("ix_commands_session_id", table_name="commands")
