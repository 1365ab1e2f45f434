"""The page that says what a station gets by itself after a boot."""

from tests.support.device_pages import town

__all__ = ["town"]


def address(town):
    return f"/stations/{town.old.id}/onboarding"


def test_nothing_is_ticked_until_somebody_does(town):
    text = town.client("operator").get(address(town)).text
    assert " checked" not in text
    assert "is sent nothing automatically" in text


def test_what_is_ticked_and_written_is_kept(town):
    client = town.client("operator")
    data = {"read": "y", "status": "y", "settings": "A = 1\n\nB = >=10\nC ="}
    assert client.post(address(town), data=data).status_code == 303
    town.db.expire_all()
    assert town.old.onboarding == {
        "read": True,
        "triggers": ["status"],
        "settings": {"A": "1", "B": ">=10", "C": ""},
    }
    text = client.get(address(town)).text
    assert "B = &gt;=10" in text
    setup = client.get(f"/stations/{town.old.id}/setup").text
    assert "Sent automatically: read, triggers, settings." in setup


def test_proposed_settings_are_filled_in_and_not_yet_kept(town):
    text = town.client("operator").get(f"{address(town)}?proposed=1").text
    assert "TransactionMessageAttempts = &gt;=10" in text
    town.db.expire_all()
    assert town.old.onboarding == {}


def test_a_line_that_cannot_be_read_says_why(town):
    answer = town.client("operator").post(address(town), data={"settings": "nonsense"})
    assert answer.status_code == 422
    assert "should look like name = value" in answer.text


def test_a_secret_is_refused(town):
    data = {"settings": "AuthorizationKey = x"}
    assert town.client("operator").post(address(town), data=data).status_code == 422


def test_a_viewer_changes_nothing(town):
    assert town.client("viewer").get(address(town)).status_code == 200
    assert town.client("viewer").post(address(town), data={}).status_code == 403


def test_what_is_out_of_reach_is_not_found(town):
    url = address(town)
    client = town.far()
    assert client.get(url).status_code == 404
    assert client.post(url, data={}).status_code == 404
