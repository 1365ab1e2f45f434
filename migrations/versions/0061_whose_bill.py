"""A bill keeps whose it is, so that a driver's are found and summed up without their sessions.

A bill's row never changes, says the database: its rule rests while those that are there are told
their driver: that of their session as it was then.  On PostgreSQL they are told in bites:
others read bills meanwhile, and write some between two.  What broke off is taken up again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None
# What code of the step before issues during the upgrade PostgreSQL tells whose it is.  On SQLite
# all programs are those of one computer, and none runs beside the upgrade.
compatible = True

NAME = "ix_bills_driver_sums"
SUMS = ["currency", "gross_minor", "energy_wh", "net_minor", "tax_minor", "duration_s"]
#: Bills that are told at once on PostgreSQL: half a second.
BITE = 5_000
SAID = "bills rows are only ever added"
FILL = (
    "UPDATE bills SET driver_id = session.driver_id FROM charging_sessions AS session "
    "WHERE session.id = bills.session_id AND session.driver_id IS NOT NULL "
    "AND bills.id BETWEEN :first AND :last",
    # Its session was told anew since.
    "UPDATE bills SET driver_id = kept.driver_id FROM session_revisions AS kept "
    "WHERE kept.session_id = bills.session_id "
    "AND kept.revision = CAST(bills.proof ->> 'revision' AS INTEGER) "
    "AND bills.id BETWEEN :first AND :last",
    # A credit takes back whose bill it was.
    "UPDATE bills SET driver_id = taken.driver_id FROM bills AS taken "
    "WHERE bills.kind = 'credit' AND taken.id = bills.corrects_id "
    "AND taken.driver_id IS DISTINCT FROM bills.driver_id "
    "AND bills.id BETWEEN :first AND :last",
)
WHOSE = (
    "CASE NEW.kind WHEN 'credit' THEN (SELECT driver_id FROM bills WHERE id = NEW.corrects_id) "
    "ELSE (SELECT driver_id FROM charging_sessions WHERE id = NEW.session_id) END"
)


def upgrade() -> None:
    bind = op.get_bind()
    postgresql = bind.dialect.name == "postgresql"
    if "driver_id" not in {column["name"] for column in sa.inspect(bind).get_columns("bills")}:
        whose = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
        op.add_column("bills", sa.Column("driver_id", whose, nullable=True))
        if postgresql:
            _tell_whose()
    newest = bind.scalar(sa.text("SELECT coalesce(max(id), 0) FROM bills"))
    columns = ["driver_id", "issued_at", "tenant_id", "site_id", *SUMS]
    if not postgresql:
        op.execute("DROP TRIGGER bills_no_update")
        _fill(0, newest)
        op.execute(
            "CREATE TRIGGER bills_no_update BEFORE UPDATE ON bills "
            f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
        )
        op.create_index(NAME, "bills", columns)
        return
    with op.get_context().autocommit_block():
        for first in range(0, newest + 1, BITE):
            op.execute("BEGIN")
            # Whoever else would change a bill waits for as long as the rule rests.
            op.execute("ALTER TABLE bills DISABLE TRIGGER bills_no_update")
            _fill(first, first + BITE - 1)
            # The sums are checked when the rows are written, not when the unit of work ends.
            op.execute("SET CONSTRAINTS ALL IMMEDIATE")
            op.execute("ALTER TABLE bills ENABLE TRIGGER bills_no_update")
            op.execute("COMMIT")
        # It waits for whoever has read since before, also for hours, and holds up nobody.
        waits = bind.scalar(sa.text("SHOW lock_timeout"))
        op.execute("SET lock_timeout = 0")
        op.drop_index(NAME, "bills", if_exists=True, postgresql_concurrently=True)
        op.create_index(NAME, "bills", columns, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = '{waits}'")
        # Sums are read off the index alone only where the table was vacuumed since.
        op.execute("VACUUM (ANALYZE) bills")


def _fill(first: int, last: int) -> None:
    for statement in FILL:
        op.execute(sa.text(statement).bindparams(first=first, last=last))


def _tell_whose() -> None:
    op.execute(
        "CREATE FUNCTION ampdesk_bills_whose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.driver_id IS NULL THEN NEW.driver_id := {WHOSE}; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER bills_whose BEFORE INSERT ON bills "
        "FOR EACH ROW EXECUTE FUNCTION ampdesk_bills_whose()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER bills_whose ON bills")
        op.execute("DROP FUNCTION ampdesk_bills_whose()")
    op.drop_index(NAME, "bills")
    op.drop_column("bills", "driver_id")
