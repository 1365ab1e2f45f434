"""One action on many rows: by their numbers or by the filter of their list, each refusal told."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import Alert, Command, Receipt, Station
from tests.api.client import Api
from tests.security import furniture
from tests.support.by_hand import Network


def ids(api, path):
    return [row["id"] for row in api.every(path)]


def test_tags_are_blocked_by_number_and_what_is_not_there_is_told(api):
    first, second, *_ = ids(api, "/tags")
    told = api.post("/tags/bulk", {"action": "block", "ids": [first, second, 999_999]}, 200)
    assert (told["found"], told["changed"]) == (2, 2)
    assert told["refused"] == [{"name": "999999", "why": "There is no such row."}]
    assert {api.get(f"/tags/{number}")["status"] for number in (first, second)} == {"blocked"}


def test_tags_are_put_into_a_group_and_out_of_it(api, db):
    (number, *_), group = ids(api, "/tags"), api.post("/tag-groups", {"name": "Fleet"}, 201)["id"]
    wanted = {"action": "group", "ids": [number]}
    for group_id in (group, None):
        told = api.post("/tags/bulk", {**wanted, "group_id": group_id}, 200)
        assert (told["changed"], told["refused"]) == (1, [])
        assert api.get(f"/tags/{number}")["group_id"] == group_id
    wanted = {"action": "block", "ids": [number], "group_id": group}
    assert api.post("/tags/bulk", wanted, 422)["field"] == "group_id"


def test_drivers_are_put_away_and_taken_back_by_a_filter(api):
    there = ids(api, "/drivers")
    gone = api.post("/drivers/bulk", {"action": "archive", "filter": {}}, 200)
    assert (gone["found"], gone["changed"]) == (len(there), len(there))
    assert not ids(api, "/drivers")
    back = {"action": "restore", "filter": {"archived": True}}
    assert api.post("/drivers/bulk", back, 200)["changed"] == len(there)
    assert ids(api, "/drivers") == there


def test_stations_of_a_filter_are_put_away(admin_api, db):
    station = db.scalars(select(Station).where(Station.connection_id.is_(None))).first()
    sent = {"action": "archive", "filter": {"identity": station.identity}}
    assert admin_api.post("/stations/bulk", sent, 200)["changed"] == 1
    assert admin_api.get(f"/stations/{station.id}")["archived_at"]


def test_receipts_are_sent_again_and_those_that_cannot_be_say_why(api, db):
    bills = ids(api, "/bills")
    told = api.post("/bills/bulk", {"action": "resend", "ids": bills}, 200)
    assert told["changed"] + len(told["refused"]) == db.query(Receipt).count()
    assert all(one["name"] and one["why"] for one in told["refused"])


def test_alerts_are_put_off_and_closed(admin_api, api, db, made, now):
    furniture.furnish(db, made.people["admin"].tenant_id, now)
    db.commit()
    open_ = ids(api, "/alerts?state=open")
    until = (now + timedelta(hours=4)).isoformat()
    snooze = {"action": "snooze", "ids": open_, "until": until}
    assert api.post("/alerts/bulk", snooze, 200)["changed"] == len(open_) > 0
    close = {"action": "close", "filter": {"state": "open"}}
    assert api.post("/alerts/bulk", close, 200)["changed"] == len(open_)
    db.expire_all()
    assert all(alert.closed_at for alert in db.scalars(select(Alert)))


def test_orders_are_repeated_and_what_is_under_way_is_refused(api, db):
    asked = ids(api, f"/stations/{db.scalars(select(Command.station_id)).first()}/orders")
    told = api.post("/orders/bulk", {"action": "repeat", "ids": asked}, 200)
    assert told["changed"] + len(told["refused"]) == len(asked)


@pytest.mark.parametrize("noun", ["sessions", "reviews"])
def test_money_asks_for_a_reason(api, noun):
    action = {"sessions": "recount", "reviews": "approve"}[noun]
    sent = {"action": action, "filter": {}}
    assert api.post(f"/{noun}/bulk", sent, 422)["field"] == "note"
    assert api.post(f"/{noun}/bulk", {**sent, "note": "Checked."}, 200)["found"] >= 0


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"action": "block"}, "ids"),
        ({"action": "block", "ids": [1], "filter": {}}, "ids"),
        ({"action": "eat", "ids": [1]}, "action"),
        ({"action": "block", "filter": {"colour": "red"}}, "filter"),
        ({"action": "block", "filter": {"q": 5}}, "filter.q"),
    ],
)
def test_what_cannot_be_meant_is_refused(api, sent, field):
    assert api.post("/tags/bulk", sent, 422)["field"].startswith(field)


def test_an_action_is_told_where_there_is_but_one(api):
    told = api.post("/bills/bulk", {"action": "eat", "ids": [1]}, 422)
    assert told["detail"] == "action must be one of: resend."


def test_nobody_changes_more_than_is_weighed_at_once(api):
    sent = {"action": "resend", "ids": list(range(1, 20_002))}
    assert api.post("/bills/bulk", sent, 422)["field"] == "ids"


def test_rows_of_others_are_not_there(admin_api, db, now):
    theirs = Network(db, now, "Elsewhere").station("THEIRS-1", online=False)
    db.commit()
    sent = {"action": "archive", "ids": [theirs.id]}
    told = admin_api.post("/stations/bulk", sent, 200)
    assert (told["found"], told["changed"]) == (0, 0)
    db.refresh(theirs)
    assert theirs.archived_at is None


def test_whoever_may_only_look_changes_nothing(app, secret_of):
    viewer = Api(app, secret_of("viewer"))
    viewer.post("/tags/bulk", {"action": "block", "filter": {}}, 403)


def test_what_belongs_to_another_action_is_refused_and_nothing_of_it_is_nothing(api):
    wanted = {"action": "close", "ids": [999_999]}
    told = api.post("/alerts/bulk", {**wanted, "until": "2030-01-01T00:00:00Z"}, 422)
    assert told["field"] == "until"
    assert api.post("/alerts/bulk", {**wanted, "until": None}, 200)["changed"] == 0
