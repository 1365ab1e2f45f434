"""A bill keeps how long its session took, so that lists sum it up without the sessions.

A bill's row never changes, says the database: its rule rests while those that are there are told
their time, which their facts have.  On PostgreSQL nobody reads or writes bills meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None
# What code of the step before issues during the upgrade counts no minutes.
compatible = True

NAME = "ix_bills_issued_sums"
BEGIN = ["tenant_id", "issued_at", "site_id", "kind", "currency", "gross_minor", "energy_wh"]
SUMS = ["net_minor", "tax_minor"]
SAID = "bills rows are only ever added"
TAKEN = {
    "sqlite": (
        "CAST(strftime('%s', json_extract(facts, '$.ended_at')) AS INTEGER) "
        "- CAST(strftime('%s', json_extract(facts, '$.started_at')) AS INTEGER)"
    ),
    "postgresql": (
        "CAST(trunc(extract(epoch FROM CAST(facts ->> 'ended_at' AS timestamptz) "
        "- CAST(facts ->> 'started_at' AS timestamptz))) AS bigint)"
    ),
}


def upgrade() -> None:
    op.add_column("bills", sa.Column("duration_s", sa.BigInteger(), nullable=True))
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        op.execute("ALTER TABLE bills DISABLE TRIGGER bills_no_update")
    else:
        op.execute("DROP TRIGGER bills_no_update")
    sign = "CASE kind WHEN 'credit' THEN -1 ELSE 1 END"
    op.execute(sa.text(f"UPDATE bills SET duration_s = {sign} * ({TAKEN[dialect]})"))
    if dialect == "postgresql":
        # The sums are checked when the rows are written, not when the unit of work ends.
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
        op.execute("ALTER TABLE bills ENABLE TRIGGER bills_no_update")
    else:
        op.execute(
            "CREATE TRIGGER bills_no_update BEFORE UPDATE ON bills "
            f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
        )
    op.drop_index(NAME, "bills")
    op.create_index(NAME, "bills", [*BEGIN, *SUMS, "duration_s"])


def downgrade() -> None:
    op.drop_index(NAME, "bills")
    op.drop_column("bills", "duration_s")
    op.create_index(NAME, "bills", [*BEGIN, *SUMS])
