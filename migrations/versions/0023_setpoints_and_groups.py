"""Commands found by their session; receipts of payments; master passes; setpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_index("ix_commands_session_id", "commands", ["session_id"])
    op.add_column("settlements", sa.Column("receipt_key", sa.String(64), nullable=True))
    op.create_index("uq_settlements_receipt_key", "settlements", ["receipt_key"], unique=True)
    _setpoints()
    master_pass = sa.Column("master_pass", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("tag_groups", master_pass)


def _setpoints() -> None:
    op.create_table(
        "evse_setpoints",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("station_id", BIG, nullable=False),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("session_id", BIG, nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("sent", sa.JSON(), nullable=True),
        sa.Column("accepted", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("sentence", sa.String(300), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_by", sa.String(120), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_evse_setpoints_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evse_setpoints")),
        sa.UniqueConstraint("station_id", "evse", name=op.f("uq_evse_setpoints_station_id_evse")),
    )
    op.create_index("ix_evse_setpoints_state", "evse_setpoints", ["state"])


def downgrade() -> None:
    op.drop_column("tag_groups", "master_pass")
    op.drop_table("evse_setpoints")
    op.drop_index("uq_settlements_receipt_key", table_name="settlements")
    op.drop_column("settlements", "receipt_key")
    op.drop_index("ix_commands_session_id", table_name="commands")
