"""A code per station, for the label at it: short, and not to be guessed."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

#: Neither 0 nor o, neither 1 nor l: somebody may type it off a label.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


def upgrade() -> None:
    op.add_column("stations", sa.Column("field_code", sa.String(20), nullable=True))
    stations = sa.table("stations", sa.column("id"), sa.column("field_code"))
    bind = op.get_bind()
    codes = [
        {"number": number, "code": "".join(secrets.choice(_LETTERS) for _ in range(12))}
        for number in bind.scalars(sa.select(stations.c.id))
    ]
    if codes:
        given = sa.update(stations).where(stations.c.id == sa.bindparam("number"))
        bind.execute(given.values(field_code=sa.bindparam("code")), codes)
    op.create_index("uq_stations_field_code", "stations", ["field_code"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_stations_field_code", "stations")
    op.drop_column("stations", "field_code")
