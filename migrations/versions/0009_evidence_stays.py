"""What a bill rests on stays as it is, and a tenant's bills form a chain.

The rules below are the database's own: a program with a fault, or a person at
its console, is refused too.  SQLite's REPLACE removes a row without a word to
its DELETE triggers, so there an INSERT (and an UPDATE of a key) that would push
out such a row is refused; PostgreSQL has TRUNCATE, which is refused whole.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from app.domain.money.billing import chain
from app.models import Bill, BillCounter, BillLine, session_revisions
from app.models.sessions import KEPT

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

#: Rows of these are only ever added.
ONLY_ADDED = ("bills", "bill_lines", "audit_entries", "status_events", "session_revisions")
#: How a row is known again, beside its id.
KEYS = {
    "bills": (("session_id", "sequence"), ("tenant_id", "number"), ("tenant_id", "place")),
    "bill_lines": (("bill_id", "position"),),
    "audit_entries": (),
    "status_events": (),
    "session_revisions": (("session_id", "revision"),),
    "tariff_versions": (("tariff_id", "number"),),
    "meter_readings": (("station_id", "digest"),),
    "transaction_events": (("station_id", "digest"),),
    "charging_sessions": (("station_id", "transaction_ref"), ("station_id", "start_key")),
}
#: What stays of a reading and of an event.  What was answered about a tag is written after its
#: event was kept, and is no evidence; of which session a row is has a rule of its own.
CONTENT = {
    "meter_readings": (
        *("id", "station_id", "evse", "taken_at", "received_at", "register_wh", "power_w"),
        *("current_a", "voltage_v", "soc_percent", "assumed_time", "samples", "digest"),
    ),
    "transaction_events": (
        *("id", "station_id", "transaction_ref", "kind", "seq_no", "trigger", "at"),
        *("received_at", "offline", "evse", "connector", "token", "token_kind", "activity"),
        *("facts", "payload", "digest"),
    ),
}
#: Up to which row a bill rests on them, in its proof.
LAST = {"meter_readings": "last_reading", "transaction_events": "last_event"}


def billed(session_id: str) -> str:
    return f"EXISTS (SELECT 1 FROM bills WHERE bills.session_id = {session_id})"


def rests(session_id: str, table: str) -> str:
    """Whether a bill of a session rests on the row that is updated, or would seem to."""
    last = f"COALESCE(CAST(bills.proof ->> '{LAST[table]}' AS BIGINT), OLD.id)"
    return (
        f"EXISTS (SELECT 1 FROM bills WHERE bills.session_id = {session_id} AND {last} >= OLD.id)"
    )


#: When a row of a table stays; `{row}` is OLD or the row that another one would push out.
STAYS = {
    "tariff_versions": (
        "(EXISTS (SELECT 1 FROM bills WHERE bills.tariff_version_id = {row}.id) OR EXISTS "
        "(SELECT 1 FROM charging_sessions WHERE charging_sessions.tariff_version_id = {row}.id))"
    ),
    "meter_readings": billed("{row}.session_id"),
    "transaction_events": billed("{row}.session_id"),
    "charging_sessions": billed("{row}.id"),
}
SENTENCES = {
    "tariff_versions": "a tariff version in use stays as it is",
    "meter_readings": "readings of a billed session stay as they are",
    "transaction_events": "events of a billed session stay as they are",
    "charging_sessions": "what a billed session was billed on stays as it is",
    "bill_counters": "bill numbers only ever count up",
}


def upgrade() -> None:
    op.add_column(
        "charging_sessions",
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
    )
    _add_revisions()
    for name, kind in (
        ("place", sa.Integer()),
        ("proof", sa.JSON(none_as_null=True)),
        ("previous_digest", sa.String(length=64)),
        ("digest", sa.String(length=64)),
    ):
        op.add_column("bills", sa.Column(name, kind, nullable=True))
    _drop("bills_no_update", "bills")
    _seal_all()
    op.create_index("uq_bills_tenant_id_place", "bills", ["tenant_id", "place"], unique=True)
    for name, table, when, refused, sentence in triggers():
        _drop(name, table)
        _refuse(name, table, when, refused, sentence)
    _keep_revisions()


def downgrade() -> None:
    _drop("charging_sessions_revised", "charging_sessions")
    kept = {f"{table}_no_{verb}" for table in ONLY_ADDED[:3] for verb in ("update", "delete")}
    for name, table, *_ in triggers():
        if name not in kept:
            _drop(name, table)
    if _postgresql():
        op.execute("DROP FUNCTION ampdesk_revised()")
    op.execute("DELETE FROM bill_counters WHERE year = 0")
    op.drop_index("uq_bills_tenant_id_place", "bills")
    for name in ("digest", "previous_digest", "proof", "place"):
        op.drop_column("bills", name)
    op.drop_table("session_revisions")
    op.drop_column("charging_sessions", "revision")


def triggers() -> Iterator[tuple[str, str, str, str, str]]:
    """All that is refused: (name, table, before what, when, in which words)."""
    for table in ONLY_ADDED:
        said = f"{table} rows are only ever added"
        yield f"{table}_no_update", table, "UPDATE", "", said
        yield f"{table}_no_delete", table, "DELETE", "", said
    for table, stays in STAYS.items():
        said = SENTENCES[table]
        yield f"{table}_no_delete", table, "DELETE", stays.format(row="OLD"), said
    yield from _updates()
    said = SENTENCES["bill_counters"]
    fewer = "NEW.last < OLD.last OR NEW.year <> OLD.year OR NEW.tenant_id <> OLD.tenant_id"
    yield "bill_counters_no_update", "bill_counters", "UPDATE", fewer, said
    yield "bill_counters_no_delete", "bill_counters", "DELETE", "", said
    if _postgresql():
        for table in (*ONLY_ADDED, *SENTENCES):
            yield f"{table}_no_truncate", table, "TRUNCATE", "", f"{table} is never emptied"
    else:
        yield from _replacements()


def _updates() -> Iterator[tuple[str, str, str, str, str]]:
    for table, stays in STAYS.items():
        old, said = stays.format(row="OLD"), SENTENCES[table]
        if table == "charging_sessions":
            changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in KEPT)
            untold = f"(NEW.revision = OLD.revision AND ({changed}))"
            skipped = "NEW.revision NOT IN (OLD.revision, OLD.revision + 1)"
            names = ", ".join(("id", "revision", *KEPT))
            when = f"(NEW.id <> OLD.id OR {untold} OR {skipped}) AND {old}"
            yield f"{table}_no_update", table, f"UPDATE OF {names}", when, said
            continue
        columns = f" OF {', '.join(CONTENT[table])}" if table in CONTENT else ""
        yield f"{table}_no_update", table, f"UPDATE{columns}", old, said
    for table in CONTENT:
        # One that came after the bill may turn out to be another session's.
        either = " OR ".join(rests(f"{row}.session_id", table) for row in ("OLD", "NEW"))
        when = f"NEW.session_id IS DISTINCT FROM OLD.session_id AND ({either})"
        yield f"{table}_no_move", table, "UPDATE OF session_id", when, SENTENCES[table]


def _replacements() -> Iterator[tuple[str, str, str, str, str]]:
    """SQLite: what would push out a row that stays."""
    for table, keys in KEYS.items():
        said = SENTENCES.get(table, f"{table} rows are only ever added")
        stays = STAYS[table].format(row="kept") if table in STAYS else "1"
        by_id = "kept.id = NEW.id"
        by_key = " OR ".join(
            "(" + " AND ".join(f"kept.{name} = NEW.{name}" for name in key) + ")" for key in keys
        )
        found = f"EXISTS (SELECT 1 FROM {table} AS kept WHERE ({{by}}){{more}} AND {stays})"
        either = f"{by_id} OR {by_key}" if by_key else by_id
        if table == "meter_readings":
            # The same reading told again is nothing new; whatever the verb, the old row stays.
            yield f"{table}_no_replay", table, "INSERT", found.format(by=by_key, more=""), ""
            either = by_id
        yield f"{table}_no_replace", table, "INSERT", found.format(by=either, more=""), said
        if table in STAYS:
            columns = ", ".join(dict.fromkeys(["id", *(name for key in keys for name in key)]))
            either = f"{by_id} OR {by_key}"
            pushed = found.format(by=either, more=" AND kept.id <> OLD.id")
            yield f"{table}_no_push", table, f"UPDATE OF {columns}", pushed, said


def _refuse(name: str, table: str, before: str, when: str, sentence: str) -> None:
    """Make a trigger; without a sentence it leaves the row out in silence (SQLite)."""
    if not _postgresql():
        act = f"RAISE(ABORT, '{sentence}')" if sentence else "RAISE(IGNORE)"
        condition = f"WHEN {when} " if when else ""
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {before} ON {table} {condition}BEGIN SELECT {act}; END"
        )
        return
    raised = f"RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation';"
    body = f"IF {when} THEN {raised} END IF;" if when else raised
    back = "RETURN OLD;" if before == "DELETE" else "RETURN NEW;"
    op.execute(
        f"CREATE OR REPLACE FUNCTION ampdesk_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN {body} {back} END $$"
    )
    each = "STATEMENT" if before == "TRUNCATE" else "ROW"
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {before} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION ampdesk_{name}()"
    )


def _drop(name: str, table: str) -> None:
    if _postgresql():
        op.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        op.execute(f"DROP FUNCTION IF EXISTS ampdesk_{name}()")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {name}")


def _keep_revisions() -> None:
    """Have the database itself keep what the row of a billed session said before."""
    names = ", ".join(KEPT)
    olds = ", ".join(f"OLD.{name}" for name in KEPT)
    insert = (
        f"INSERT INTO session_revisions (session_id, revision, {names}) "
        f"VALUES (OLD.id, OLD.revision, {olds});"
    )
    when = f"NEW.revision <> OLD.revision AND {billed('OLD.id')}"
    head = "CREATE TRIGGER charging_sessions_revised AFTER UPDATE OF revision ON charging_sessions"
    if not _postgresql():
        op.execute(f"{head} WHEN {when} BEGIN {insert} END")
        return
    op.execute(
        "CREATE FUNCTION ampdesk_revised() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {when} THEN {insert} END IF; RETURN NULL; END $$"
    )
    op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION ampdesk_revised()")


def _add_revisions() -> None:
    columns = [
        sa.Column(
            column.name, column.type, primary_key=column.primary_key, nullable=column.nullable
        )
        for column in session_revisions.columns
    ]
    op.create_table(
        "session_revisions",
        *columns,
        sa.UniqueConstraint(
            "session_id", "revision", name="uq_session_revisions_session_id_revision"
        ),
    )


def _seal_all() -> None:
    """Give the bills that are there their places and digests, in the order they were issued."""
    db = Session(bind=op.get_bind())
    bills: Any = Bill.__table__
    lines: Any = BillLine.__table__
    of_head = [bills.c[name] for name in chain.HEAD]
    last: dict[int, tuple[int, str]] = {}
    for number in db.execute(sa.select(bills.c.id).order_by(bills.c.id)).scalars().all():
        query = sa.select(*of_head).where(bills.c.id == number)
        bill = SimpleNamespace(**db.execute(query).one()._mapping)
        place, before = last.get(bill.tenant_id, (0, None))
        evidence = chain.gather(db, [bill.session_id], [bill.tariff_version_id])
        bill.place, bill.previous_digest = place + 1, before
        bill.proof = evidence.now(bill.session_id, bill.tariff_version_id)
        of_line = [lines.c[name] for name in chain.LINE]
        rows = db.execute(sa.select(*of_line).where(lines.c.bill_id == number)).all()
        digest = chain.digest_of(bill, rows)
        last[bill.tenant_id] = (bill.place, digest)
        new = {name: getattr(bill, name) for name in ("place", "previous_digest", "proof")}
        db.execute(bills.update().where(bills.c.id == number).values(**new, digest=digest))
    counters: Any = BillCounter.__table__
    for tenant_id, (place, _) in last.items():
        db.execute(counters.insert().values(tenant_id=tenant_id, year=0, last=place))


def _postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
