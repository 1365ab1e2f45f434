"""Frames of chargers that led to a wrong bill or a wrong state, and what is right for each.

The first line of a recording tells what is right; the rest is played through
the dialect of its version, as a running worker would hear it.
"""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, Availability, BillingState, SessionState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Connector, Receipt
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version

FOLDER = Path(__file__).parent.parent / "fixtures" / "inputs"
TAG = "04A2B3C4D5E680"
NOW = STARTED + timedelta(days=100)
VERSIONS = {"ocpp1.6": Version.V16, "ocpp2.0.1": Version.V201}
#: The stations whose greatest power is known, in W.
POWER = {"overlapping-sessions": 22_000, "offline-forty-days": 11_000}


class Played:
    """A recording that was played: the station, its answers, its plug after each frame."""

    def __init__(self, name: str) -> None:
        head, *steps = (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
        self.db = flask_db.session()
        net = network(self.db)
        self.talk = Dialogue(self.db, NOW, VERSIONS[json.loads(head)["protocol"]], "CP-8")
        self.talk.station.max_power_w = POWER.get(name)
        self.talk.station.site.tariff = net.version.tariff
        tags.add(self.db, SYSTEM, net.site.tenant_id, now=NOW, value=TAG, driver_id=net.driver.id)
        self.transaction = 0
        self.answers: list[dict[str, Any]] = []
        self.states: list[tuple[Availability, str | None]] = []
        for step in steps:
            self._play(json.loads(self._filled(step)))

    def _play(self, step: dict[str, Any]) -> None:
        if step["do"] == "sleep":
            self.talk.later(seconds=step["s"])
        elif step["do"] == "reconnect":
            self.talk.later(seconds=1)
            self.talk.connect()
        elif step["do"] == "send":
            answer = self.talk.says(step["action"], step["payload"])
            self.transaction = answer.get("transactionId", self.transaction)
            self.answers.append(answer)
            plug = self.db.scalar(select(Connector).where(Connector.evse == 1))
            if plug is not None:
                self.states.append((plug.availability, plug.error_code))

    def _filled(self, text: str) -> str:
        text = text.replace("${tag}", TAG).replace('"${tx}"', str(self.transaction))
        return re.sub(r"\$\{now([+-]\d+)?\}", self._moment, text)

    def _moment(self, match: "re.Match[str]") -> str:
        at = self.talk.now + timedelta(seconds=int(match[1] or 0))
        return at.isoformat().replace("+00:00", "Z")

    @property
    def sessions(self) -> list[ChargingSession]:
        return list(self.db.scalars(select(ChargingSession).order_by(ChargingSession.id)))

    def settled(self) -> ChargingSession:
        """The only session, after billing has looked at it."""
        (session,) = self.sessions
        lone.settle(self.db, session.id, now=self.talk.now)
        return session

    def mailed(self) -> list[int]:
        """The energy of each bill; a receipt goes out with each."""
        bills = list(self.db.scalars(select(Bill).order_by(Bill.id)))
        assert len(list(self.db.scalars(select(Receipt)))) <= len(bills)
        return [int(bill.energy_wh) for bill in bills]


pytestmark = pytest.mark.usefixtures("any_app")


@pytest.mark.parametrize(
    ("name", "kwh", "doubt"),
    [
        ("lifetime-register-from-zero", 9.8, "begin_zero_placeholder"),
        ("lifetime-register-from-zero-201", 9.3, "begin_zero_placeholder"),
        ("register-jump-that-stays", 11.8, "step_unexplained"),
        ("offline-forty-days", 40.0, "old_report"),
        ("start-without-register", 10.0, "begin_missing"),
    ],
)
def test_energy_that_contradicts_itself_is_held_with_the_right_figure(name, kwh, doubt):
    played = Played(name)
    session = played.settled()
    found = billing.assess(played.db, session, played.talk.now)
    assert float(session.energy_wh) / 1000 == pytest.approx(kwh, abs=0.4)
    assert (session.billing, played.mailed()) == (BillingState.HELD, [])
    assert doubt in found.doubts


@pytest.mark.parametrize("name", ["numbers-that-are-none", "multiplier-beyond-any-meter-201"])
def test_what_was_no_number_when_it_came_is_none_when_it_is_billed(name):
    played = Played(name)
    session = played.settled()
    assert (session.billing, played.mailed()) == (BillingState.BILLED, [10_000])


def test_a_station_is_told_no_total_that_rests_on_a_doubt():
    played = Played("lifetime-register-from-zero-201")
    assert [answer for answer in played.answers if "totalCost" in answer] == []
    assert played.talk.waiting() == []


def test_forty_days_offline_keep_their_own_times():
    session = Played("offline-forty-days").settled()
    began = NOW - timedelta(days=40)
    assert (session.started_at, session.ended_at) == (began, began + timedelta(hours=5))


@pytest.mark.parametrize(
    ("name", "energy_wh", "idle_min"),
    [("idle-fee-while-charging", 35_000, 30), ("idle-that-no-status-tells", 7_200, 300)],
)
def test_idle_minutes_are_those_of_the_meter(name, energy_wh, idle_min):
    played = Played(name)
    session = played.settled()
    usage = billing.assess(played.db, session, played.talk.now).measured.usage
    idle_s = sum((until - since).total_seconds() for since, until in usage.idle)
    assert session.energy_wh == energy_wh
    assert idle_s == pytest.approx(idle_min * 60, abs=2)  # the reconnect takes a second
    assert played.mailed() == [energy_wh]


def test_a_start_that_failed_costs_nothing_and_mails_nothing():
    played = Played("failed-start-costs-a-fee")
    session = played.settled()
    assert (session.state, session.billing) == (SessionState.ENDED, BillingState.WAIVED)
    assert played.mailed() == []


def test_energy_of_overlapping_sessions_is_billed_once():
    played = Played("overlapping-sessions")
    first, second = played.sessions
    for session in (first, second):
        lone.settle(played.db, session.id, now=played.talk.now)
    assert played.mailed() == [13_300]
    assert (first.billing, second.billing) == (BillingState.BILLED, BillingState.HELD)


def test_a_plug_that_is_told_by_events_alone_is_occupied_then_faulted():
    states = [state for state, _ in Played("availability-by-event-201").states]
    assert states[-3:] == [Availability.AVAILABLE, Availability.OCCUPIED, Availability.FAULTED]


def test_a_fault_shows_at_once_after_the_clock_was_put_right():
    assert Played("clock-step-hides-fault").states[-1] == (Availability.FAULTED, "GroundFailure")


def test_every_recording_is_played():
    """A recording that no test names shows nothing."""
    text = Path(__file__).read_text("utf-8")
    names = {path.stem for path in FOLDER.glob("*.jsonl")}
    assert {name for name in names if f'"{name}"' not in text} == set()
