"""What parts of the installation last said, what people have seen of it, and supplies exceeded."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "system_marks",
        sa.Column("part", sa.String(40), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("since", _AT, nullable=False),
        sa.Column("sentence", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("part", name="pk_system_marks"),
    )
    _owned(
        "attention_seen",
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("up_to", _AT, nullable=False),
        sa.Column("seen_by", sa.String(120), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.UniqueConstraint(
            "tenant_id", "kind", "subject", name="uq_attention_seen_tenant_id_kind_subject"
        ),
    )
    _owned(
        "supply_excesses",
        sa.Column("site_id", _ID, nullable=False),
        sa.Column("began_at", _AT, nullable=False),
        sa.Column("last_at", _AT, nullable=False),
        sa.Column("ended_at", _AT, nullable=True),
        sa.Column("peak_w", sa.Float(), nullable=False),
        sa.Column("limit_w", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name="fk_supply_excesses_site_id_sites"),
    )
    op.create_index("ix_supply_excesses_site_id", "supply_excesses", ["site_id"])
    op.create_index("ix_supply_excesses_last_at", "supply_excesses", ["last_at"])


def _owned(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A table of rows that belong to a tenant."""
    op.create_table(
        name,
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", _ID, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=f"fk_{name}_tenant_id_tenants"),
    )
    op.create_index(f"ix_{name}_tenant_id", name, ["tenant_id"])


def downgrade() -> None:
    op.drop_table("supply_excesses")
    op.drop_table("attention_seen")
    op.drop_table("system_marks")
