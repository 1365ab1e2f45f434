"""How far the events of a running transaction were told, so that the next one is added to them."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("charging_sessions", sa.Column("last_event_at", moment, nullable=True))
    op.add_column(
        "charging_sessions", sa.Column("weighed_apart_wh", sa.BigInteger(), nullable=True)
    )


def downgrade() -> None:
    for name in ("weighed_apart_wh", "last_event_at"):
        op.drop_column("charging_sessions", name)
