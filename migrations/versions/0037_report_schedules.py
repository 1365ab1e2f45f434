"""Reports on schedule, the jobs that make them, and the mails that carry their files."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_SAYS_WHOSE = (("jobs", "schedule_id"), ("outgoing_mails", "job_id"))


def upgrade() -> None:
    op.create_table(
        "report_schedules",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("name_key", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("by", sa.String(20), nullable=False),
        sa.Column("narrowed_to", _ID, sa.ForeignKey("sites.id"), nullable=True),
        sa.Column("every", sa.String(10), nullable=False),
        sa.Column("file_format", sa.String(10), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("outside", sa.JSON(), nullable=False),
        sa.Column("next_run_at", _MOMENT, nullable=False),
        sa.Column("user_id", _ID, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("archived_at", _MOMENT, nullable=True),
        sa.UniqueConstraint("tenant_id", "name_key"),
    )
    op.create_index("ix_report_schedules_tenant_id", "report_schedules", ["tenant_id"])
    op.create_index("ix_report_schedules_next", "report_schedules", ["next_run_at"])
    for table, column in _SAYS_WHOSE:
        op.add_column(table, sa.Column(column, _ID, nullable=True))
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in _SAYS_WHOSE:
        op.drop_index(f"ix_{table}_{column}", table)
        op.drop_column(table, column)
    op.drop_table("report_schedules")
