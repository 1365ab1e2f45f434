"""Sessions as the CSMS believes them, taps, and the orders that wait for nobody."""

from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from app.api.charging import sessions
from app.api.commands import _waiting
from app.domain.access import tags
from app.domain.commands import commands
from app.domain.commands.command_rules import as_it_stands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Outcome
from app.models import ChargingSession, Command
from app.queries.access.tags import of_token
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network


@pytest.fixture
def online(api):
    """The id of a station that a living worker holds."""
    return api.get("/stations?connected=true")["items"][0]["id"]


@pytest.fixture
def offline(api):
    """The id of a station that is not connected."""
    return api.get("/stations?connected=false")["items"][0]["id"]


def test_the_newest_session_of_a_station_comes_first(api, made, db):
    number = made.sessions["finished"].station_id
    query = select(func.max(ChargingSession.id)).where(ChargingSession.station_id == number)
    told = api.get(f"/stations/{number}/transactions?limit=1")["items"]
    assert [row["id"] for row in told] == [db.scalar(query)]


def test_open_sessions_are_found_by_id_tag(api, db):
    running = api.get("/sessions?state=charging")["items"]
    assert running
    tag = running[0]["id_tag"]
    told = api.every(f"/sessions?state=charging&id_tag={tag.lower()}")
    assert told and all(row["id_tag"] == tag and row["ended_at"] is None for row in told)


def test_sessions_are_counted(api):
    every = api.every("/sessions")
    assert api.get("/sessions/count") == {"count": len(every), "exact": True}
    some = every[0]
    same = [
        row
        for row in every
        if (row["station_id"], row["id_tag"]) == (some["station_id"], some["id_tag"])
    ]
    query = f"station_id={some['station_id']}&id_tag={some['id_tag']}"
    assert api.get(f"/sessions/count?{query}") == {"count": len(same), "exact": True}
    path = f"/stations/{some['station_id']}/transactions/count?id_tag={some['id_tag']}"
    assert api.get(path) == {"count": len(same), "exact": True}


def test_a_count_says_that_there_are_more(api, monkeypatch):
    every = len(api.every("/sessions"))
    monkeypatch.setattr(sessions, "MOST_COUNTED", every)
    assert api.get("/sessions/count") == {"count": every, "exact": True}
    monkeypatch.setattr(sessions, "MOST_COUNTED", every - 1)
    assert api.get("/sessions/count") == {"count": every - 1, "exact": False}


def test_one_session_tells_its_end_as_the_charger_gave_it(api, made):
    session = made.sessions["finished"]
    told = api.get(f"/sessions/{session.id}")
    assert told["id_tag"] == session.token
    assert told["transaction_id"] == session.transaction_ref
    assert told["stop_reason_given"] == session.stop_word
    assert told["stop_reason"] == session.stop_reason.value
    assert told["meter_stop_wh"] == session.meter_stop_wh
    assert told["ended_at"].endswith("Z")
    assert told["cost_minor"] is not None
    readings = api.every(f"/sessions/{session.id}/readings")
    assert readings and readings == sorted(readings, key=lambda row: row["id"])


def test_a_stale_session_is_closed_once(api, db):
    number = api.get("/sessions?state=charging")["items"][0]["id"]
    assert api.post(f"/sessions/{number}/close", {}, 422)["field"] == "remark"
    told = api.post(f"/sessions/{number}/close", {"remark": "It was replaced."}, 200)
    assert (told["state"], told["provisional"]) == ("ended", True)
    again = api.post(f"/sessions/{number}/close", {"remark": "Again."}, 409)
    assert again["code"] == "conflict"


def test_taps_are_told_with_verdict_and_reason(api):
    taps = api.every("/authorisations")
    assert taps
    verdict = taps[0]["verdict"]
    some = api.every(f"/authorisations?verdict={verdict}")
    assert some == [tap for tap in taps if tap["verdict"] == verdict]
    assert all(tap["sentence"] and tap["reason"] for tap in taps)


# ---- orders ----

UNLOCK = {"order": "unlock", "arguments": {"connector": 1}}


def test_an_order_is_taken_at_once_and_has_an_address(api, online, db):
    told = api.post(f"/stations/{online}/orders", UNLOCK, 202)
    assert (told["state"], told["settled"]) == ("queued", False)
    assert api.answer.headers["Location"] == f"/api/v1/orders/{told['id']}"
    assert api.get(f"/orders/{told['id']}") == told
    assert api.get(f"/stations/{online}/orders?limit=1")["items"] == [told]
    assert db.get(Command, told["id"]).requested_by == "Otto Olsen (test)"


def test_a_station_that_is_not_connected_is_a_404_with_a_reason(api, offline):
    for path, sent in (
        (f"/stations/{offline}/orders", UNLOCK),
        (f"/stations/{offline}/connectors/1/unlock", {}),
    ):
        assert api.post(path, sent, 404)["code"] == "not_connected"
    assert api.post("/stations/999999/orders", UNLOCK, 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "order"),
        ({"order": "dance"}, "order"),
        ({"order": "unlock", "action": "Reset"}, "order"),
        ({"order": "unlock", "payload": {}}, "payload"),
        ({"order": "unlock", "arguments": {}}, "arguments.connector"),
        ({"order": "unlock", "arguments": {"connector": 1, "colour": 2}}, "arguments.colour"),
        ({"action": "Reset", "payload": []}, "payload"),
        ({"order": "unlock", "arguments": {"connector": 1}, "expires_in_s": 0}, "expires_in_s"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_its_field(api, online, sent, field):
    assert api.post(f"/stations/{online}/orders", sent, 422)["field"] == field


def test_a_raw_order_keeps_exactly_the_members_given(api, online, db):
    payload = {"connectorId": 99, "odd": [1, 2.5, None, {"x": "ü"}]}
    sent = {"action": "UnlockConnector", "payload": payload, "check": False}
    told = api.post(f"/stations/{online}/orders", sent, 202)
    assert told["order"] == "raw"
    assert db.get(Command, told["id"]).arguments["payload"] == payload


def test_a_secret_in_an_order_is_not_told(api, online, db):
    arguments = {"key": "WifiPassword", "value": "Canary-77"}
    told = api.post(
        f"/stations/{online}/orders", {"order": "change_setting", "arguments": arguments}, 202
    )
    assert "Canary-77" not in str(told)
    assert db.get(Command, told["id"]).arguments["value"] == "Canary-77"


def test_the_key_of_a_file_is_not_told(api, online, db, now):
    payload = {"location": "https://desk.example/u/" + "k" * 43, "note": "/u/short"}
    sent = {"action": "GetDiagnostics", "payload": payload}
    told = api.post(f"/stations/{online}/orders", sent, 202)
    assert "kkkk" not in str(api.get(f"/orders/{told['id']}"))
    assert told["arguments"]["payload"]["note"] == "/u/short"


def test_an_error_of_the_charger_is_told_with_its_code(api, online, db, now):
    told = api.post(f"/stations/{online}/orders", UNLOCK, 202)
    answer = {"errorCode": "InternalError", "errorDescription": "stuck", "errorDetails": {}}
    row = lone.claim(db, told["id"], "seed", now=now)
    commands.settle(db, row, Outcome(CommandState.FAILED, answer, "It failed."), now=now)
    db.commit()
    told = api.get(f"/orders/{told['id']}?wait=5")
    assert (told["state"], told["settled"]) == ("failed", True)
    assert (told["error_code"], told["error_description"]) == ("InternalError", "stuck")


def test_the_end_that_is_told_is_the_answer_and_the_row_is_not_asked(app, api, online, db):
    told = api.post(f"/stations/{online}/orders", UNLOCK, 202)
    command = db.get(Command, told["id"])
    queued = SimpleNamespace(state=command.state)
    row = {**as_it_stands(command), "state": "accepted", "settled_at": "2026-03-02T09:00:00+00:00"}
    with _waiting.place() as place:
        place.expect(command.id)
        app.extensions["ends"].deliver(command.id, row)
        found = place.settled(5, queued)
    assert (found.state, found.settled_at.hour) == (CommandState.ACCEPTED, 9)
    assert db.get(Command, told["id"], populate_existing=True).state is CommandState.QUEUED


def test_when_too_many_wait_nothing_is_asked(api, online, db, monkeypatch):
    monkeypatch.setattr(_waiting, "MOST_AT_ONCE", 0)
    before = db.scalar(select(func.count(Command.id)))
    told = api.post(f"/stations/{online}/orders?wait=5", UNLOCK, 503)
    assert (told["code"], api.answer.headers["Retry-After"]) == ("unavailable", "5")
    api.post(f"/stations/{online}/connectors/1/unlock", status=503)
    assert db.scalar(select(func.count(Command.id))) == before


def test_every_typed_order_is_told_of(api):
    told = {row["order"]: row for row in api.get("/orders/kinds")["orders"]}
    assert {Order.UNLOCK.value, Order.RESET.value, Order.RAW.value} <= set(told)
    assert told["unlock"]["arguments"][0]["name"] == "connector"


@pytest.mark.parametrize("typed, found", [(" 04:a2:19:b0", [0, 1]), ("04A219B0", [2]), ("ff", [3])])
def test_sessions_are_found_by_a_tag_as_it_was_shown_whether_it_is_listed_or_not(
    any_app, typed, found
):
    with unit_of_work() as db:
        net = network(db)
        listed = tags.add(db, SYSTEM, net.site.tenant_id, now=STARTED, value="04:A2:19:B0")
        shown = [
            ("04:A2:19:B0", listed.id),
            ("04:a2:19:b0", None),
            ("04A219B0", listed.id),
            ("FF", None),
        ]
        rows = [net.session(token=token, tag_id=number).id for token, number in shown]
        query = select(ChargingSession.id).where(of_token(ChargingSession, typed))
        assert db.scalars(query.order_by(ChargingSession.id)).all() == [rows[at] for at in found]
