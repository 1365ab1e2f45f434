"""A second factor, passkeys, an organisation's own sign-in, and what a person's pages look like."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_OF_USERS = {
    "formats": sa.String(10),
    "theme": sa.String(10),
    "totp_secret": sa.String(200),
    "totp_since": _MOMENT,
    "totp_step": sa.BigInteger(),
    "oidc_issuer": sa.String(300),
    "oidc_subject": sa.String(255),
}


def _of_a_person() -> list[sa.Column]:
    return [
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False, index=True),
        sa.Column("user_id", _ID, sa.ForeignKey("users.id"), nullable=False, index=True),
    ]


def upgrade() -> None:
    for name, kind in _OF_USERS.items():
        op.add_column("users", sa.Column(name, kind, nullable=True))
    op.create_index("uq_users_oidc", "users", ["oidc_issuer", "oidc_subject"], unique=True)
    op.add_column(
        "tenants",
        sa.Column("second_factor", sa.String(40), nullable=False, server_default="nobody"),
    )
    op.add_column(
        "sign_ins", sa.Column("way", sa.String(40), nullable=False, server_default="password")
    )
    op.create_table(
        "recovery_codes",
        *_of_a_person(),
        sa.Column("code_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT, nullable=True),
    )
    op.create_table(
        "passkeys",
        *_of_a_person(),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("credential_id", sa.String(1400), nullable=False, unique=True),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("last_used_at", _MOMENT, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("passkeys")
    op.drop_table("recovery_codes")
    op.drop_column("sign_ins", "way")
    op.drop_column("tenants", "second_factor")
    op.drop_index("uq_users_oidc", "users")
    for name in reversed(_OF_USERS):
        op.drop_column("users", name)
