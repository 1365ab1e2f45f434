"""Commands on the desk: given in place or by plain forms, followed, listed, repeated."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.cli.commands._asking import EXITS
from app.domain.commands import commands, orders
from app.domain.ground.vocabulary import (
    FAILURES,
    OPEN_STATES,
    SYSTEM,
    CommandState,
    Order,
    Outcome,
)
from app.models import AuditEntry, Command
from app.queries.commands import commands as queries
from tests.support import lone, seed
from tests.support.online import made, now

__all__ = ["made", "now"]

HTMX = {"HX-Request": "true"}


def address(made, identity="CP-03"):
    return f"/stations/{made.stations[identity].id}/commands"


def newest(db):
    db.expire_all()
    return db.scalar(select(Command).order_by(Command.id.desc()).limit(1))


def test_a_button_answers_at_once_with_the_row_of_the_command(db, made, operator):
    answer = operator.post(address(made), data={"order": "unlock", "connector": "2"}, headers=HTMX)
    assert answer.status_code == 202
    command = newest(db)
    assert (command.order, command.arguments) == (Order.UNLOCK, {"connector": 2})
    assert command.requested_by == "Otto Olsen"
    text = answer.text
    assert text.strip().startswith(f'<li id="command-{command.id}"')
    assert f'data-live="command:{command.id}"' in text, "it follows its own state"
    assert "<html" not in text


def test_without_javascript_the_browser_is_sent_on(db, made, operator):
    answer = operator.post(address(made), data={"order": "reset", "kind": "soft"})
    assert answer.status_code == 303
    assert answer.location == f"{address(made)}#command-{newest(db).id}"
    assert "Soft reset" in operator.get(answer.location).text


def test_every_order_is_in_the_audit(db, made, operator):
    operator.post(address(made), data={"order": "clear_cache"})
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "station.command")).one()
    assert (entry.actor, entry.note) == ("Otto Olsen", "Clear the tag cache")


def test_an_offline_station_is_404_and_says_so(db, made, operator):
    before = newest(db).id
    for headers in ({}, HTMX):
        answer = operator.post(
            address(made, "CP-06"), data={"order": "clear_cache"}, headers=headers
        )
        assert answer.status_code == 404
        text = answer.text
        assert "CP-06 is not connected, so nothing was sent." in text
    assert newest(db).id == before


def test_a_form_that_cannot_be_sent_says_why_beside_its_field(made, operator):
    answer = operator.post(address(made), data={"order": "start_charging", "connector": "1"})
    assert answer.status_code == 422
    text = answer.text
    assert 'id="start_charging-token-error"' in text
    assert 'id="order-start_charging" name="orders" open' in text


def test_an_order_that_does_not_exist_is_refused(made, operator):
    assert operator.post(address(made), data={"order": "explode"}).status_code == 400


def test_only_what_the_station_understands_is_offered(db, made, operator):
    made.stations["CP-03"].supported_orders = ["unlock"]
    db.commit()
    text = operator.get(address(made)).text
    assert 'id="order-unlock"' in text
    assert 'id="order-reset"' not in text
    live = operator.get(f"/stations/{made.stations['CP-03'].id}").text
    assert "Hard reset" not in live


def test_a_link_opens_the_form_it_names(made, operator):
    text = operator.get(address(made) + "?order=start_charging&connector=2").text
    assert 'id="order-start_charging" name="orders" open' in text
    assert '<option selected value="2">' in text


def test_a_row_follows_its_command_to_the_end(db, made, now, operator):
    operator.post(address(made), data={"order": "clear_cache"})
    command = newest(db)
    row = operator.get(f"/commands/{command.id}", headers=HTMX).text
    assert "queued" in row
    claimed = lone.claim(db, command.id, "w", now=datetime.now(UTC))
    outcome = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")
    commands.settle(db, claimed, outcome, now=now, latency_ms=84.0)
    db.commit()
    row = operator.get(f"/commands/{command.id}", headers=HTMX).text
    assert "The charger accepted." in row
    assert "84" in row
    assert "hx-trigger" not in row.split("<form")[0], "it is settled and asks no more"


def test_a_refused_command_can_be_asked_again(db, made, now, operator):
    operator.post(address(made), data={"order": "clear_cache"})
    first = newest(db)
    claimed = lone.claim(db, first.id, "w", now=datetime.now(UTC))
    commands.settle(db, claimed, Outcome(CommandState.REJECTED, None, "No."), now=now)
    db.commit()
    answer = operator.post(f"/commands/{first.id}/repeat", headers=HTMX)
    assert answer.status_code == 202
    assert newest(db).id != first.id
    assert operator.post(f"/commands/{first.id}/repeat").status_code == 303


def test_the_page_of_a_command_shows_what_went_over_the_wire(db, made, viewer):
    command = db.scalars(select(Command)).first()
    text = viewer.get(f"/commands/{command.id}").text
    assert "TriggerMessage" in text
    assert "MeterValues" in text


def test_the_list_is_narrowed_by_the_url(db, made, operator, viewer):
    operator.post(address(made), data={"order": "unlock", "connector": "1"})
    operator.post(address(made, "CP-01"), data={"order": "clear_cache"})

    def shown(query):
        text = viewer.get(f"/commands?{query}").text
        return text.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in text else ""

    assert "Unlock connector 1" in shown("order=unlock")
    assert "tag cache" not in shown("order=unlock")
    assert "tag cache" in shown(f"station={made.stations['CP-01'].id}")
    assert "Unlock" not in shown("who=Grace+Hopper")
    assert "Unlock" in shown("state=open")
    assert shown("state=failed") == ""
    assert "Unlock" not in shown("to=2020-01-01")
    assert "Unlock" in shown("q=cp-03")


def test_the_csv_is_the_filter(made, operator, viewer):
    operator.post(address(made), data={"order": "data_transfer", "vendor_id": "=evil"})
    lines = viewer.get("/commands?format=csv&order=data_transfer").text
    assert len(lines.splitlines()) == 2
    assert "Vendor message =evil" in lines


#: What no order has ever had as its arguments.
NONSENSE = ({}, [], "x", 7, {"kind": 7, "connector": [], "profile": 1})


@pytest.mark.landing
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(1, len(NONSENSE)))]
)
def test_a_stored_command_that_makes_no_sense_takes_no_page_away(db, made, now, viewer, first):
    """Each order has one kind of nonsense, and the next one another."""
    station = made.stations["CP-03"]
    when = {"requested_at": now, "expires_at": now + timedelta(minutes=1), "requested_by": "Otto"}
    whose = {"tenant_id": station.tenant_id, "station_id": station.id}
    stored = itertools.cycle((*NONSENSE[first:], *NONSENSE[:first]))
    rows = zip(Order, stored, strict=False)
    db.add_all(Command(order=order, arguments=told, **whose, **when) for order, told in rows)
    db.commit()
    pages = ["/", "/commands", "/commands?format=csv", f"/stations/{station.id}/commands"]
    pages += [f"/commands/{number}" for number in db.scalars(select(Command.id))]
    assert {path: viewer.get(path).status_code for path in pages} == dict.fromkeys(pages, 200)


def test_a_viewer_gives_no_orders(db, made, viewer):
    before = newest(db).id
    assert viewer.post(address(made), data={"order": "clear_cache"}).status_code == 403
    assert viewer.post(f"/commands/{before}/repeat").status_code == 403
    assert newest(db).id == before


def test_a_command_of_another_reach_is_not_found(app, db, made):
    person = made.people["operator"]
    person.sites.append(made.sites["City Garage"])
    db.commit()
    client = seed.signed_in(app, person)
    number, far = newest(db).id, address(made)
    # The test shares its session with the request: what it has loaded must not count.
    db.expunge_all()
    assert client.get(f"/commands/{number}").status_code == 404
    assert client.post(f"/commands/{number}/repeat").status_code == 404
    assert "CP-03" not in client.get("/commands").text
    assert client.post(far, data={"order": "clear_cache"}).status_code == 404


def test_staff_who_left_stay_named(db, made, viewer):
    station = made.stations["CP-03"]
    commands.queue(db, SYSTEM, station, Order.CLEAR_CACHE, {}, now=datetime.now(UTC), ttl_s=60)
    db.commit()
    assert "system" in viewer.get("/commands").text


def test_every_order_has_a_form_that_can_be_drawn(made, operator):
    text = operator.get(address(made)).text
    for order in orders.SPECS:
        assert f'id="order-{order.value}"' in text


def test_a_refused_form_comes_back_alone_where_it_stands(made, operator):
    data = {"order": "reserve", "connector": "1", "place": "form"}
    answer = operator.post(address(made), data=data, headers=HTMX)
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#order-reserve"
    text = answer.text
    assert 'id="reserve-token-error"' in text
    assert "<html" not in text


def test_a_raw_message_is_given_as_it_is_written(db, made, operator):
    raw = {"order": "raw", "action": "Reset", "payload": '{"type": "Purple"}', "check": "no"}
    assert operator.post(address(made), data=raw, headers=HTMX).status_code == 202
    expected = {"action": "Reset", "payload": {"type": "Purple"}, "check": False}
    assert newest(db).arguments == expected


def test_what_was_tried_before_is_on_the_page_of_a_command(db, made, operator, now):
    operator.post(address(made), data={"order": "reset", "kind": "soft"})
    command = newest(db)
    lone.claim(db, command.id, "worker-a", now=now)
    refused = {
        "words": "",
        "action": "Reset",
        "request": {"type": "Soft"},
        "answer": {"status": "Rejected"},
        "state": "rejected",
        "sentence": "The charger answered Rejected.",
        "latency_ms": 12.0,
    }
    commands.sent(db, command, None, [refused])
    db.commit()
    text = operator.get(f"/commands/{command.id}").text
    assert "First asked as written (Rejected); then as it stands above." in text
    assert "1. Reset: The charger answered Rejected." in text


LOGS = {"order": "fetch_logs", "kind": "diagnostics", "place": "form"}


def test_several_of_a_list_are_ticked(db, made, operator):
    asked = {"order": "read_monitors", "criteria": ["threshold", "periodic"]}
    operator.post(address(made), data=asked)
    assert newest(db).arguments["criteria"] == ["threshold", "periodic"]
    page = operator.get(f"{address(made)}?order=read_monitors&criteria=delta,periodic").text
    field = page[page.index('id="read_monitors-criteria-0"') - 90 :][:900]
    assert ["checked" in box for box in field.split("<input")[1:4]] == [False, True, True]


def test_a_time_is_picked_on_the_clock_of_the_site(db, made, operator):
    page = operator.get(f"{address(made)}?order=fetch_logs").text
    field = page[page.index('id="fetch_logs-oldest"') - 200 :][:600]
    assert 'type="datetime-local"' in field
    assert "On the clock of Europe/Berlin." in field
    operator.post(address(made), data={**LOGS, "oldest": "2026-07-01T08:00"})
    assert newest(db).arguments["oldest"] == "2026-07-01T06:00:00+00:00"


def test_an_hour_that_the_sites_clock_leaves_out_is_refused_beside_its_field(db, made, operator):
    answer = operator.post(address(made), data={**LOGS, "oldest": "2026-03-29T02:30"})
    assert answer.status_code == 422
    text = answer.text
    assert 'id="fetch_logs-oldest-error"' in text
    assert "There is no 02:30 on that day in Europe/Berlin" in text


def test_each_state_is_shown_in_words_and_stands_in_one_group(db, made, operator):
    for state in CommandState:
        operator.post(address(made), data={"order": "clear_cache"})
        newest(db).state = state
        db.commit()
    groups = ("open", "failed", CommandState.ACCEPTED)
    found = [row for group in groups for row in db.scalars(queries.Filter(state=group).select())]
    assert {row.state for row in found} == set(CommandState)
    assert sorted(row.id for row in found) == sorted(db.scalars(select(Command.id)))
    text = operator.get("/commands").text
    assert all(f"{words}</span>" in text for words in commands.STATE_WORDS.values())


def test_each_end_of_a_command_has_its_status_on_the_command_line():
    assert set(EXITS) == set(CommandState) - OPEN_STATES
    assert {state for state, status in EXITS.items() if status} == FAILURES
