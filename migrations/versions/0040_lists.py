"""Filters that staff keep, and how each of them wants a list."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _owned() -> list[sa.Column]:
    """A row's number, whose it is, and of which page."""
    user = sa.ForeignKey("users.id", ondelete="CASCADE")
    return [
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("user_id", _ID, user, nullable=False),
        sa.Column("page", sa.String(40), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "saved_filters",
        *_owned(),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("name_key", sa.String(60), nullable=False),
        sa.Column("query", sa.String(1000), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", "page", "name_key"),
    )
    op.create_index("ix_saved_filters_tenant_page", "saved_filters", ["tenant_id", "page"])
    filter_id = sa.ForeignKey("saved_filters.id", ondelete="SET NULL")
    op.create_table(
        "list_choices",
        *_owned(),
        sa.Column("away", sa.JSON(), nullable=False),
        sa.Column("filter_id", _ID, filter_id, nullable=True),
        sa.UniqueConstraint("user_id", "page"),
    )
    op.create_index("ix_list_choices_tenant_id", "list_choices", ["tenant_id"])
    op.create_index("ix_list_choices_filter_id", "list_choices", ["filter_id"])


def downgrade() -> None:
    op.drop_table("list_choices")
    op.drop_table("saved_filters")
