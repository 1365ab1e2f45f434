"""Variables that tell the state of a plug, by an event or in a report (2.0.1 G01.FR.03 to 07)."""

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Availability
from app.models import Connector, DeviceEvent
from app.queries.device import device_model
from app.queries.office import attention
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version

CONNECTOR = {"name": "Connector", "evse": {"id": 1, "connectorId": 1}}
EVSE = {"name": "EVSE", "evse": {"id": 1}}
STATION = {"name": "ChargingStation"}


class Teller(Dialogue):
    """A 2.x station that tells its states by variables."""

    number = 0

    def notices(self, component, variable, value, **more):
        self.number += 1
        self.later(seconds=2)
        told = {
            "eventId": self.number,
            "timestamp": self.now.isoformat(),
            "trigger": "Delta",
            "actualValue": value,
            "eventNotificationType": "HardWiredNotification",
            "component": component,
            "variable": {"name": variable},
            **more,
        }
        at = self.now.isoformat()
        self.says("NotifyEvent", {"generatedAt": at, "seqNo": 0, "eventData": [told]})

    def reports(self, *values):
        told = [
            {
                "component": component,
                "variable": {"name": variable},
                "variableAttribute": [{"value": value}],
            }
            for component, variable, value in values
        ]
        at = self.now.isoformat()
        given = {"requestId": 1, "generatedAt": at, "seqNo": 0, "reportData": told}
        self.says("NotifyReport", given)

    def plug(self, evse=1, connector=1):
        query = select(Connector).where(
            Connector.station_id == self.station.id,
            Connector.evse == evse,
            Connector.connector == connector,
        )
        return self.db.scalars(query).one()


@pytest.fixture(params=[Version.V201, Version.V21])
def teller(db, now, request):
    return Teller(db, now, request.param)


def test_a_plug_that_is_told_by_events_alone_is_occupied_then_faulted(teller):
    teller.notices(CONNECTOR, "AvailabilityState", "Available")
    teller.notices(CONNECTOR, "AvailabilityState", "Occupied")
    assert teller.plug().availability is Availability.OCCUPIED
    teller.notices(CONNECTOR, "AvailabilityState", "Faulted")
    assert teller.plug().availability is Availability.FAULTED
    assert not teller.plug().stale
    tenant = teller.station.tenant_id
    found = attention.findings(teller.db, tenant_id=tenant, now=teller.now)
    assert "faulted" in [one.kind for one in found]


def test_a_report_tells_the_state_as_well(teller):
    teller.reports(
        (CONNECTOR, "AvailabilityState", "Occupied"), (EVSE, "AvailabilityState", "Available")
    )
    assert teller.plug().availability is Availability.OCCUPIED, "the plug's own word counts more"


@pytest.mark.parametrize("component", [CONNECTOR, EVSE])
@pytest.mark.parametrize("variable", ["Problem", "Tripped", "Fault"])
def test_a_trouble_is_a_fault_until_it_is_over(teller, component, variable):
    teller.notices(CONNECTOR, "AvailabilityState", "Occupied")
    teller.notices(component, variable, "true")
    assert (teller.plug().availability, teller.plug().error_code) == (
        Availability.FAULTED,
        variable,
    )
    teller.notices(component, variable, "false")
    assert (teller.plug().availability, teller.plug().error_code) == (Availability.OCCUPIED, None)


def test_a_trouble_that_is_called_cleared_is_over(teller):
    teller.notices(CONNECTOR, "AvailabilityState", "Available")
    teller.notices(CONNECTOR, "Problem", "true")
    teller.notices(CONNECTOR, "Problem", "true", cleared=True)
    assert teller.plug().availability is Availability.AVAILABLE
    assert not teller.db.scalars(device_model.events(teller.station, "open")).all()


def test_a_trouble_of_another_part_needs_a_person_until_it_is_over(teller):
    fan = {"name": "CPPWMController", "evse": {"id": 1}}
    teller.notices(fan, "Problem", "true")
    assert len(teller.db.scalars(device_model.events(teller.station, "open")).all()) == 1
    assert teller.plug().availability is Availability.UNKNOWN
    teller.notices(fan, "Problem", "false")
    assert not teller.db.scalars(device_model.events(teller.station, "open")).all()
    assert len(teller.db.scalars(select(DeviceEvent)).all()) == 2


def test_the_state_of_the_whole_station_is_that_of_no_plug(teller):
    teller.notices(STATION, "AvailabilityState", "Unavailable")
    assert teller.plug(0).availability is Availability.UNAVAILABLE
    assert teller.plug(1).availability is Availability.UNKNOWN


def test_an_evse_of_several_plugs_is_occupied_at_one_that_it_does_not_name(teller):
    for number in (1, 2):
        plug = {"name": "Connector", "evse": {"id": 1, "connectorId": number}}
        teller.notices(plug, "AvailabilityState", "Available")
    teller.notices(EVSE, "AvailabilityState", "Occupied")
    assert teller.plug(1, 1).availability is Availability.AVAILABLE
    teller.notices(EVSE, "AvailabilityState", "Faulted")
    assert {teller.plug(1, n).availability for n in (1, 2)} == {Availability.FAULTED}


@pytest.mark.parametrize("value", ["", "Broken", "Unknown", "🦊" * 100])
def test_a_word_that_is_no_state_changes_nothing(teller, value):
    teller.notices(CONNECTOR, "AvailabilityState", value)
    assert teller.plug().availability is Availability.UNKNOWN


@pytest.mark.parametrize("evse", [-1, 10_001, 2**40])
def test_a_plug_that_cannot_be_is_not_made(teller, evse):
    component = {"name": "Connector", "evse": {"id": evse, "connectorId": 1}}
    before = len(teller.db.scalars(select(Connector)).all())
    try:
        teller.notices(component, "AvailabilityState", "Faulted")
    except AssertionError:
        pass  # its schema refuses it already
    assert len(teller.db.scalars(select(Connector)).all()) == before
