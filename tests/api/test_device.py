"""What a station told and somebody decides about: a setting, an event, data of a customer."""

import pytest
from sqlalchemy import select

from app.models import CustomerReport, DeviceEvent, Station, StationVariable

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")


@pytest.fixture
def station(db, made):
    return db.scalars(select(Station).order_by(Station.id)).first()


@pytest.fixture
def add(db, station, now):
    def put(model, **given):
        row = model(station_id=station.id, **given)
        db.add(row)
        db.commit()
        return row

    return put


def test_what_a_station_reports_can_be_taken_for_wanted(api, add, station, now):
    row = add(
        StationVariable, key="heartbeatinterval x", variable="HeartbeatInterval", value="300",
        wanted="600", wanted_at=now,
    )  # fmt: skip
    told = api.post(f"/stations/{station.id}/variables/{row.id}/keep", status=200)
    assert (told["value"], told["wanted"]) == ("300", None)


def test_an_event_that_was_seen_to_is_dismissed(api, add, station, now):
    row = add(
        DeviceEvent, number=1, at=now, received_at=now, trigger="alerting", origin="custom",
        component="Cooling", variable="Problem", value="true", severity=2,
    )  # fmt: skip
    path = f"/stations/{station.id}/events/{row.id}/dismiss"
    assert api.post(path, status=200)["cleared"] is True
    api.post(path.replace(f"/{station.id}/", f"/{station.id + 1}/"), status=404)


def test_what_was_told_of_a_customer_is_erased_by_an_admin(api, admin_api, add, station, now):
    row = add(CustomerReport, request_id=7, about="tag 04A2", text="Ada", received_at=now)
    path = f"/stations/{station.id}/customer-reports/{row.id}/erase"
    api.post(path, status=403)
    told = admin_api.post(path, status=200)
    assert told["text"] == "" and told["erased_at"]
