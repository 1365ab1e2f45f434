"""What staff noted at stations, with a state and a photo; what stood in the audit comes along."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEPT = """
INSERT INTO noted_faults (station_id, text, noted_by, noted_at)
SELECT audit_entries.subject_id, audit_entries.note, audit_entries.actor, audit_entries.at
FROM audit_entries JOIN stations ON stations.id = audit_entries.subject_id
WHERE audit_entries.action = 'station.fault' AND audit_entries.subject_kind = 'Station'
AND audit_entries.note IS NOT NULL
ORDER BY audit_entries.id
"""


def upgrade() -> None:
    op.create_table(
        "noted_faults",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("station_id", _NUMBER, sa.ForeignKey("stations.id"), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("photo", sa.String(80)),
        sa.Column("noted_by", sa.String(120), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_by", sa.String(120)),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("done_note", sa.String(300)),
    )
    op.create_index("ix_noted_faults_station_id", "noted_faults", ["station_id"])
    op.execute(_KEPT)


def downgrade() -> None:
    op.drop_table("noted_faults")
