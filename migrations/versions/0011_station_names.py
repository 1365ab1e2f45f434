"""Whose name stands in a certificate, and which signing requests a person agreed to."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, length in (("serial_key", 120), ("certificate_name_key", 64)):
        op.add_column("stations", sa.Column(name, sa.String(length), nullable=True))
        op.create_index(f"ix_stations_{name}", "stations", [name])
    op.add_column("station_certificates", sa.Column("approved_at", sa.DateTime(True)))
    _fill()


def _fill() -> None:
    """Give the stations that are there the keys by which their names are looked up."""
    stations = sa.table(
        "stations",
        sa.column("id", sa.BigInteger),
        sa.column("serial", sa.String),
        sa.column("quirks", sa.JSON),
        sa.column("serial_key", sa.String),
        sa.column("certificate_name_key", sa.String),
    )
    bind = op.get_bind()
    for row in bind.execute(sa.select(stations.c.id, stations.c.serial, stations.c.quirks)).all():
        quirks = json.loads(row.quirks) if isinstance(row.quirks, str) else row.quirks or {}
        pinned = quirks.get("certificate_name")
        if row.serial or pinned:
            keys = {"serial_key": _key(row.serial), "certificate_name_key": _key(pinned)}
            bind.execute(stations.update().where(stations.c.id == row.id).values(keys))


def _key(text: str | None) -> str | None:
    return (text or "").strip().casefold() or None


def downgrade() -> None:
    op.drop_column("station_certificates", "approved_at")
    for name in ("serial_key", "certificate_name_key"):
        op.drop_index(f"ix_stations_{name}", "stations")
        op.drop_column("stations", name)
