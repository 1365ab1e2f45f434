"""The pages of sites, stations and commands ask PostgreSQL nothing that only SQLite understands."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.models import Command, Station
from tests.support import lone, seed

pytestmark = pytest.mark.postgres

ADDRESSES = [
    "/sites?q=depot",
    "/sites/1",
    "/stations?q=cp&state=charging&online=yes&vendor=Alfen&mode=listed&sort=-seen",
    "/stations?show=deviating&format=csv",
    "/stations?online=never",
    "/commands?q=cp&state=failed&who=x&from=2026-01-01&to=2026-12-31&sort=latency",
    "/commands?format=csv",
    *(f"/stations/3{tab}" for tab in ("", "/now", "/commands", "/configuration", "/setup")),
    "/stations/3/configuration?q=a&show=drifted&sort=-told",
    "/stations/3/device-model?q=power",
    "/stations/3/device-model?component=EVSE@1",
    *(f"/stations/3/monitors?show={show}" for show in ("", "open", "values", "all")),
    "/stations/3/display",
    "/stations/3/onboarding?proposed=1",
    *(f"/stations/6/history?kind={kind}" for kind in ("statuses", "connections", "reports")),
    "/stations/6/history?kind=taps",
]


@pytest.fixture
def app(postgres_app):
    return postgres_app


@pytest.mark.nightly
def test_every_page_opens(app, db):
    made = seed.fill(db, datetime.now(UTC), history=0)
    db.commit()
    client = seed.signed_in(app, made.people["operator"])
    for address in ADDRESSES:
        assert client.get(address).status_code == 200, address


def test_a_command_is_queued_claimed_once_and_expires(app, db):
    now = datetime.now(UTC)
    seed.fill(db, now, history=0)
    station = db.scalars(select(Station).where(Station.identity == "CP-03")).one()
    row = commands.queue(db, SYSTEM, station, Order.CLEAR_CACHE, {}, now=now, ttl_s=60)
    late = commands.queue(db, SYSTEM, station, Order.CLEAR_CACHE, {}, now=now, ttl_s=0)
    assert lone.claim(db, row.id, "seed", now=now) is row
    assert lone.claim(db, row.id, "seed", now=now) is None
    assert commands.expire_overdue(db, now) == 1
    assert late.state is CommandState.EXPIRED
    assert db.get(Command, row.id).state is CommandState.SENT
