"""Broadcasts over the API: to whom they go, how they end, who may stop them."""

from sqlalchemy import select

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Outcome
from app.domain.office import api_tokens
from app.models import BroadcastTarget, Command
from app.tasks.sweeps import advance_broadcasts
from tests.api.client import Api
from tests.support import lone

CLEAR = {"order": "clear_cache"}


def settle(db, now, state=CommandState.ACCEPTED):
    """Let every station that was asked answer."""
    for number in db.scalars(select(BroadcastTarget.command_id)).all():
        row = number and db.get(Command, number)
        if row is not None and row.state is CommandState.QUEUED:
            lone.claim(db, row.id, "seed", now=now)
            commands.settle(db, row, Outcome(state, {"status": "x"}, "Answered."), now=now)
    db.commit()
    advance_broadcasts()


def test_an_order_goes_to_those_that_a_filter_finds(api, db, now):
    online = [row["id"] for row in api.every("/stations?connected=true")]
    told = api.post("/broadcasts", {**CLEAR, "connected": True, "at_once": 500}, 202)
    where = f"/broadcasts/{told['id']}"
    assert api.answer.headers["Location"] == f"/api/v1{where}"
    assert (told["state"], sum(told["tally"].values())) == ("running", len(online))
    settle(db, now)
    told = api.get(where)
    assert (told["state"], told["tally"]) == ("done", {"accepted": len(online)})
    rows = api.every(f"{where}/stations")
    assert [row["station_id"] for row in rows] == online
    assert api.get(f"/orders/{rows[0]['order_id']}")["state"] == "accepted"


def test_who_is_not_connected_is_skipped(api):
    station = api.get("/stations?connected=false")["items"][0]["id"]
    told = api.post("/broadcasts", {**CLEAR, "station_ids": [station]}, 202)
    assert (told["state"], told["tally"]) == ("done", {"skipped": 1})
    (row,) = api.get(f"/broadcasts/{told['id']}/stations")["items"]
    assert "not connected" in row["sentence"]


def test_a_broadcast_is_cancelled_and_repeated(api, db, now):
    told = api.post("/broadcasts", {**CLEAR, "connected": True, "at_once": 1}, 202)
    where = f"/broadcasts/{told['id']}"
    assert api.post(f"{where}/retry", status=409)["code"] == "conflict"
    assert api.post(f"{where}/cancel", status=200)["state"] == "cancelled"
    settle(db, now)
    again = api.post(f"{where}/retry", status=202)
    assert again["id"] != told["id"]


def test_an_order_for_one_station_is_no_broadcast(api):
    sent = {"order": "start_charging", "arguments": {"token": "04AA"}}
    assert api.post("/broadcasts", sent, 422)["field"] == "order"
    assert api.post("/broadcasts", {**CLEAR, "station_ids": [999_999]}, 422)["field"]
    assert api.post("/broadcasts", {}, 422)["field"] == "order"


def test_a_token_of_some_sites_stops_no_broadcast_of_others(app, api, db, made, now):
    told = api.post("/broadcasts", {**CLEAR, "connected": True, "at_once": 1}, 202)
    person = made.people["admin"]
    person.sites = [made.stations["CP-01"].site]
    _, secret = api_tokens.issue(db, SYSTEM, person, name="near", now=now)
    db.commit()
    near = Api(app, secret)
    near.post(f"/broadcasts/{told['id']}/cancel", status=403)
