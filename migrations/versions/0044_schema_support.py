"""The database says which versions of the code can live with it."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None
compatible = True


def upgrade() -> None:
    op.create_table(
        "schema_support",
        sa.Column("revision", sa.String(32), primary_key=True),
        sa.Column("oldest", sa.String(32), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("schema_support")
