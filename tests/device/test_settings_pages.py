"""The Configuration tab: what was told, what is wanted, where they drift, and changing one."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Order
from app.models import AuditEntry, StationVariable
from tests.support.device_pages import town

__all__ = ["town"]


def page(client, station, query=""):
    return client.get(f"/stations/{station.id}/configuration{query}").text


def rows(text):
    return text.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in text else ""


@pytest.fixture
def drifted(town):
    town.reports(town.old, LocalPreAuthorize="false", HeartbeatInterval="300")
    row = town.db.scalar(select(StationVariable).where(StationVariable.key == "localpreauthorize"))
    row.wanted, row.wanted_at = "true", town.now - timedelta(hours=1)
    town.db.commit()
    return row


def test_settings_are_searched_and_may_be_changed(town):
    town.reports(town.old, HeartbeatInterval="300", NumberOfConnectors="2")
    text = rows(page(town.client("operator"), town.old))
    assert "HeartbeatInterval" in text
    assert "300" in text
    assert "Change HeartbeatInterval" in text
    found = rows(page(town.client("operator"), town.old, "?q=heart"))
    assert "NumberOfConnectors" not in found
    assert "HeartbeatInterval" in found


def test_a_drifted_setting_says_so_and_can_be_set_again_or_kept(town, drifted):
    client = town.client("operator")
    text = page(client, town.old)
    assert "1 setting is not what the charger once accepted" in text
    assert "drifted" in rows(text)
    only = rows(page(client, town.old, "?show=drifted"))
    assert "LocalPreAuthorize" in only
    assert "HeartbeatInterval" not in only
    assert "lost the setting LocalPreAuthorize" in client.get("/").text
    answer = client.post(f"/stations/{town.old.id}/configuration/{drifted.id}/keep")
    assert answer.status_code == 303
    assert "drifted" not in rows(page(client, town.old))
    entry = town.db.scalars(select(AuditEntry).where(AuditEntry.action == "station.setting")).one()
    assert "LocalPreAuthorize" in entry.note


def test_a_change_goes_the_way_of_all_orders(town):
    client = town.client("operator")
    data = {"order": "change_setting", "key": "HeartbeatInterval", "value": "60"}
    assert client.post(f"/stations/{town.old.id}/commands", data=data).status_code == 303
    assert town.newest().order is Order.CHANGE_SETTING


def test_secrets_are_never_shown(town):
    town.reports(town.old, AuthorizationKey="canary")
    text = page(town.client("admin"), town.old)
    assert "never shown" in rows(text)
    assert "canary" not in text


def test_of_2_x_only_what_can_be_written_is_a_setting(town):
    town.reports(town.new, ClockCtrlr__TimeZone="UTC")
    row = town.db.scalar(select(StationVariable))
    assert "TimeZone" in rows(page(town.client("viewer"), town.new))
    row.writable = False
    town.db.commit()
    assert "TimeZone" not in rows(page(town.client("viewer"), town.new))


def test_a_viewer_looks_and_changes_nothing(town, drifted):
    client = town.client("viewer")
    text = page(client, town.old)
    assert "Change LocalPreAuthorize" not in text
    assert "Set again" not in text
    answer = client.post(f"/stations/{town.old.id}/configuration/{drifted.id}/keep")
    assert answer.status_code == 403


def test_settings_of_another_reach_are_not_found(town, drifted):
    number, row = town.old.id, drifted.id
    client = town.far()
    assert client.get(f"/stations/{number}/configuration").status_code == 404
    assert client.post(f"/stations/{number}/configuration/{row}/keep").status_code == 404


def test_a_setting_of_another_station_is_not_found(town, drifted):
    client = town.client("operator")
    answer = client.post(f"/stations/{town.new.id}/configuration/{drifted.id}/keep")
    assert answer.status_code == 404
