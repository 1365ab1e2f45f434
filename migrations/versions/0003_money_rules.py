"""Who sells, and by which rules bills are made."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SELLER = {
    "seller_name": 120,
    "seller_address": 300,
    "seller_tax_number": 40,
    "seller_contact": 254,
}
_NUMBERS = {"least_energy_wh": "100", "least_duration_s": "120", "late_below_minor": "10"}


def upgrade() -> None:
    for table in ("tenants", "sites"):
        for name, length in _SELLER.items():
            op.add_column(table, sa.Column(name, sa.String(length=length), nullable=True))
    for name, default in _NUMBERS.items():
        op.add_column(
            "tenants", sa.Column(name, sa.Integer(), server_default=default, nullable=False)
        )
    op.add_column(
        "tenants",
        sa.Column("idle_from_readings", sa.Boolean(), server_default=sa.true(), nullable=False),
    )


def downgrade() -> None:
    for name in ("idle_from_readings", *_NUMBERS):
        op.drop_column("tenants", name)
    for table in ("tenants", "sites"):
        for name in _SELLER:
            op.drop_column(table, name)
