"""Sessions of chargers whose statuses told nothing or wrongly of idle time, frame by frame."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.domain import billing, metering, tags
from app.domain.tags import TagFacts
from app.domain.vocabulary import SYSTEM
from app.models import ChargingSession
from tests.support.charging import network
from tests.support.dialogue import Dialogue
from worker.dialects.context import Context
from worker.dialects.v16 import meter_values
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

FOLDER = Path(__file__).parent.parent / "fixtures" / "inputs"
TAG = "04A2B3C4D5E680"


def measured(db, talk, payload):
    """Store readings as the worker does: read by the dialect, then with many others at once."""
    station = talk.station
    context = Context(db, station, station.id, "UTC", station.quirks, talk.now)
    metering.store(db, [meter_values.meter_values(Fields(payload), context)], now=talk.now)


def played(db, now, name):
    """Play the frames of a file through the dialect of 1.6; the bill and the session."""
    net = network(db)
    talk = Dialogue(db, now, Version.V16)
    talk.station.site.tariff = net.version.tariff
    tags.add(
        *(db, SYSTEM, TAG, TagFacts(driver_id=net.driver.id)),
        tenant_id=talk.station.tenant_id,
        now=now,
    )
    transaction = 0

    def filled(text):
        text = text.replace("${tag}", TAG).replace('"${tx}"', str(transaction))
        return re.sub(r"\$\{now([+-]\d+)\}", moment, text)

    def moment(match):
        return (now + timedelta(seconds=int(match[1]))).isoformat().replace("+00:00", "Z")

    for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines():
        step = json.loads(filled(line))
        if step["do"] == "reconnect":
            talk.later(seconds=1)
            talk.connect()
        elif step["do"] == "send":
            if step["action"] == "MeterValues":
                measured(db, talk, step["payload"])
            else:
                answer = talk.says(step["action"], step["payload"])
                transaction = answer.get("transactionId", transaction)
    session = db.scalars(select(ChargingSession)).one()
    return billing.settle(db, session.id, now=talk.now), session


@pytest.mark.parametrize(
    ("name", "energy_wh", "idle_min"),
    [("idle-fee-while-charging", 35_000, 30), ("idle-that-no-status-tells", 7_200, 300)],
)
def test_idle_minutes_are_those_of_the_meter(db, now, name, energy_wh, idle_min):
    found, session = played(db, now, name)
    usage = billing.assess(db, session, now).measured.usage
    idle_s = sum((until - since).total_seconds() for since, until in usage.idle)
    assert (session.energy_wh, idle_s) == (energy_wh, idle_min * 60)
    assert found is not None
