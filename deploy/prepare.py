"""Bring the database up to date and, when it is empty, make the first admin and the demo site.

Done in a process of its own, which ends before the others start: the supervisor stays small.
It prints one line for people per step on standard error and a JSON object on standard output.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from app.config import Settings
from app.extensions import the_settings
from deploy.checks import CannotStart
from deploy.keep import ending_with
from deploy.processes import ROOT


@dataclass(frozen=True)
class Prepared:
    """What the supervisor and the banner need to know."""

    setup_link: str = ""
    admin: str = ""
    demo: bool = False


def in_own_process(environment: Mapping[str, str]) -> Prepared:
    """Run this module as a program; raises `CannotStart` when it cannot do its work."""
    print("Preparing the database; the first time takes a while.", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "deploy.prepare"],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        preexec_fn=ending_with(os.getpid()),
    )
    if done.returncode != 0:
        raise CannotStart("The database is not ready (see above); nothing was started.")
    return Prepared(**json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Prepare the database that the settings name; return the exit status."""
    from app import create_app

    app = create_app()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Redis is not up yet, and nobody listens who could be nudged.
    logging.getLogger("app.reactions").setLevel(logging.ERROR)
    with app.app_context():
        try:
            migrate()
            prepared = first_things(app.config["SETTINGS"], datetime.now(UTC))
        except CannotStart as error:
            print(f"ampdesk: {error}", file=sys.stderr)
            return 2
        print(json.dumps(asdict(prepared)))
    return 0


def migrate() -> None:
    """Upgrade to the newest revision once the database answers; raises `CannotStart`."""
    import alembic.command
    from alembic.util import CommandError
    from flask import current_app
    from sqlalchemy.exc import OperationalError

    from app.process import revisions
    from app.uow import weigh_indexes

    revisions.wait_for_database(the_settings())
    configuration = current_app.extensions["migrate"].migrate.get_config(str(ROOT / "migrations"))
    try:
        alembic.command.upgrade(configuration, "head")
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise CannotStart(
            f"The database cannot be used: {reason}. AMPDESK_DATABASE_URL names it."
        ) from None
    except CommandError as error:
        # Of a step that is not known here: a newer version may have left it so that it fits.
        if sentence := revisions.wait_for_database(the_settings()):
            raise CannotStart(f"{sentence} ({error})") from None
        return
    weigh_indexes()
    print("Database is up to date.", file=sys.stderr, flush=True)


def first_things(settings: Settings, now: datetime) -> Prepared:
    """Make the first admin (or the secret of a link for it) and the demo site on an empty database.

    Raises `CannotStart` when the first admin's settings cannot be used.
    """
    from app.domain.ground.errors import DomainError
    from app.domain.ground.vocabulary import SYSTEM, Role
    from app.domain.network import tenants
    from app.domain.office import sign_ins, staff
    from app.uow import unit_of_work
    from deploy import demo_site

    admin = link = ""
    with unit_of_work() as db:
        if not staff.exists(db):
            tenant = tenants.first(db, now=now)
            try:
                if settings.admin_email and settings.admin_password:
                    user = staff.create(
                        *(db, SYSTEM),
                        tenant_id=tenant.id,
                        email=settings.admin_email,
                        name=settings.admin_email.partition("@")[0],
                        role=Role.ADMIN,
                        password=settings.admin_password,
                        now=now,
                    )
                    admin = user.email
                else:
                    secret = sign_ins.issue_setup(db, now=now)
                    link = f"{settings.desk_url}/setup/{secret}"
            except DomainError as error:
                raise CannotStart(f"AMPDESK_ADMIN_EMAIL or its password: {error}") from None
    return Prepared(setup_link=link, admin=admin, demo=demo_site.wanted(settings, now))


if __name__ == "__main__":
    sys.exit(main())
