"""Alerts and webhooks on the desk, by the API and by the command line: the same operations."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from app.models import (
    Alert,
    AlertRule,
    AuditEntry,
    Station,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerNode,
)
from app.tasks.alerts import watch
from tests.support import seed

RULE = {"name": "Gone", "kind": "station_offline", "minutes": "0", "mail_to": "a@example.org"}
HOOK = {"name": "Portal", "url": "https://example.com/hook", "events": ["session.ended"]}


@pytest.fixture
def made(app):
    """A whole network, with a station that is gone."""
    db = flask_db.session()
    made, now = seed.fill(db, seed.lately(), history=0), datetime.now(UTC)
    station = db.scalars(select(Station).where(Station.connection_id.is_not(None))).first()
    station.connection_id, station.disconnected_at = None, now - timedelta(hours=1)
    db.execute(update(WorkerNode).values(beat_at=now + timedelta(minutes=5)))
    db.commit()
    return made


@pytest.fixture
def desk(app, made):
    def sign_in(role="admin"):
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = seed.cookie_of(made.people[role].id), True
        return client

    return sign_in


@pytest.fixture
def call(app, made):
    """Ask the API as an admin."""
    db = flask_db.session()
    _, secret = api_tokens.issue(
        db, SYSTEM, made.people["admin"], name="script", now=datetime.now(UTC)
    )
    db.commit()
    client = app.test_client()

    def ask(method, path, **given):
        headers = {"Authorization": f"Bearer {secret}"}
        return client.open(f"/api/v1{path}", method=method, headers=headers, **given)

    return ask


@pytest.fixture
def flask_(app, made):
    runner = app.test_cli_runner()

    def run(*words, fails=False):
        result = runner.invoke(args=list(words))
        assert (result.exit_code != 0) is fails, result.output
        return result.output

    return run


def only(model):
    flask_db.session.rollback()
    return flask_db.session.scalars(select(model)).one()


def an_alert():
    watch()
    flask_db.session.rollback()
    return flask_db.session.scalars(select(Alert).order_by(Alert.id)).first()


def test_a_rule_is_added_on_the_desk_and_finds_what_is_there(desk):
    admin = desk()
    assert admin.post("/alerts/rules/new", data=RULE).status_code == 303
    rule = only(AlertRule)
    assert (rule.minutes, rule.mail_to) == (0, ["a@example.org"])
    alert = an_alert()
    listed = admin.get("/alerts").text
    assert alert.what in listed
    assert "A station is offline" in listed
    shown = admin.get(f"/alerts/{alert.id}").text
    assert "Alert opened" in shown
    assert "E-mail sent" in shown


def test_a_new_rule_mails_whoever_adds_it_unless_they_say_otherwise(desk, made):
    admin, mine = desk(), made.people["admin"].email
    assert f"{mine}</textarea>" in admin.get("/alerts/rules/new").text
    admin.post("/alerts/rules/new", data={**RULE, "mail_to": ""})
    assert only(AlertRule).mail_to == []


def test_what_is_not_asked_of_a_kind_is_not_taken(desk, made):
    admin, site = desk(), str(made.sites["Depot Nord"].id)
    typed = {**RULE, "minutes": "5", "days": "7", "site_ids": site}
    for kind, minutes, days, sites in (
        ("station_offline", 5, None, 1),
        ("token_expiring", 0, 7, 0),
        ("certificate_expiring", 0, 7, 1),
        ("no_worker", 5, None, 0),
    ):
        given = {**typed, "name": kind, "kind": kind}
        assert admin.post("/alerts/rules/new", data=given).status_code == 303, kind
        flask_db.session.rollback()
        rule = flask_db.session.scalars(select(AlertRule).filter_by(name=kind)).one()
        assert (rule.minutes, rule.days, len(rule.sites)) == (minutes, days, sites), kind
    assert "7 days before" in admin.get("/alerts/rules").text


def test_only_beside_a_rule_for_some_sites_is_one_for_all_others(desk, made):
    admin = desk()
    admin.post("/alerts/rules/new", data=RULE)
    assert "all sites" in admin.get("/alerts/rules").text
    some = {**RULE, "name": "There", "site_ids": str(made.sites["Depot Nord"].id)}
    admin.post("/alerts/rules/new", data=some)
    assert "all other sites" in admin.get("/alerts/rules").text


def test_a_rule_that_cannot_be_is_said_beside_its_field(desk):
    answer = desk().post("/alerts/rules/new", data={**RULE, "mail_to": "nobody"})
    assert answer.status_code == 422
    assert "“nobody” is not an e-mail address." in answer.text
    assert "nobody</textarea>" in answer.text


def test_an_alert_is_acknowledged_assigned_snoozed_and_noted(desk, made):
    desk().post("/alerts/rules/new", data=RULE)
    alert, operator = an_alert(), desk("operator")
    person = made.people["operator"]
    assert operator.post(f"/alerts/{alert.id}/acknowledge").status_code == 303
    given = {"assigned_to": str(person.id), "snooze": "4", "note": "At noon."}
    assert operator.post(f"/alerts/{alert.id}/edit", data=given).status_code == 303
    flask_db.session.rollback()
    alert = flask_db.session.get(Alert, alert.id)
    assert (alert.acknowledged_by, alert.assigned_to_id) == (person.name, person.id)
    assert alert.snoozed_until > datetime.now(UTC) + timedelta(hours=3)
    assert alert.note == "At noon."
    assert "At noon." in operator.get("/alerts?mine=yes").text
    viewer = desk("viewer")
    assert viewer.get(f"/alerts/{alert.id}").status_code == 200
    assert viewer.post(f"/alerts/{alert.id}/acknowledge").status_code == 403


def test_an_alert_is_closed_by_hand_with_a_note(desk, made):
    desk().post("/alerts/rules/new", data=RULE)
    alert, operator = an_alert(), desk("operator")
    assert "Close by hand" in operator.get(f"/alerts/{alert.id}").text
    place = f"/alerts/{alert.id}/close"
    assert operator.post(place, data={"note": "x" * 501}).status_code == 422
    assert operator.post(place, data={"note": "In store."}).status_code == 303
    shown = operator.get(f"/alerts/{alert.id}").text
    assert "Closed by hand" in shown
    assert "In store." in shown
    assert "Close by hand" not in shown
    assert "closed already" in operator.post(place, follow_redirects=True).text
    assert desk("viewer").post(place).status_code == 403


def test_many_alerts_are_acknowledged_at_once(desk):
    admin = desk()
    admin.post("/alerts/rules/new", data=RULE)
    an_alert()
    ids = flask_db.session.scalars(select(Alert.id)).all()
    answer = admin.post("/alerts/bulk", data={"action": "acknowledge", "ids": ids})
    assert answer.status_code == 303
    flask_db.session.rollback()
    assert all(one.acknowledged_at for one in flask_db.session.scalars(select(Alert)))
    assert admin.post("/alerts/bulk", data={"action": "eat", "ids": ids}).status_code == 400
    assert admin.post("/alerts/bulk", data={"action": "close", "all": "1"}).status_code == 303
    flask_db.session.rollback()
    assert all(one.closed_by for one in flask_db.session.scalars(select(Alert)))


def test_the_list_is_narrowed_and_exported(desk):
    admin = desk()
    admin.post("/alerts/rules/new", data=RULE)
    alert = an_alert()
    for query in ("kind=station_offline", "state=all", "acknowledged=no", f"q={alert.what[:4]}"):
        assert alert.what in admin.get(f"/alerts?{query}").text
    for query in ("kind=no_worker", "state=closed", "acknowledged=yes", "mine=yes", "q=zzzz"):
        assert alert.what not in admin.get(f"/alerts?{query}").text
    assert alert.what in admin.get("/alerts?format=csv").text


def test_a_webhook_shows_its_secret_once_and_never_again(desk):
    admin = desk()
    answer = admin.post("/webhooks/new", data=HOOK)
    shown = admin.get(answer.headers["Location"]).text
    assert "whsec_" in shown
    assert "whsec_" not in desk().get(answer.headers["Location"]).text
    assert "whsec_" not in admin.get("/webhooks").text


def test_a_webhook_is_tested_rotated_switched_and_put_away(desk):
    admin = desk()
    place = admin.post("/webhooks/new", data=HOOK).headers["Location"]
    old = only(WebhookEndpoint).secret
    assert admin.post(f"{place}/test").status_code == 303
    assert only(WebhookDelivery).event == "webhook.test"
    assert "webhook.test" in admin.get(place).text
    assert admin.post(f"{place}/rotate").status_code == 303
    assert only(WebhookEndpoint).old_secret == old
    for word in ("disable", "enable", "archive", "restore"):
        assert admin.post(f"{place}/{word}").status_code == 303
        assert admin.get(place).status_code == 200
    actions = flask_db.session.scalars(select(AuditEntry.action)).all()
    assert [action for action in actions if action.startswith("webhook.")] == [
        *("webhook.add", "webhook.test", "webhook.rotate", "webhook.disable"),
        *("webhook.enable", "webhook.archive", "webhook.restore"),
    ]


def test_an_address_that_is_none_is_said_beside_its_field(desk):
    answer = desk().post("/webhooks/new", data={**HOOK, "url": "http://example.com"})
    assert answer.status_code == 422
    assert "The address must begin with https://." in answer.text


def test_only_admins_come_to_webhooks(desk):
    for role in ("operator", "viewer"):
        assert desk(role).get("/webhooks").status_code == 403


def test_the_api_does_all_of_it(call):
    rule = {**RULE, "minutes": 0, "mail_to": ["a@example.org"]}
    made = call("POST", "/alert-rules", json=rule)
    assert made.status_code == 201, made.json
    place = f"/alert-rules/{made.json['id']}"
    assert call("PATCH", place, json={"escalate_after": 5}).status_code == 422
    changed = call("PATCH", place, json={"escalate_after": 5, "escalate_to": ["b@example.org"]})
    assert changed.json["escalate_to"] == ["b@example.org"]
    assert call("POST", "/alert-rules", json={**rule, "name": "Twin"}).status_code == 409
    alert = an_alert()
    listed = call("GET", "/alerts?state=open&kind=station_offline").json["items"]
    assert alert.id in {one["id"] for one in listed}
    assert call("POST", f"/alerts/{alert.id}/acknowledge").json["acknowledged_by"]
    noted = call("PATCH", f"/alerts/{alert.id}", json={"note": "At noon."})
    assert noted.json["note"] == "At noon."
    assert call("PATCH", f"/alerts/{alert.id}", json={"assigned_to_id": 999}).status_code == 422
    closed = call("POST", f"/alerts/{alert.id}/close", json={"note": "In store."})
    assert (closed.json["closed_by"], closed.json["note"]) == (
        noted.json["acknowledged_by"],
        "In store.",
    )
    assert call("POST", f"/alerts/{alert.id}/close").status_code == 409
    token = {"name": "Tokens", "kind": "token_expiring", "days": 7}
    assert call("POST", "/alert-rules", json=token).json["days"] == 7
    assert call("POST", f"{place}/archive").status_code == 200
    an_alert()
    assert all(
        one["closed_at"] for one in call("GET", "/alerts?kind=station_offline").json["items"]
    )


def test_the_api_manages_webhooks_and_tells_a_secret_once(call):
    made = call("POST", "/webhooks", json=HOOK)
    assert made.status_code == 201, made.json
    assert made.json["secret"].startswith("whsec_")
    place = f"/webhooks/{made.json['id']}"
    assert "secret" not in call("GET", place).json
    tested = call("POST", f"{place}/test")
    assert (tested.status_code, tested.json["state"]) == (202, "queued")
    (delivery,) = call("GET", f"{place}/deliveries").json["items"]
    assert json.loads(delivery["body"])["type"] == "webhook.test"
    assert call("POST", f"{place}/deliveries/{delivery['id']}/replay").status_code == 409
    assert call("POST", f"{place}/rotate").json["secret"] != made.json["secret"]
    assert call("PATCH", place, json={"events": ["weather"]}).status_code == 422
    assert call("PATCH", place, json={"url": "https://[::1/"}).status_code == 422
    assert call("POST", f"{place}/disable").json["disabled_at"]
    assert call("POST", f"{place}/test").status_code == 409
    assert call("POST", f"{place}/archive").json["archived_at"]
    assert not call("GET", "/webhooks").json["items"]


def test_the_command_line_does_the_same(flask_):
    said = flask_("alert-rule", "add", "Gone", "--kind", "station_offline", "--minutes", "0")
    assert said == "Added the alert rule Gone (station_offline).\n"
    alert = an_alert()
    assert alert.what.split()[0] in flask_("alert", "list")
    flask_("alert", "acknowledge", str(alert.id))
    flask_("alert", "edit", str(alert.id), "--note", "At noon.", "--snooze", "2")
    shown = json.loads(flask_("alert", "show", str(alert.id), "--json"))
    assert (shown["note"], shown["acknowledged_by"]) == ("At noon.", "command line")
    assert (
        flask_("alert", "close", str(alert.id), "--note", "Sold.") == f"Closed alert {alert.id}.\n"
    )
    assert json.loads(flask_("alert", "show", str(alert.id), "--json"))["note"] == "Sold."
    flask_("alert-rule", "edit", "gone", "--mail-to", "a@example.org", "--minutes", "5")
    assert only(AlertRule).mail_to == ["a@example.org"]
    flask_("alert-rule", "add", "Tokens", "--kind", "token_expiring", "--days", "7")
    assert "no alert 999" in flask_("alert", "show", "999", fails=True)


def test_webhooks_on_the_command_line(flask_):
    words = ("webhook", "add", "Portal", "https://example.com/hook", "--event", "bill.issued")
    assert flask_(*words).startswith("whsec_")
    flask_("webhook", "edit", "Portal", "--event", "bill.issued", "--event", "bill.held")
    assert list(only(WebhookEndpoint).events) == ["bill.issued", "bill.held"]
    flask_("webhook", "test", "portal")
    (listed,) = json.loads(flask_("webhook", "deliveries", "Portal", "--json"))
    assert listed["event"] == "webhook.test"
    assert "on its way" in flask_("webhook", "replay", str(listed["id"]), fails=True)
    assert flask_("webhook", "rotate", "Portal").startswith("whsec_")
    flask_("webhook", "archive", "Portal")
    assert json.loads(flask_("webhook", "list", "--json"))[0]["archived_at"]
