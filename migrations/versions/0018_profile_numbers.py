"""Under which number a charging profile goes over the wire when it replaces another in place."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("station_profiles", sa.Column("number", number, nullable=True))


def downgrade() -> None:
    op.drop_column("station_profiles", "number")
