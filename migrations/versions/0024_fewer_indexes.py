"""Indexes that another one begins with are gone: each cost every row that is written.

The message log has one index by station, in the order in which it is shown.  The digest of a
reading begins with its second from now on, and so does the key that it is known by: new readings
of all stations lie on few pages.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
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
    _know_by("station_id, digest", "digest, station_id")


def downgrade() -> None:
    _know_by("digest, station_id", "station_id, digest")
    for column, tables in SERVED.items():
        for table in tables:
            op.create_index(f"ix_{table}_{column}", table, [column])
    op.create_index("ix_messages_station_at", "messages", ["station_id", "at"])
    op.drop_index("ix_messages_station", "messages")


def _know_by(old: str, new: str) -> None:
    """Have another order in the key of `meter_readings`."""
    names = {key: f"uq_meter_readings_{key.replace(', ', '_')}" for key in (old, new)}
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(names[old], "meter_readings")
        op.create_unique_constraint(names[new], "meter_readings", new.split(", "))
        return
    # SQLite has no way to change a key: the table is written anew, with all that guards it.
    parts = op.get_bind().execute(
        sa.text(
            "SELECT type, sql FROM sqlite_master WHERE tbl_name = 'meter_readings' AND sql > ''"
        )
    )
    made = [tuple(part) for part in parts]
    [table] = [sql for kind, sql in made if kind == "table"]
    columns = table.split("(", 1)[1]
    again = columns.replace(f"UNIQUE ({old})", f"UNIQUE ({new})").replace(names[old], names[new])
    if again == columns:
        raise RuntimeError(f"meter_readings is not known by ({old})")
    op.execute(f"CREATE TABLE new_meter_readings ({again}")
    op.execute("INSERT INTO new_meter_readings SELECT * FROM meter_readings")
    op.execute("DROP TABLE meter_readings")
    op.execute("ALTER TABLE new_meter_readings RENAME TO meter_readings")
    for kind, sql in made:
        if kind != "table":
            op.execute(sql)
