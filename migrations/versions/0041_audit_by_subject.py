"""The audit of one thing is found at once."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_audit_entries_subject", "audit_entries", ["tenant_id", "subject_kind", "subject_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_audit_entries_subject", "audit_entries")
