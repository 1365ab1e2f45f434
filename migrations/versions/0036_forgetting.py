"""Drivers who are forgotten; the database lets their names in the audit go with them."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_SAID = "audit_entries rows are only ever added"
#: Of an entry: who did what to which row, and when.  That stays, whoever is forgotten.
_STAYS = ("id", "tenant_id", "at", "actor", "user_id", "address", "action", "subject_kind")
_KEPT = "what is forgotten stays forgotten"


def upgrade() -> None:
    op.add_column("drivers", sa.Column("forgotten_at", _MOMENT, nullable=True))
    op.create_table(
        "forgettings",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", _ID, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("driver_id", _ID, sa.ForeignKey("drivers.id"), nullable=False, unique=True),
        sa.Column("pseudonym", sa.String(60), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.String(120), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("names_gone_at", _MOMENT, nullable=True),
        sa.Column("done_at", _MOMENT, nullable=True),
    )
    op.create_index("ix_forgettings_tenant_id", "forgettings", ["tenant_id"])
    op.create_index("ix_forgettings_done_at", "forgettings", ["done_at"])
    changed = " OR ".join(
        f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in (*_STAYS, "subject_id")
    )
    going = (
        "EXISTS (SELECT 1 FROM forgettings WHERE forgettings.tenant_id = OLD.tenant_id "
        "AND forgettings.names_gone_at IS NULL)"
    )
    otherwise = f"{changed} OR NOT {going}"
    _refuse("audit_entries_no_update", "audit_entries", "UPDATE", otherwise, _SAID)
    _refuse("forgettings_no_delete", "forgettings", "DELETE", "", _KEPT)
    again = "OLD.names_gone_at IS NOT NULL AND NEW.names_gone_at IS NULL"
    _refuse("forgettings_no_update", "forgettings", "UPDATE", again, _KEPT)


def downgrade() -> None:
    for name, table in (
        ("forgettings_no_update", "forgettings"),
        ("forgettings_no_delete", "forgettings"),
    ):
        _drop(name, table)
    _refuse("audit_entries_no_update", "audit_entries", "UPDATE", "", _SAID)
    op.drop_table("forgettings")
    op.drop_column("drivers", "forgotten_at")


def _refuse(name: str, table: str, verb: str, when: str, sentence: str) -> None:
    """Make a trigger anew."""
    _drop(name, table)
    if op.get_bind().dialect.name != "postgresql":
        condition = f"WHEN {when} " if when else ""
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {condition}"
            f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
        )
        return
    raised = f"RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation';"
    body = f"IF {when} THEN {raised} END IF;" if when else raised
    back = "RETURN OLD;" if verb == "DELETE" else "RETURN NEW;"
    op.execute(
        f"CREATE OR REPLACE FUNCTION ampdesk_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {body} {back} END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION ampdesk_{name}()"
    )


def _drop(name: str, table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        op.execute(f"DROP FUNCTION IF EXISTS ampdesk_{name}()")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {name}")
