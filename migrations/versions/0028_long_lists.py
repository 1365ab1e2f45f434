"""Indexes by which long lists are found and summed up."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

GROSS = ("currency", "gross_minor")
SUMMED = (*GROSS, "energy_wh", "net_minor", "tax_minor")
MADE = {
    "ix_charging_sessions_transaction_ref": ("charging_sessions", ("transaction_ref",)),
    "ix_bills_issued_sums": ("bills", ("tenant_id", "issued_at", "site_id", "kind", *SUMMED)),
    "ix_bills_session_sums": ("bills", ("session_id", "tenant_id", "site_id", *GROSS)),
    "ix_receipts_tenant_sent": ("receipts", ("tenant_id", "sent_at")),
    "ix_commands_tenant_requested": ("commands", ("tenant_id", "requested_at")),
}
#: Begun by one of those.
SERVED = {
    "ix_bills_tenant_issued": ("bills", ("tenant_id", "issued_at")),
    "ix_receipts_tenant_id": ("receipts", ("tenant_id",)),
    "ix_commands_tenant_id": ("commands", ("tenant_id",)),
}
#: Of few rows among many: name -> table, columns, which rows.
PARTIAL = {
    "ix_messages_unanswered": (
        *("messages", ("outcome", "id"), "outcome IS NULL OR outcome <> 'answered'"),
    ),
    "ix_charging_sessions_running": (
        *("charging_sessions", ("tenant_id", "started_at"), "state = 'charging'"),
    ),
}


def upgrade() -> None:
    for name, (table, columns) in MADE.items():
        op.create_index(name, table, list(columns))
    for name, (table, columns, rows) in PARTIAL.items():
        which = sa.text(rows)
        op.create_index(*(name, table, list(columns)), sqlite_where=which, postgresql_where=which)
    for name, (table, _) in SERVED.items():
        op.drop_index(name, table)


def downgrade() -> None:
    for name, (table, columns) in SERVED.items():
        op.create_index(name, table, list(columns))
    for name, (table, *_) in PARTIAL.items():
        op.drop_index(name, table)
    for name, (table, _) in MADE.items():
        op.drop_index(name, table)
