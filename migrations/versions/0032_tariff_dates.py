"""From when until when a version of a tariff holds, and those that were withdrawn before."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns alone: a table that is made anew on SQLite would lose the triggers of 0009.
    for name, kind in _COLUMNS:
        op.add_column("tariff_versions", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    # Without its dates a planned version would hold at once: those in no use go.
    op.execute(_PLANNED)
    for name, _ in reversed(_COLUMNS):
        op.drop_column("tariff_versions", name)


_COLUMNS = (
    ("valid_from", sa.String(16)),
    ("valid_until", sa.String(16)),
    ("withdrawn_at", sa.DateTime(timezone=True)),
)

_PLANNED = """
    DELETE FROM tariff_versions WHERE valid_from IS NOT NULL AND id NOT IN (
        SELECT tariff_version_id FROM charging_sessions WHERE tariff_version_id IS NOT NULL
        UNION SELECT tariff_version_id FROM bills WHERE tariff_version_id IS NOT NULL
        UNION SELECT tariff_version_id FROM station_tariffs WHERE tariff_version_id IS NOT NULL
    )
"""
