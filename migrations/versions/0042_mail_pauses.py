"""A part may pause until a time, as mail does while its server takes none."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
compatible = True


def upgrade() -> None:
    op.add_column("system_marks", sa.Column("until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("system_marks", "until")
