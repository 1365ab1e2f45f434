"""Alerts with their rules, and webhooks with what was delivered to them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def _id() -> sa.Column:
    return sa.Column("id", _ID, primary_key=True, autoincrement=True)


def _tenant() -> sa.Column:
    return sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False)


def _moments(*names: str) -> list[sa.Column]:
    return [sa.Column(name, _MOMENT, nullable=True) for name in names]


def upgrade() -> None:
    _rules()
    _alerts()
    _endpoints()
    _deliveries()
    op.create_table(
        "webhook_marks",
        sa.Column("event", sa.String(40), primary_key=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("floor", _ID, nullable=False),
    )


def _rules() -> None:
    op.create_table(
        "alert_rules",
        _id(),
        _tenant(),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("name_key", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("mail_to", sa.JSON(), nullable=False),
        sa.Column("quiet_from", sa.String(5), nullable=True),
        sa.Column("quiet_until", sa.String(5), nullable=True),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("escalate_after", sa.Integer(), nullable=True),
        sa.Column("escalate_to", sa.JSON(), nullable=False),
        *_moments("archived_at"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("tenant_id", "name_key"),
    )
    op.create_table(
        "alert_rule_sites",
        sa.Column(
            "rule_id", _ID, sa.ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("site_id", _ID, sa.ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        _id(),
        _tenant(),
        sa.Column("site_id", _ID, sa.ForeignKey("sites.id"), nullable=True),
        sa.Column("station_id", _ID, sa.ForeignKey("stations.id"), nullable=True),
        sa.Column("rule_id", _ID, sa.ForeignKey("alert_rules.id"), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("what", sa.String(300), nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        *_moments("closed_at", "told_at", "over_told_at", "escalated_at", "acknowledged_at"),
        sa.Column("acknowledged_by", sa.String(120), nullable=True),
        *_moments("snoozed_until"),
        sa.Column("assigned_to_id", _ID, sa.ForeignKey("users.id"), nullable=True),
        sa.Column("note", sa.String(500), nullable=True),
    )
    op.create_index("ix_alerts_site_id", "alerts", ["site_id"])
    op.create_index("ix_alerts_tenant_opened", "alerts", ["tenant_id", "opened_at"])
    op.create_index("ix_alerts_closed_at", "alerts", ["closed_at"])
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["tenant_id", "kind", "subject"],
        unique=True,
        postgresql_where=still_open,
        sqlite_where=still_open,
    )


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        _id(),
        _tenant(),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("name_key", sa.String(120), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(300), nullable=False),
        sa.Column("old_secret", sa.String(300), nullable=True),
        *_moments("old_secret_until"),
        *_moments("failing_since", "retry_at", "disabled_at"),
        sa.Column("disabled_why", sa.String(300), nullable=True),
        *_moments("archived_at"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("tenant_id", "name_key"),
    )


def _deliveries() -> None:
    table = "webhook_deliveries"
    op.create_table(
        table,
        _id(),
        _tenant(),
        sa.Column("endpoint_id", _ID, sa.ForeignKey("webhook_endpoints.id"), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", _MOMENT, nullable=False),
        *_moments("claimed_at", "delivered_at"),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("answer", sa.String(500), nullable=True),
        sa.Column("error", sa.String(300), nullable=True),
        sa.Column("happened_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("endpoint_id", "key"),
    )
    op.create_index("ix_webhook_deliveries_tenant_id", table, ["tenant_id"])
    op.create_index("ix_webhook_deliveries_created_at", table, ["created_at"])
    waiting = sa.text("state IN ('queued', 'sending')")
    op.create_index(
        "ix_webhook_deliveries_waiting",
        table,
        ["endpoint_id", "next_try_at"],
        postgresql_where=waiting,
        sqlite_where=waiting,
    )


def downgrade() -> None:
    for table in (
        *("webhook_marks", "webhook_deliveries", "webhook_endpoints"),
        *("alerts", "alert_rule_sites", "alert_rules"),
    ):
        op.drop_table(table)
