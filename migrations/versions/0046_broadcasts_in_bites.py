"""A broadcast knows its stations before each has a row as a target."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None
# Code of the step before leaves a broadcast that began meanwhile to the newer.
compatible = True


def upgrade() -> None:
    op.add_column("broadcasts", sa.Column("goes_to", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("broadcasts", "goes_to")
