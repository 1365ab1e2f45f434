"""A network of two years, put into a database by SQL: `python -m bench.seed FOLDER --help`.

10,000 stations, a million sessions with bills and receipts, and as many readings, messages, taps,
statuses, orders and audit entries as asked for, one after another as in life; `bench.pages` visits
the desk on it.  What is not as in life: sessions differ in time, station, card and state only, one
real bill stands for the evidence of all, and no bill but that one is in the chain.
"""

import argparse
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import models
from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.money import tariff_book
from app.domain.network import tenants
from app.domain.office import staff
from app.extensions import db as flask_db
from app.uow import weigh_indexes
from bench import seed_money, seed_rows
from bench.filling import EMAIL, PASSWORD, WHO, Filling, Size, opened
from bench.installation import TARIFF
from bench.plan import DATABASES
from deploy import prepare


def fill(db: Session, size: Size, now: datetime) -> None:
    """Fill an empty, migrated database."""
    db.connection(execution_options={"write": True})
    tenant = tenants.first(db, now=now)
    tariff = tariff_book.create(db, SYSTEM, tenant.id, name="Standard", definition=TARIFF, now=now)
    person = {"name": WHO, "role": Role.ADMIN, "password": PASSWORD}
    staff.create(db, SYSTEM, tenant_id=tenant.id, email=EMAIL, **person, now=now)
    db.add(models.WorkerNode(node="bench", started_at=now, beat_at=now + timedelta(days=365)))
    version_id = tariff.versions[-1].id
    db.commit()
    made = Filling(db, size, tenant.id, now)
    seed_rows.places(made)
    seed_rows.plugs(made)
    seed_rows.people(made)
    seed_rows.sessions(made, version_id)
    seed_rows.readings(made)
    seed_money.bills(made, version_id)
    seed_money.receipts(made)
    seed_rows.messages(made)
    seed_rows.taps(made)
    seed_rows.orders(made)
    _settle(db, made.postgres)


def _settle(db: Session, postgres: bool) -> None:
    """Do what a database that grew as in life would have done meanwhile."""
    db.close()
    whole = flask_db.engine.execution_options(isolation_level="AUTOCOMMIT")
    with whole.connect() as connection:
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT") if postgres else ():
            connection.exec_driver_sql(statement)
    weigh_indexes()


def make(app: Flask, size: Size) -> bool:
    """Bring the application's database up to date and fill it, unless it holds stations already."""
    with app.app_context():
        prepare.migrate()
        db = flask_db.session()
        if db.scalar(select(func.count(models.Station.id))):
            return False
        db.rollback()
        fill(db, size, datetime.now(UTC))
        flask_db.session.remove()
    return True


def main() -> int:
    """Fill a new database in a folder; return 1 when it holds stations already."""
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the database is kept")
    parser.add_argument("--on", choices=DATABASES, default="sqlite")
    for field in fields(Size):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    given = vars(parser.parse_args())
    folder, on = given.pop("folder"), given.pop("on")
    with opened(folder, on) as (app, _):
        if make(app, Size(**given)):
            return 0
    print(f"{folder} is filled already.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
