"""Events are found by their session, so an index goes that each of them pays for."""

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None
# The programs of before find what comes out of order through all events of its station.
compatible = True

NAME = "ix_transaction_events_ref"


def upgrade() -> None:
    op.drop_index(NAME, "transaction_events")


def downgrade() -> None:
    op.create_index(NAME, "transaction_events", ["station_id", "transaction_ref", "seq_no"])
