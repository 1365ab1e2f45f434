"""Indexes that another one begins with are gone: each cost every row that is written.

The message log has one index by station, in the order in which it is shown.
"""

from alembic import op

revision = "0024"
down_revision = "0022"
branch_labels = None
depends_on = None

SERVED = {
    "tenant_id": (
        *("attention_seen", "audit_entries", "authorisations", "bills", "charging_profiles"),
        *("charging_sessions", "drivers", "reviews", "sites", "stations", "tag_groups", "tags"),
        "tariffs",
    ),
    "station_id": (
        *("battery_swaps", "charging_sessions", "commands", "connectors", "der_controls"),
        *("deviations", "device_events", "display_messages", "ev_needs", "file_jobs", "messages"),
        *("meter_readings", "reservations", "settlements", "station_certificates"),
        *("station_profiles", "station_reports", "station_variables", "status_events"),
        *("transaction_events", "variable_monitors"),
    ),
}


def upgrade() -> None:
    op.create_index("ix_messages_station", "messages", ["station_id", "id"])
    op.drop_index("ix_messages_station_at", "messages")
    for column, tables in SERVED.items():
        for table in tables:
            op.drop_index(f"ix_{table}_{column}", table)


def downgrade() -> None:
    for column, tables in SERVED.items():
        for table in tables:
            op.create_index(f"ix_{table}_{column}", table, [column])
    op.create_index("ix_messages_station_at", "messages", ["station_id", "at"])
    op.drop_index("ix_messages_station", "messages")
