"""One action on many rows of a list, ticked or of a filter; what one refuses stops no other."""

from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from app.domain.commands import commands
from app.domain.ground import many
from app.domain.ground.vocabulary import (
    SYSTEM,
    BillingState,
    CommandState,
    Order,
    Outcome,
    ReceiptState,
    SessionState,
    TagStatus,
    Token,
)
from app.models import (
    AuditEntry,
    Bill,
    Broadcast,
    BroadcastTarget,
    ChargingSession,
    Command,
    Driver,
    Receipt,
    Review,
    Station,
    Tag,
    TagGroup,
)


def act(client, address, action, rows=(), **given):
    """Press a button of the bar; what the page then says."""
    data = {"action": action, "ids": [str(row.id) for row in rows], **given}
    answer = client.post(address, data=data, headers={"Referer": "http://localhost/tags"})
    assert answer.status_code == 303, answer.status_code
    return client.get(answer.headers["Location"]).text


def many_tags(db, made, count):
    for number in range(count):
        token = Token(f"BULK{number:05}")
        db.add(
            Tag(tenant_id=made.people["admin"].tenant_id, value=token.value, key=token.key,
                bare_key=token.bare_key, status=TagStatus.ACTIVE, created_at=made.now)
        )  # fmt: skip
    db.commit()


def blocked(db):
    query = select(func.count(Tag.id)).where(Tag.status == TagStatus.BLOCKED)
    db.expire_all()
    return db.scalar(query.where(Tag.value.startswith("BULK")))


def test_all_of_a_filter_are_changed_and_nothing_beyond_it(made, db, operator):
    many_tags(db, made, 60)
    page = operator.get("/tags?q=BULK").text
    assert "All 60 of this filter" in page and 'action="/tags/bulk?q=BULK"' in page
    said = act(operator, "/tags/bulk?q=BULK", "block", all="1")
    assert "60 tags are blocked." in said
    assert blocked(db) == 60
    assert made.tags["Ada"].status is TagStatus.ACTIVE
    entries = select(func.count(AuditEntry.id)).where(AuditEntry.action == "tag.block")
    assert db.scalar(entries) == 60


def test_too_many_are_refused_as_a_whole(made, db, operator, monkeypatch):
    many_tags(db, made, 4)
    monkeypatch.setattr(many, "MOST", 3)
    assert "More than 3 rows are not changed at once" in act(
        operator, "/tags/bulk?q=BULK", "block", all="1"
    )
    assert blocked(db) == 0


def test_many_take_as_many_statements_as_a_few(app, made, db, operator):
    many_tags(db, made, 60)
    found = []

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    counts = []
    for query in ("q=BULK0000", "q=BULK000"):
        found.clear()
        event.listen(db.get_bind(), "before_cursor_execute", note)
        operator.post(f"/tags/bulk?{query}", data={"action": "block", "all": "1"})
        event.remove(db.get_bind(), "before_cursor_execute", note)
        counts.append(len(found))
    assert blocked(db) == 60
    assert counts[1] <= counts[0] + 1


def test_tags_are_put_into_a_group_together(made, db, operator):
    group = TagGroup(
        tenant_id=made.people["admin"].tenant_id, name="Fleet", parent="", created_at=made.now
    )
    db.add(group)
    db.commit()
    rows = [made.tags["Ada"], made.tags["Ben"]]
    assert "2 tags are in another group now." in act(
        operator, "/tags/bulk", "group", rows, group=str(group.id)
    )
    assert [tag.group_id for tag in rows] == [group.id] * 2
    act(operator, "/tags/bulk", "group", rows[:1], group="")
    assert [tag.group_id for tag in rows] == [None, group.id]


def test_stations_are_archived_but_those_that_charge(made, db, operator):
    busy = {
        row.station_id
        for row in db.scalars(
            select(ChargingSession).where(ChargingSession.state == SessionState.CHARGING)
        )
    }
    stations = db.scalars(select(Station).where(Station.archived_at.is_(None))).all()
    said = act(operator, "/stations/bulk", "archive", stations)
    assert f"{len(stations) - len(busy)} stations are archived." in said
    assert "is still charging at" in said
    db.expire_all()
    assert {row.id for row in stations if row.archived_at is None} == busy


def test_an_order_goes_to_the_stations_that_were_ticked(made, db, operator):
    picked = [made.stations["CP-01"], made.stations["CP-02"]]
    page = act(operator, "/stations/bulk", "order", picked)
    chosen = ",".join(str(row.id) for row in picked)
    assert f'name="stations" value="{chosen}"' in page and "CP-03" not in page
    given = {"order": "reset", "kind": "soft", "at_once": "5", "stop_percent": "50"}
    answer = operator.post(f"/broadcasts?stations={chosen}&online=", data=given)
    assert answer.status_code == 303
    broadcast = db.scalars(select(Broadcast).order_by(Broadcast.id.desc())).first()
    targets = select(BroadcastTarget.station_id).where(BroadcastTarget.broadcast_id == broadcast.id)
    assert set(db.scalars(targets)) == {row.id for row in picked}
    page = act(operator, "/stations/bulk", "labels", picked[:1])
    assert "CP-01" in page and "CP-02" not in page


def test_drivers_go_with_their_tags_and_come_back_without(made, db, operator):
    rows = list(made.drivers.values())
    assert "drivers are archived with their tags." in act(
        operator, "/drivers/bulk", "archive", rows
    )
    db.expire_all()
    assert all(row.archived_at for row in rows)
    assert made.tags["Ada"].archived_at
    said = act(operator, "/drivers/bulk?state=archived", "restore", all="1")
    assert f"{len(rows)} drivers are restored." in said
    assert db.scalar(select(func.count(Driver.id)).where(Driver.archived_at.is_not(None))) == 0
    db.expire_all()
    assert made.tags["Ada"].archived_at


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_ticked_rows_are_a_file(made, db, operator, kind):
    picks = {
        "/drivers/bulk": [made.drivers["Ada"]],
        "/sessions/bulk": [made.sessions["finished"]],
        "/bills/bulk": [db.scalars(select(Bill)).first()],
    }
    for address, rows in picks.items():
        answer = operator.post(address, data={"action": kind, "ids": [rows[0].id]})
        assert answer.status_code == 200, address
        assert answer.headers["Content-Disposition"].endswith(f'.{kind}"')
        if kind == "csv":
            assert len(answer.text.splitlines()) == 2, address


def test_sessions_that_wait_for_their_stop_are_billed_for_one_reason(made, db, operator):
    waits, done = made.sessions["provisional"], made.sessions["finished"]
    assert "The reason is missing" in act(operator, "/sessions/bulk", "bill", [waits])
    said = act(operator, "/sessions/bulk", "bill", [waits, done], note="The cable was cut.")
    assert "1 session is billed." in said
    assert f"Session {done.id} does not wait for its stop." in said
    db.expire_all()
    assert waits.billing is BillingState.BILLED


def test_bills_are_recounted_and_those_that_are_right_stay(made, db, operator):
    row = made.sessions["finished"]
    before = db.scalar(select(func.count(Bill.id)))
    said = act(operator, "/sessions/bulk", "recount", [row], note="A check.")
    assert "0 bills are corrected; the others are right." in said
    assert db.scalar(select(func.count(Bill.id))) == before


def test_receipts_of_many_bills_are_sent_again(made, db, operator):
    receipt = db.scalars(select(Receipt).where(Receipt.state == ReceiptState.SENT)).first()
    waiting = db.scalars(select(Receipt).where(Receipt.id != receipt.id)).first()
    waiting.state = ReceiptState.SENDING
    db.commit()
    said = act(operator, "/bills/bulk", "resend", [receipt.bill, waiting.bill])
    assert "1 receipt is sent again." in said
    assert f"{waiting.bill.number}: This receipt is on its way already." in said
    db.expire_all()
    assert receipt.state is ReceiptState.QUEUED


def test_commands_that_failed_are_repeated_together(made, db, operator):
    station = made.stations["CP-03"]
    station.supported_orders = [order.value for order in Order]
    given = {"now": made.now, "ttl_s": 30}
    first, second = (
        commands.queue(db, SYSTEM, station, order, {}, **given)
        for order in (Order.READ_SETTINGS, Order.CLEAR_CACHE)
    )
    failed = Outcome(CommandState.EXPIRED, None, "It could not be sent.")
    commands.settle(db, first, failed, now=made.now + timedelta(seconds=1))
    db.commit()
    said = act(operator, "/commands/bulk", "repeat", [first, second])

    assert "1 command is repeated." in said
    assert "This command is still under way." in said
    newest = db.scalars(select(Command).order_by(Command.id.desc())).first()
    assert (newest.order, newest.requested_by) == (Order.READ_SETTINGS, "Otto Olsen")


def test_held_sessions_with_the_same_doubt_are_approved_for_one_reason(made, db, operator):
    held = db.scalars(select(Review).where(Review.decided_at.is_(None))).all()
    doubt = held[0].reasons[0]
    alike = [row for row in held if doubt in row.reasons]
    page = operator.get(f"/bills/review?doubt={doubt}").text
    assert page.count('name="ids"') == len(alike)
    address = f"/bills/review/approve?doubt={doubt}"
    assert "The reason is missing" in act(operator, address, "approve", alike)
    act(operator, address, "approve", alike, note="We looked at each.")
    db.expire_all()
    assert [row.decision for row in alike] == ["approved"] * len(alike)
    assert [row.note for row in alike] == ["We looked at each."] * len(alike)


def test_a_viewer_is_offered_no_boxes(made, viewer):
    for address in ("/stations", "/sessions", "/bills", "/tags", "/drivers", "/commands"):
        assert 'name="ids"' not in viewer.get(address).text, address
