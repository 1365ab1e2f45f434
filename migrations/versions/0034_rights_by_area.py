"""Roles of an organisation's own, machines on the staff, and tokens that may do less."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("name_key", sa.String(120), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant_id", "name_key"),
    )
    op.create_index("ix_roles_tenant_id", "roles", ["tenant_id"])
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("own_role_id", _ID, nullable=True))
        users.add_column(sa.Column("owner_id", _ID, nullable=True))
        users.create_foreign_key("fk_users_own_role_id_roles", "roles", ["own_role_id"], ["id"])
        users.create_foreign_key("fk_users_owner_id_users", "users", ["owner_id"], ["id"])
    op.add_column("api_tokens", sa.Column("rights", sa.JSON(), nullable=True))
    op.add_column("api_tokens", sa.Column("site_ids", sa.JSON(), nullable=True))
    op.add_column("audit_entries", sa.Column("token_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_entries", "token_id")
    op.drop_column("api_tokens", "site_ids")
    op.drop_column("api_tokens", "rights")
    # Whoever had a role of the organisation's own may look on, until somebody gives another one;
    # machines cannot be told from people then, and are put away.
    users = sa.table("users", sa.column("role"), sa.column("owner_id"), sa.column("archived_at"))
    bind = op.get_bind()
    bind.execute(sa.update(users).where(users.c.role == "own").values(role="viewer"))
    put_away = sa.update(users).where(users.c.owner_id.is_not(None), users.c.archived_at.is_(None))
    bind.execute(put_away.values(archived_at=sa.func.current_timestamp()))
    with op.batch_alter_table("users") as batch:
        batch.drop_constraint("fk_users_owner_id_users", type_="foreignkey")
        batch.drop_constraint("fk_users_own_role_id_roles", type_="foreignkey")
        batch.drop_column("owner_id")
        batch.drop_column("own_role_id")
    op.drop_table("roles")
