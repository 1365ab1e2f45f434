"""Forms that were sent are known again, so that none is done twice."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None
# The programs of before let the table be.
compatible = True


def upgrade() -> None:
    op.create_table(
        "sent_forms",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text()),
    )
    op.create_index("ix_sent_forms_at", "sent_forms", ["at"])


def downgrade() -> None:
    op.drop_table("sent_forms")
