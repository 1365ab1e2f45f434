"""What drivers ask about their receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def _of(column: str, table: str) -> sa.Column:
    return sa.Column(column, _ID, sa.ForeignKey(f"{table}.id"), nullable=False)


def upgrade() -> None:
    table = "driver_questions"
    op.create_table(
        table,
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        _of("tenant_id", "tenants"),
        _of("site_id", "sites"),
        _of("bill_id", "bills"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", _MOMENT, nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(120), nullable=True),
    )
    for column in ("tenant_id", "site_id", "bill_id"):
        op.create_index(f"ix_{table}_{column}", table, [column])
    waiting = sa.text("closed_at IS NULL")
    op.create_index(
        f"ix_{table}_open",
        table,
        ["tenant_id", "asked_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )


def downgrade() -> None:
    op.drop_table("driver_questions")
