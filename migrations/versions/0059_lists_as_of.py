"""A local list knows which changes are in it.

Those that were there are looked at once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None
# The programs of before leave it alone, and a list that is older than it says is only looked at.
compatible = True


def upgrade() -> None:
    op.add_column("local_lists", sa.Column("as_of", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("local_lists", "as_of")
