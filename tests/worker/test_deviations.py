"""Repairs are counted in memory: nothing of a count is lost but to a kill, and none is twice."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import Deviation
from tests.support.gated import station
from tests.support.line import Line
from worker.batch import Batch
from worker.ocpp.versions import Version
from worker.storage import StorageAway
from worker.tallies import Deviations

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Unplugged(Batch):
    """A writer whose database is away the first time."""

    away = True

    def do(self, work, within_s=None):
        """Refuse once."""
        if self.away:
            self.away = False
            raise StorageAway("unplugged")
        return super().do(work, within_s)


def counts():
    flask_db.session.rollback()
    return {row.code: row.count for row in flask_db.session.scalars(select(Deviation))}


def test_every_kind_of_message_counts_what_it_needed(any_app):
    line = Line(any_app, station(flask_db.session, "CP-1"), Version.V16, strict=False)
    told = {"status": "available", "connectorId": 1, "errorCode": "NoError"}
    measured = {"connectorId": 1, "meterValue": [], "colour": "red"}
    boot = {"chargePointVendor": "Acme", "chargePointModel": "One", "colour": "red"}
    for action, payload in (
        ("BootNotification", boot),
        ("StatusNotification", told),
        ("MeterValues", measured),
        ("DataTransfer", {"vendorId": "Acme", "colour": "red"}),
    ):
        line.ask(action, payload)
    line.end()
    found = counts()
    assert (found["unknown_member"], found["word_spelling"]) == (3, 1)


def test_counts_wait_for_a_database_that_is_away(any_app):
    number = station(flask_db.session, "CP-1").id
    batch = Unplugged(any_app)
    odd = Deviations(batch)
    odd.count(number, [("odd", "a")], NOW)
    with pytest.raises(StorageAway):
        odd.write()
    odd.count(number, [("odd", "b")], NOW)
    odd.write()
    odd.write()
    batch.stop()
    assert counts() == {"odd": 2}
