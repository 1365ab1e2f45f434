"""Settings and device models of real clients, over a real worker: reports, mixed results, drift."""

from datetime import UTC, datetime
from typing import Any

import pytest
from ocpp.routing import after, on
from ocpp.v21 import call as call_21
from ocpp.v201 import call as call_201
from ocpp.v201 import call_result
from sqlalchemy import func, select

from app.domain.commands import commands
from app.domain.device import settings
from app.domain.ground.vocabulary import OPEN_STATES, SYSTEM, CommandState, Order
from app.models import Command, DeviceEvent, Station, StationVariable
from tests.support.charge_point import stamp
from tests.support.charge_point_2x import ChargePoint21, ChargePoint201, Client21, Client201
from tests.support.depot import furnish
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

PARTS, EACH = 12, 40


class Modelled:
    """A charger with a device model of some hundred variables, of which few can be set."""

    calls: Any
    settable = ("TimeZone", "Volume", "Forgetful")

    @property
    def values(self) -> dict[str, str]:
        """What is set; kept on the list of what was asked, which outlives connections."""
        return self.asked.values  # type: ignore[attr-defined]

    @on("GetBaseReport")
    def on_base(self, **payload: Any) -> Any:
        return call_result.GetBaseReport(status="Accepted")

    @after("GetBaseReport")
    async def tell_parts(self, request_id: int, **payload: Any) -> None:
        for part in range(PARTS):
            items = [self._item(f"Part{part}", f"V{n}") for n in range(EACH)]
            await self.call(  # type: ignore[attr-defined]
                self.calls.NotifyReport(
                    request_id=request_id,
                    generated_at=stamp(datetime.now(UTC)),
                    seq_no=part,
                    tbc=part < PARTS - 1,
                    report_data=items,
                )
            )

    def _item(self, component: str, variable: str) -> dict[str, Any]:
        return {
            "component": {"name": component, "evse": {"id": 1}},
            "variable": {"name": variable},
            "variable_attribute": [{"type": "Actual", "value": "7", "mutability": "ReadOnly"}],
            "variable_characteristics": {"data_type": "integer", "supports_monitoring": True},
        }

    @on("SetVariables")
    def on_set(self, set_variable_data: list[dict[str, Any]], **payload: Any) -> Any:
        results = []
        for item in set_variable_data:
            name = item["variable"]["name"]
            word = "Accepted" if name in self.settable else "UnknownVariable"
            word = "RebootRequired" if name == "Forgetful" else word
            if word != "UnknownVariable":
                self.values[name] = item["attribute_value"]
            results.append({**self._named(item), "attribute_status": word})
        return call_result.SetVariables(set_variable_result=results)

    @on("GetVariables")
    def on_get(self, get_variable_data: list[dict[str, Any]], **payload: Any) -> Any:
        results = []
        for item in get_variable_data:
            value = self.values.get(item["variable"]["name"])
            told = {"attribute_status": "UnknownVariable"}
            if value is not None:
                told = {"attribute_status": "Accepted", "attribute_value": value}
            results.append({**self._named(item), **told})
        return call_result.GetVariables(get_variable_result=results)

    def _named(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"component": item["component"], "variable": item["variable"]}


class Model201(Modelled, Client201):
    """Such a charger of 2.0.1."""

    calls = call_201


class Model21(Modelled, Client21):
    """Such a charger of 2.1."""

    calls = call_21


class Kept(list):  # type: ignore[type-arg]
    """What a charger was asked, and what it keeps over its restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}


class Charger201(ChargePoint201):
    """The steps of the 2.0.1 one."""

    client = Model201


class Charger21(ChargePoint21):
    """The steps of the 2.1 one."""

    client = Model21


@pytest.fixture
def site(make_site):
    return make_site(processes=("worker",))


@pytest.fixture(
    params=[Charger201, pytest.param(Charger21, marks=pytest.mark.landing)], ids=["2.0.1", "2.1"]
)
def charger(site, request):
    depot = furnish(site)
    charger = request.param(site.charger_url, *depot.stations[0])
    charger.asked = Kept()
    charger.connect()
    assert charger.boot().status == "Accepted"
    yield charger
    charger.close()


def ask(site, order, **arguments):
    with site.work() as db:
        station = db.scalars(select(Station)).one()
        return commands.queue(
            db, SYSTEM, station, order, arguments, now=datetime.now(UTC), ttl_s=60
        ).id


def ended(site, number):
    def settled():
        with site.read() as db:
            command = db.get(Command, number)
            if command.state in OPEN_STATES:
                return None
            return command.state, command.sentence

    return eventually(settled, what="the command ends")


def variable(site, name):
    with site.read() as db:
        row = db.scalar(select(StationVariable).where(StationVariable.variable == name))
        return row and (row.value, row.wanted, row.reboot_required, settings.drifted(row))


def test_a_base_report_of_hundreds_of_variables_arrives_in_parts(site, charger):
    number = ask(site, Order.READ_BASE_REPORT, base="full")
    assert ended(site, number)[0] is CommandState.ACCEPTED

    def complete():
        with site.read() as db:
            assert db.scalar(select(func.count(StationVariable.id))) == PARTS * EACH
            return db.get(Command, number).sentence == "The report is complete: 480 values."

    eventually(complete, what="the report is complete")


def test_settings_with_mixed_results_are_told_apart_and_read_back(site, charger):
    wanted = {"ClockCtrlr/TimeZone": "UTC", "Bell/Volume": "3", "Bell/Pitch": "9"}
    number = ask(site, Order.CHANGE_SETTING, settings=wanted)
    state, sentence = ended(site, number)
    assert state is CommandState.REJECTED
    assert sentence.startswith("2 of 3 settings taken.")
    assert "Bell/Pitch: UnknownVariable" in sentence
    told = ("UTC", "UTC", False, False)
    eventually(lambda: variable(site, "TimeZone") == told, what="it is read back")
    eventually(lambda: variable(site, "Volume") == ("3", "3", False, False))
    assert variable(site, "Pitch") is None


def test_a_setting_that_is_lost_over_the_restart_drifts(site, charger):
    number = ask(site, Order.CHANGE_SETTING, key="Bell/Forgetful", value="yes")
    assert ended(site, number)[0] is CommandState.ACCEPTED
    assert variable(site, "Forgetful") == (None, "yes", True, False)
    charger.asked.values["Forgetful"] = "no"
    charger.disconnect()
    charger.connect()
    charger.boot()
    lost = ("no", "yes", False, True)
    eventually(lambda: variable(site, "Forgetful") == lost, what="the drift is seen")


def test_what_a_charger_notices_is_kept(site, charger):
    now = stamp(datetime.now(UTC))
    event = {
        "event_id": 1,
        "timestamp": now,
        "trigger": "Alerting",
        "actual_value": "91",
        "event_notification_type": "HardWiredNotification",
        "component": {"name": "EVSE", "evse": {"id": 1}},
        "variable": {"name": "Temperature"},
    }
    message = charger.client.calls.NotifyEvent(generated_at=now, seq_no=0, event_data=[event])
    charger.send(message)
    charger.send(message)
    with site.read() as db:
        assert [row.value for row in db.scalars(select(DeviceEvent))] == ["91"]
