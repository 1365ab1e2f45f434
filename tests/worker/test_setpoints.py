"""Setpoints reach the charger one at a time, and the newest wins."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import SYSTEM
from app.domain.limits import setpoints
from app.models import AuditEntry, Command, Message, Setpoint, Station, StationProfile
from tests.dialects.replay import Stage
from tests.support.wait import eventually

pytestmark = pytest.mark.processes


@pytest.fixture
def charging(make_site):
    """A charger at which a session runs, on a worker of its own; returns both."""
    site = make_site(processes=("worker",))
    stage = Stage(site)
    stage.set_up()
    boot = {"chargePointVendor": "Acme", "chargePointModel": "One"}
    start = {"connectorId": 1, "idTag": "04A2", "meterStart": 0, "timestamp": "$now"}
    for number, action, payload in (
        ("b", "BootNotification", boot),
        ("s", "StartTransaction", start),
    ):
        stage.play([{"send": [2, number, action, payload]}])
        stage.socket.recv(timeout=30)
    yield site, stage
    stage.close()


def want(site, stage, limit):
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == stage.identity))
        setpoints.want(
            *(db, SYSTEM, station, 1),
            limit=Decimal(limit),
            unit="A",
            phases=3,
            now=datetime.now(UTC),
            ttl_s=60,
        )


def heard(stage):
    """The next setpoint: its message id, its number and its limit."""
    _, message_id, action, payload = json.loads(stage.socket.recv(timeout=30))
    assert action == "SetChargingProfile"
    profile = payload["csChargingProfiles"]
    assert profile["chargingProfilePurpose"] == "TxProfile"
    assert payload["connectorId"] == 1
    period = profile["chargingSchedule"]["chargingSchedulePeriod"][0]
    return message_id, profile["chargingProfileId"], period["limit"]


def answer(stage, message_id, status="Accepted"):
    stage.socket.send(json.dumps([3, message_id, {"status": status}]))


def row(site):
    with site.read() as db:
        return db.scalars(select(Setpoint)).one()


def test_the_newest_setpoint_wins_and_none_is_queued_behind_it(charging):
    site, stage = charging
    want(site, stage, 16)
    first, number, limit = heard(stage)
    assert limit == 16.0
    for amperes in (12, 8, 6):
        want(site, stage, amperes)
    answer(stage, first)
    last, again, limit = heard(stage)
    assert (limit, again) == (6.0, number), "12 and 8 A are not sent any more"
    answer(stage, last)
    eventually(lambda: row(site).state == "accepted", what="it is taken")
    assert row(site).accepted["periods"][0]["limit"] == "6.0"
    with site.read() as db:
        for model in (Command, StationProfile):
            assert db.scalar(select(func.count(model.id))) == 0
        orders = select(func.count(AuditEntry.id)).where(AuditEntry.action == "station.command")
        assert db.scalar(orders) == 0
        sent = select(func.count(Message.id)).where(Message.action == "SetChargingProfile")
        assert db.scalar(sent) == 2, "the messages are in the log"


def test_a_refused_setpoint_says_so_and_a_new_one_is_tried(charging):
    site, stage = charging
    want(site, stage, 16)
    answer(stage, heard(stage)[0], "Rejected")
    eventually(lambda: row(site).state == "rejected", what="it is refused")
    assert row(site).accepted is None
    want(site, stage, 10)
    assert heard(stage)[2] == 10.0
