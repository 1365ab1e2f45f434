"""flask setting: listing what was told, changing one, saying what a station gets after a boot."""

import json

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Order
from app.models import Command, StationVariable
from tests.support.device_pages import town

__all__ = ["town"]


@pytest.fixture
def run(town):
    runner = town.app.test_cli_runner()

    def invoke(*arguments):
        return runner.invoke(args=["setting", *arguments])

    return invoke


def test_settings_are_listed_without_secrets(town, run):
    town.reports(town.old, HeartbeatInterval="300", AuthorizationKey="canary")
    found = {row["setting"]: row for row in json.loads(run("list", "CP-01", "--json").output)}
    assert found["HeartbeatInterval"]["value"] == "300"
    assert found["AuthorizationKey"]["value"] == "•••"
    assert "HeartbeatInterval" not in run("list", "CP-01", "--search", "author").output


def test_only_what_drifted_is_listed_on_request(town, run):
    town.reports(town.old, HeartbeatInterval="300", Blink="1")
    row = town.db.scalar(select(StationVariable).where(StationVariable.variable == "Blink"))
    row.wanted, row.wanted_at = "2", town.now
    town.db.commit()
    output = run("list", "CP-01", "--drifted").output
    assert "Blink" in output
    assert "HeartbeatInterval" not in output


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        (("set", "CP-01", "HeartbeatInterval", "60"), Order.CHANGE_SETTING),
        (("read", "CP-01", "HeartbeatInterval"), Order.READ_SETTINGS),
        (("report", "CP-03", "summary"), Order.READ_BASE_REPORT),
    ],
)
def test_orders_are_given_like_at_the_desk(town, run, arguments, order):
    result = run(*arguments, "--no-wait")
    assert result.exit_code == 0, result.output
    command = town.db.scalars(select(Command).order_by(Command.id.desc())).first()
    assert command.order is order


def test_the_password_is_not_a_setting(run):
    result = run("set", "CP-01", "AuthorizationKey", "x", "--no-wait")
    assert result.exit_code == 1
    assert "Setup page" in result.output


def test_onboarding_is_shown_and_said(town, run):
    assert json.loads(run("onboarding", "CP-01").output) == {}
    said = json.loads(run("onboarding", "CP-01", "--proposed").output)
    assert said["settings"]["TransactionMessageAttempts"] == ">=10"
    assert json.loads(run("onboarding", "CP-01", "--set", '{"read": true}').output) == {
        "read": True
    }
    assert run("onboarding", "CP-01", "--set", "nonsense").exit_code == 1
