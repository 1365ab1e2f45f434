"""Attempts are written once a second, in bounded numbers, and none is lost from the count."""

from dataclasses import replace

import gevent
import pytest
from sqlalchemy import func, select

from app.domain.network.connections import MANY, Knock
from app.models import HandshakeAttempt
from tests.support.gated import station
from tests.support.wait import yielding
from worker.batch import Batch
from worker.tallies import IN_ALL, OF_ONE, Knocks

KNOCK = Knock(
    identity="CP-9",
    path="/ocpp/CP-9",
    address="192.0.2.9",
    subprotocols="ocpp1.6",
    had_credentials=True,
    accepted=False,
    status=401,
    reason="wrong_password",
    sentence="The password is wrong.",
    station_id=None,
    tenant_id=None,
)


class Counting(Batch):
    """A batch that counts what it is given."""

    jobs = 0

    def do(self, work, within_s=None):
        self.jobs += 1
        return super().do(work, within_s)


@pytest.fixture
def batch(app, db):
    return Counting(app)


@pytest.fixture
def knocks(batch):
    return Knocks(batch)


def written(batch, knocks, db):
    """All rows, when everything is written."""
    knocks.stop()
    gevent.joinall([knocks._writer] if knocks._writer else [])
    batch.stop()
    db.rollback()
    return db.scalars(select(HandshakeAttempt).order_by(HandshakeAttempt.id)).all()


def test_a_thousand_equal_attempts_are_one_row_and_few_writes(batch, knocks, db):
    knocks.note(KNOCK)
    yielding(lambda: batch.jobs)
    for _ in range(999):
        knocks.note(KNOCK)
    (row,) = written(batch, knocks, db)
    assert row.count == 1_000
    assert batch.jobs < 10


def test_names_without_end_from_one_address_share_a_row(batch, knocks, db):
    for number in range(2_000):
        knocks.note(replace(KNOCK, identity=f"CP-{number}"))
    rows = written(batch, knocks, db)
    assert len(rows) <= OF_ONE.burst + 2
    assert sum(row.count for row in rows) == 2_000
    assert rows[-1].identity == MANY
    assert rows[-1].address == KNOCK.address


def test_addresses_without_end_share_a_row_in_the_end(batch, knocks, db):
    for number in range(3_000):
        address = f"2001:db8:{number:x}::1"
        knocks.note(replace(KNOCK, identity=f"CP-{number}", address=address))
    rows = written(batch, knocks, db)
    assert len(rows) <= IN_ALL.burst + 5
    assert sum(row.count for row in rows) == 3_000
    assert (MANY, MANY) in {(row.identity, row.address) for row in rows}


def test_a_known_station_keeps_its_row_beside_a_flood_from_its_address(batch, knocks, db):
    known = station(db, "KNOWN")
    for number in range(500):
        knocks.note(replace(KNOCK, identity=f"CP-{number}"))
    named = {"station_id": known.id, "tenant_id": known.tenant_id}
    knocks.note(replace(KNOCK, identity="KNOWN", **named))
    assert "KNOWN" in {row.identity for row in written(batch, knocks, db)}


def test_an_accepted_attempt_after_refused_ones_is_the_later_row(batch, knocks, db):
    knocks.note(KNOCK)
    knocks.note(replace(KNOCK, accepted=True, reason="accepted", status=101))
    refused, accepted = written(batch, knocks, db)
    assert (refused.accepted, accepted.accepted) == (False, True)
    assert accepted.last_at >= refused.last_at
    assert db.scalar(select(func.count()).select_from(HandshakeAttempt)) == 2
