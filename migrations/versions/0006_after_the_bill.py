"""What arrives for a session after it was decided about, and what was known then."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

#: Stops that came after the bill, or while a review waits, are weighed once more.
_MARK = """
UPDATE charging_sessions SET late_evidence_at = stop_received_at
WHERE state = 'ended' AND provisional = :no AND (
  (billing = 'billed' AND stop_received_at >
    (SELECT max(issued_at) FROM bills WHERE bills.session_id = charging_sessions.id))
  OR (billing = 'held' AND EXISTS (SELECT 1 FROM reviews
    WHERE reviews.session_id = charging_sessions.id AND reviews.decided_at IS NULL
    AND reviews.opened_at < charging_sessions.stop_received_at)))
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("charging_sessions", sa.Column("late_evidence_at", moment, nullable=True))
    op.add_column("charging_sessions", sa.Column("decided_wh", sa.BigInteger(), nullable=True))
    op.add_column("charging_sessions", sa.Column("decided_minor", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_charging_sessions_late_evidence_at", "charging_sessions", ["late_evidence_at"]
    )
    op.create_index(
        "ix_charging_sessions_station_started", "charging_sessions", ["station_id", "started_at"]
    )
    op.execute(sa.text(_MARK).bindparams(no=False))


def downgrade() -> None:
    op.drop_index("ix_charging_sessions_station_started", "charging_sessions")
    op.drop_index("ix_charging_sessions_late_evidence_at", "charging_sessions")
    for name in ("decided_minor", "decided_wh", "late_evidence_at"):
        op.drop_column("charging_sessions", name)
