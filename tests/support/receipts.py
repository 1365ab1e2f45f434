"""Fixtures of mails and receipts: an application that sends by SMTP, and one billed session."""

import shutil

import pytest

from app.extensions import db as flask_db
from app.models import Receipt
from app.uow import unit_of_work
from tests.support import apps, lone
from tests.support.charging import STARTED, network


@pytest.fixture
def smtp_app(migrated, tmp_path, smtp_server):
    """An application on an empty database whose mails go to the real SMTP server."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(
        tmp_path, smtp_url=smtp_server.url, mail_from="Ampdesk <bills@charge.example>"
    ) as app:
        yield app


@pytest.fixture
def make_receipt():
    """Bill a session of a driver; return the id of the queued receipt."""

    def make(**driver):
        with unit_of_work() as db:
            net = network(db, **driver)
            return lone.issue(db, net.session().id, now=STARTED).receipt.id

    return make


@pytest.fixture
def look():
    """Read a receipt as it is in the database now."""

    def read(receipt_id):
        db = flask_db.session()
        db.rollback()
        return db.get(Receipt, receipt_id, populate_existing=True)

    return read
