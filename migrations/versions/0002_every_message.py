"""What every OCPP message needs: reservations, lists, profiles, files, devices, certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("token_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("mimetype", sa.String(length=60), nullable=True),
        sa.Column("location", sa.String(length=300), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_idempotency_keys_tenant_id_tenants")
        ),
        sa.ForeignKeyConstraint(
            ["token_id"],
            ["api_tokens.id"],
            name=op.f("fk_idempotency_keys_token_id_api_tokens"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("token_id", "key", name=op.f("uq_idempotency_keys_token_id_key")),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index("ix_idempotency_keys_created_at", ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_idempotency_keys_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "authority_certificates",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("use", sa.String(length=40), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("serial_number", sa.String(length=60), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_file", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_authority_certificates_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority_certificates")),
    )
    with op.batch_alter_table("authority_certificates", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_authority_certificates_fingerprint"), ["fingerprint"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_authority_certificates_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "charging_profiles",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_charging_profiles_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charging_profiles")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_charging_profiles_tenant_id_name")),
    )
    with op.batch_alter_table("charging_profiles", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_charging_profiles_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "firmware_files",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=60), nullable=False),
        sa.Column("vendor", sa.String(length=120), nullable=True),
        sa.Column("model", sa.String(length=120), nullable=True),
        sa.Column("stored_as", sa.String(length=80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("signing_certificate", sa.Text(), nullable=True),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_firmware_files_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware_files")),
    )
    with op.batch_alter_table("firmware_files", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_firmware_files_tenant_id"), ["tenant_id"], unique=False
        )

    op.create_table(
        "broadcasts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "order",
            sa.Enum(
                "start_charging",
                "stop_charging",
                "read_transaction_status",
                "send_cost",
                "reset",
                "unlock",
                "set_availability",
                "trigger",
                "clear_cache",
                "data_transfer",
                "change_setting",
                "read_settings",
                "read_base_report",
                "read_report",
                "set_network_profile",
                "set_monitoring_base",
                "set_monitoring_level",
                "set_monitors",
                "clear_monitors",
                "read_monitors",
                "read_event_streams",
                "adjust_event_stream",
                "send_local_list",
                "read_local_list_version",
                "reserve",
                "cancel_reservation",
                "set_profile",
                "clear_profile",
                "read_profiles",
                "read_composite_schedule",
                "update_dynamic_schedule",
                "use_priority_charging",
                "allow_energy_transfer",
                "send_afrr_signal",
                "set_der_control",
                "read_der_control",
                "clear_der_control",
                "update_firmware",
                "publish_firmware",
                "unpublish_firmware",
                "fetch_logs",
                "read_customer_information",
                "install_certificate",
                "delete_certificate",
                "read_certificates",
                "send_certificate",
                "change_password",
                "show_message",
                "read_messages",
                "clear_message",
                "set_default_tariff",
                "read_tariffs",
                "clear_tariffs",
                "change_transaction_tariff",
                "request_battery_swap",
                "raw",
                name="order",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("arguments", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("filter", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("stop_percent", sa.Integer(), nullable=True),
        sa.Column("ttl_s", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "done",
                "stopped",
                "cancelled",
                name="broadcaststate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_broadcasts_tenant_id_tenants")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_broadcasts_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
    )
    with op.batch_alter_table("broadcasts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_broadcasts_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "broadcast_targets",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "broadcast_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("command_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["broadcast_id"],
            ["broadcasts.id"],
            name=op.f("fk_broadcast_targets_broadcast_id_broadcasts"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_broadcast_targets_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_targets")),
    )
    with op.batch_alter_table("broadcast_targets", schema=None) as batch_op:
        batch_op.create_index(
            "ix_broadcast_targets_broadcast", ["broadcast_id", "state"], unique=False
        )
        batch_op.create_index("ix_broadcast_targets_command", ["command_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_broadcast_targets_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "ev_needs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column(
            "session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("transfer", sa.String(length=40), nullable=False),
        sa.Column("needs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("answer", sa.String(length=40), nullable=False),
        sa.Column("why", sa.String(length=600), nullable=False),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.Column(
            "station_profile_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("car_schedule", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("car_schedule_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_ev_needs_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ev_needs")),
    )
    with op.batch_alter_table("ev_needs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ev_needs_station_id"), ["station_id"], unique=False)
        batch_op.create_index(
            "ix_ev_needs_station_received", ["station_id", "received_at"], unique=False
        )

    op.create_table(
        "der_controls",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("number", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_der_controls_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_der_controls")),
        sa.UniqueConstraint("station_id", "number", name=op.f("uq_der_controls_station_id_number")),
    )
    with op.batch_alter_table("der_controls", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_der_controls_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "settlements",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("psp_reference", sa.String(length=255), nullable=False),
        sa.Column(
            "session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("transaction_ref", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("info", sa.String(length=500), nullable=True),
        sa.Column("amount", sa.String(length=40), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt_number", sa.String(length=50), nullable=True),
        sa.Column("receipt_url", sa.Text(), nullable=True),
        sa.Column("company", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("vat_number", sa.String(length=20), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_settlements_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
        sa.UniqueConstraint(
            "station_id", "psp_reference", name=op.f("uq_settlements_station_id_psp_reference")
        ),
    )
    with op.batch_alter_table("settlements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settlements_session_id"), ["session_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlements_station_id"), ["station_id"], unique=False)

    op.create_table(
        "battery_swaps",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_number", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=255), nullable=False),
        sa.Column("token_kind", sa.String(length=40), nullable=False),
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("driver_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("batteries", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_battery_swaps_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_battery_swaps")),
    )
    with op.batch_alter_table("battery_swaps", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_battery_swaps_station_id"), ["station_id"], unique=False
        )
        batch_op.create_index(
            "ix_battery_swaps_station_request", ["station_id", "request_number"], unique=False
        )

    op.create_table(
        "composite_schedules",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=1), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Integer(), nullable=False),
        sa.Column("periods", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_composite_schedules_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_composite_schedules")),
    )
    with op.batch_alter_table("composite_schedules", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_composite_schedules_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "customer_reports",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "request_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("parts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("last_part", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_customer_reports_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_reports")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("customer_reports", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_customer_reports_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "device_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("component", sa.String(length=50), nullable=False),
        sa.Column("component_instance", sa.String(length=50), nullable=True),
        sa.Column("evse", sa.Integer(), nullable=True),
        sa.Column("connector", sa.Integer(), nullable=True),
        sa.Column("variable", sa.String(length=50), nullable=False),
        sa.Column("instance", sa.String(length=50), nullable=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("monitor", sa.Integer(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("tech_code", sa.String(length=50), nullable=True),
        sa.Column("tech_info", sa.String(length=500), nullable=True),
        sa.Column("transaction_ref", sa.String(length=64), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_device_events_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_events")),
    )
    with op.batch_alter_table("device_events", schema=None) as batch_op:
        batch_op.create_index("ix_device_events_station_at", ["station_id", "at"], unique=False)
        batch_op.create_index("ix_device_events_open", ["cleared", "severity", "at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_device_events_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "display_messages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("priority", sa.String(length=40), nullable=False),
        sa.Column("when", sa.String(length=40), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transaction_ref", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("format", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_display_messages_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_display_messages")),
        sa.UniqueConstraint(
            "station_id", "number", name=op.f("uq_display_messages_station_id_number")
        ),
    )
    with op.batch_alter_table("display_messages", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_display_messages_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "file_jobs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "firmware",
                "published_firmware",
                "diagnostics",
                "security_log",
                "data_collector_log",
                name="filejobkind",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "running",
                "done",
                "failed",
                "rejected",
                "cancelled",
                "expired",
                name="filejobstate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("word", sa.String(length=40), nullable=True),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("steps", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("arguments", sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            "firmware_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("key_hash", sa.String(length=64), nullable=True),
        sa.Column("limit_bytes", sa.BigInteger(), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=True),
        sa.Column("stored_as", sa.String(length=80), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["firmware_id"],
            ["firmware_files.id"],
            name=op.f("fk_file_jobs_firmware_id_firmware_files"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_file_jobs_station_id_stations")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_file_jobs_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_jobs")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("file_jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_jobs_key_hash"), ["key_hash"], unique=False)
        batch_op.create_index(
            "ix_file_jobs_station_created", ["station_id", "created_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_file_jobs_station_id"), ["station_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_jobs_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "local_lists",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entries", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_version", sa.Integer(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_next", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_local_lists_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_lists")),
        sa.UniqueConstraint("station_id", name=op.f("uq_local_lists_station_id")),
    )
    with op.batch_alter_table("local_lists", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_local_lists_station_id"), ["station_id"], unique=False)

    op.create_table(
        "reservations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("plug_type", sa.String(length=40), nullable=True),
        sa.Column("token", sa.String(length=255), nullable=False),
        sa.Column("token_kind", sa.String(length=40), nullable=False, server_default="id_tag"),
        sa.Column("group_token", sa.String(length=255), nullable=True),
        sa.Column("tag_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "active",
                "rejected",
                "used",
                "cancelled",
                "expired",
                "faulted",
                "removed",
                name="reservationstate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_reservations_station_id_stations")
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_reservations_tag_id_tags")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_reservations_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.create_index(
            "ix_reservations_state_expires", ["state", "expires_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_reservations_station_id"), ["station_id"], unique=False
        )
        batch_op.create_index(
            "ix_reservations_station_state", ["station_id", "state"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_reservations_tag_id"), ["tag_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reservations_tenant_id"), ["tenant_id"], unique=False)

    op.create_table(
        "station_certificates",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("use", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("request_id", sa.Integer(), nullable=True),
        sa.Column("csr", sa.Text(), nullable=True),
        sa.Column("pem", sa.Text(), nullable=True),
        sa.Column("subject", sa.String(length=300), nullable=True),
        sa.Column("issuer", sa.String(length=300), nullable=True),
        sa.Column("serial_number", sa.String(length=60), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("hash_algorithm", sa.String(length=10), nullable=True),
        sa.Column("issuer_name_hash", sa.String(length=128), nullable=True),
        sa.Column("issuer_key_hash", sa.String(length=128), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["stations.id"],
            name=op.f("fk_station_certificates_station_id_stations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_certificates")),
    )
    with op.batch_alter_table("station_certificates", schema=None) as batch_op:
        batch_op.create_index("ix_station_certificates_expires_at", ["expires_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_station_certificates_fingerprint"), ["fingerprint"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_station_certificates_station_id"), ["station_id"], unique=False
        )
        batch_op.create_index(
            "ix_station_certificates_station_use", ["station_id", "use"], unique=False
        )

    op.create_table(
        "station_profiles",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "profile_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column(
            "session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("reported_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "accepted",
                "rejected",
                "cleared",
                "reported",
                name="profilestate",
                native_enum=False,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sent", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reported", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("report_number", sa.Integer(), nullable=True),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["charging_profiles.id"],
            name=op.f("fk_station_profiles_profile_id_charging_profiles"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_profiles_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_profiles")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("station_profiles", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_station_profiles_station_id"), ["station_id"], unique=False
        )
        batch_op.create_index(
            "ix_station_profiles_station_state", ["station_id", "state"], unique=False
        )

    op.create_table(
        "station_tariffs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("evse", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column(
            "tariff_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column(
            "command_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_tariffs_station_id_stations")
        ),
        sa.ForeignKeyConstraint(
            ["tariff_version_id"],
            ["tariff_versions.id"],
            name=op.f("fk_station_tariffs_tariff_version_id_tariff_versions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_tariffs")),
    )
    with op.batch_alter_table("station_tariffs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_station_tariffs_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "station_variables",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("component", sa.String(length=50), nullable=False),
        sa.Column("component_instance", sa.String(length=50), nullable=True),
        sa.Column("evse", sa.Integer(), nullable=True),
        sa.Column("connector", sa.Integer(), nullable=True),
        sa.Column("variable", sa.String(length=50), nullable=False),
        sa.Column("instance", sa.String(length=50), nullable=True),
        sa.Column("attribute", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("writable", sa.Boolean(), nullable=True),
        sa.Column("readable", sa.Boolean(), nullable=True),
        sa.Column("persistent", sa.Boolean(), nullable=True),
        sa.Column("constant", sa.Boolean(), nullable=True),
        sa.Column("data_type", sa.String(length=20), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("low", sa.String(length=40), nullable=True),
        sa.Column("high", sa.String(length=40), nullable=True),
        sa.Column("choices", sa.Text(), nullable=True),
        sa.Column("monitorable", sa.Boolean(), nullable=True),
        sa.Column("reboot_required", sa.Boolean(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_station_variables_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_variables")),
        sa.UniqueConstraint("station_id", "key", name=op.f("uq_station_variables_station_id_key")),
    )
    with op.batch_alter_table("station_variables", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_station_variables_station_id"), ["station_id"], unique=False
        )
        batch_op.create_index(
            "ix_station_variables_wanted",
            ["station_id", "wanted_at"],
            unique=False,
            postgresql_where=sa.text("wanted_at IS NOT NULL"),
            sqlite_where=sa.text("wanted_at IS NOT NULL"),
        )

    op.create_table(
        "transaction_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("transaction_ref", sa.String(length=64), nullable=False),
        sa.Column(
            "session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("seq_no", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("evse", sa.Integer(), nullable=True),
        sa.Column("connector", sa.Integer(), nullable=True),
        sa.Column("token", sa.String(length=255), nullable=True),
        sa.Column("token_kind", sa.String(length=40), nullable=True),
        sa.Column("activity", sa.String(length=40), nullable=True),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_transaction_events_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transaction_events")),
        sa.UniqueConstraint(
            "station_id", "digest", name=op.f("uq_transaction_events_station_id_digest")
        ),
    )
    with op.batch_alter_table("transaction_events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_transaction_events_ref", ["station_id", "transaction_ref", "seq_no"], unique=False
        )
        batch_op.create_index("ix_transaction_events_session", ["session_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_transaction_events_station_id"), ["station_id"], unique=False
        )

    op.create_table(
        "variable_monitors",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("component", sa.String(length=50), nullable=False),
        sa.Column("component_instance", sa.String(length=50), nullable=True),
        sa.Column("evse", sa.Integer(), nullable=True),
        sa.Column("connector", sa.Integer(), nullable=True),
        sa.Column("variable", sa.String(length=50), nullable=False),
        sa.Column("instance", sa.String(length=50), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("in_transaction_only", sa.Boolean(), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("sentence", sa.String(length=300), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stream", sa.Integer(), nullable=True),
        sa.Column("stream_interval_s", sa.Integer(), nullable=True),
        sa.Column("stream_values", sa.Integer(), nullable=True),
        sa.Column("stream_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "station_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["stations.id"], name=op.f("fk_variable_monitors_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variable_monitors")),
    )
    with op.batch_alter_table("variable_monitors", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_variable_monitors_station_id"), ["station_id"], unique=False
        )
        batch_op.create_index(
            "ix_variable_monitors_station_number", ["station_id", "number"], unique=False
        )

    with op.batch_alter_table("charging_sessions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("token_kind", sa.String(length=40), nullable=False, server_default="id_tag")
        )
        batch_op.add_column(
            sa.Column(
                "reservation_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
            )
        )
        batch_op.add_column(sa.Column("last_seq_no", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("bill_after", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("attempts", sa.JSON(none_as_null=True), nullable=False, server_default="[]")
        )
        batch_op.add_column(sa.Column("subject", sa.String(length=60), nullable=True))

    with op.batch_alter_table("stations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("next_password_hash", sa.String(length=200), nullable=True))
        batch_op.add_column(
            sa.Column("next_password_at", sa.DateTime(timezone=True), nullable=True)
        )
        batch_op.add_column(
            sa.Column("onboarding", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
        )


def downgrade() -> None:
    with op.batch_alter_table("battery_swaps", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_battery_swaps_station_id"))
        batch_op.drop_index("ix_battery_swaps_station_request")

    op.drop_table("battery_swaps")
    with op.batch_alter_table("settlements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_settlements_session_id"))
        batch_op.drop_index(batch_op.f("ix_settlements_station_id"))

    op.drop_table("settlements")
    with op.batch_alter_table("der_controls", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_der_controls_station_id"))

    op.drop_table("der_controls")
    with op.batch_alter_table("ev_needs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ev_needs_station_id"))
        batch_op.drop_index("ix_ev_needs_station_received")

    op.drop_table("ev_needs")
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_keys_tenant_id"))
        batch_op.drop_index("ix_idempotency_keys_created_at")

    op.drop_table("idempotency_keys")
    with op.batch_alter_table("stations", schema=None) as batch_op:
        batch_op.drop_column("onboarding")
        batch_op.drop_column("next_password_at")
        batch_op.drop_column("next_password_hash")

    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_column("subject")
        batch_op.drop_column("attempts")

    # Ids of sessions are not used again.
    kept = {"sqlite_autoincrement": True}
    with op.batch_alter_table("charging_sessions", table_kwargs=kept) as batch_op:
        batch_op.drop_column("bill_after")
        batch_op.drop_column("last_seq_no")
        batch_op.drop_column("reservation_id")
        batch_op.drop_column("token_kind")

    with op.batch_alter_table("variable_monitors", schema=None) as batch_op:
        batch_op.drop_index("ix_variable_monitors_station_number")
        batch_op.drop_index(batch_op.f("ix_variable_monitors_station_id"))

    op.drop_table("variable_monitors")
    with op.batch_alter_table("transaction_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transaction_events_station_id"))
        batch_op.drop_index("ix_transaction_events_session")
        batch_op.drop_index("ix_transaction_events_ref")

    op.drop_table("transaction_events")
    with op.batch_alter_table("station_variables", schema=None) as batch_op:
        batch_op.drop_index("ix_station_variables_wanted")
        batch_op.drop_index(batch_op.f("ix_station_variables_station_id"))

    op.drop_table("station_variables")
    with op.batch_alter_table("station_tariffs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_station_tariffs_station_id"))

    op.drop_table("station_tariffs")
    with op.batch_alter_table("station_profiles", schema=None) as batch_op:
        batch_op.drop_index("ix_station_profiles_station_state")
        batch_op.drop_index(batch_op.f("ix_station_profiles_station_id"))

    op.drop_table("station_profiles")
    with op.batch_alter_table("station_certificates", schema=None) as batch_op:
        batch_op.drop_index("ix_station_certificates_station_use")
        batch_op.drop_index(batch_op.f("ix_station_certificates_station_id"))
        batch_op.drop_index(batch_op.f("ix_station_certificates_fingerprint"))
        batch_op.drop_index("ix_station_certificates_expires_at")

    op.drop_table("station_certificates")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reservations_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_reservations_tag_id"))
        batch_op.drop_index("ix_reservations_station_state")
        batch_op.drop_index(batch_op.f("ix_reservations_station_id"))
        batch_op.drop_index("ix_reservations_state_expires")

    op.drop_table("reservations")
    with op.batch_alter_table("local_lists", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_local_lists_station_id"))

    op.drop_table("local_lists")
    with op.batch_alter_table("file_jobs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_file_jobs_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_file_jobs_station_id"))
        batch_op.drop_index("ix_file_jobs_station_created")
        batch_op.drop_index(batch_op.f("ix_file_jobs_key_hash"))

    op.drop_table("file_jobs")
    with op.batch_alter_table("display_messages", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_display_messages_station_id"))

    op.drop_table("display_messages")
    with op.batch_alter_table("device_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_events_station_id"))
        batch_op.drop_index("ix_device_events_station_at")
        batch_op.drop_index("ix_device_events_open")

    op.drop_table("device_events")
    with op.batch_alter_table("customer_reports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_customer_reports_station_id"))

    op.drop_table("customer_reports")
    with op.batch_alter_table("composite_schedules", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_composite_schedules_station_id"))

    op.drop_table("composite_schedules")
    with op.batch_alter_table("broadcast_targets", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_broadcast_targets_station_id"))
        batch_op.drop_index("ix_broadcast_targets_command")
        batch_op.drop_index("ix_broadcast_targets_broadcast")

    op.drop_table("broadcast_targets")
    with op.batch_alter_table("broadcasts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_broadcasts_tenant_id"))

    op.drop_table("broadcasts")
    with op.batch_alter_table("firmware_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_firmware_files_tenant_id"))

    op.drop_table("firmware_files")
    with op.batch_alter_table("charging_profiles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_charging_profiles_tenant_id"))

    op.drop_table("charging_profiles")
    with op.batch_alter_table("authority_certificates", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_authority_certificates_tenant_id"))
        batch_op.drop_index(batch_op.f("ix_authority_certificates_fingerprint"))

    op.drop_table("authority_certificates")
