"""The Device model tab: components, the variables of one, their attributes."""

import pytest

from app.domain.device import device_model
from app.domain.device.device_model import Told
from app.domain.device.variable_names import parse
from tests.support.device_pages import town

__all__ = ["town"]


@pytest.fixture
def modelled(town):
    told = [
        Told(parse("EVSE@1/Power"), "11000", writable=False, unit="W", low="0", high="22000"),
        Told(parse("EVSE@1/Power:max_set"), "16000", writable=True, unit="W"),
        Told(parse("EVSE@2/Power"), "7000", writable=False, monitorable=True),
        Told(parse("ClockCtrlr/TimeZone"), "Europe/Berlin", writable=True, data_type="string"),
        Told(parse("SecurityCtrlr/BasicAuthPassword"), "canary", writable=True),
    ]
    device_model.take(town.db, town.new, told, now=town.now)
    town.db.commit()
    return town


def page(client, station, query=""):
    return client.get(f"/stations/{station.id}/device-model{query}").text


def test_before_it_was_read_the_page_offers_to_read_it(town):
    assert "Read the device model" in page(town.client("operator"), town.new)
    assert "Read the device model" not in page(town.client("viewer"), town.new)


def test_components_are_listed_and_one_is_opened(modelled):
    text = page(modelled.client("viewer"), modelled.new, "?component=EVSE@1")
    for name in ("EVSE@1", "EVSE@2", "ClockCtrlr"):
        assert f"<span>{name}</span>" in text
    table = text.split("<tbody>")[1].split("</tbody>")[0]
    assert "11000" in table
    assert "16000" in table
    assert "7000" not in table
    assert "Europe/Berlin" not in table


def test_a_search_goes_through_all_components(modelled):
    text = page(modelled.client("viewer"), modelled.new, "?q=berlin")
    assert "TimeZone" in text.split("<tbody>")[1]
    assert "Nothing matches" in page(modelled.client("viewer"), modelled.new, "?q=nonsense")


def test_what_can_be_written_or_watched_leads_there(modelled):
    text = page(modelled.client("operator"), modelled.new, "?component=ClockCtrlr")
    assert "configuration?key=ClockCtrlr/TimeZone" in text
    text = page(modelled.client("operator"), modelled.new, "?component=EVSE@2")
    assert "monitors?key=EVSE@2/Power" in text


def test_no_secret_is_on_the_page(modelled):
    assert "canary" not in page(modelled.client("admin"), modelled.new, "?q=password")


def test_a_component_that_cannot_be_is_a_bad_request(modelled):
    client = modelled.client("viewer")
    assert client.get(f"/stations/{modelled.new.id}/device-model?component=A@x").status_code == 400


def test_the_tab_is_there_for_2_x_alone(modelled):
    client = modelled.client("viewer")
    assert "Device model" in page(client, modelled.new)
    assert "Device model" not in client.get(f"/stations/{modelled.old.id}").text


def test_a_device_model_of_another_reach_is_not_found(modelled):
    number = modelled.new.id
    assert modelled.far().get(f"/stations/{number}/device-model").status_code == 404
