"""What comes late of a transaction, or never: nothing is lost, and nothing is billed twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.charging.sessions import Told, take_all
from app.domain.charging.sessions.provisional import close_provisionally
from app.domain.ground.vocabulary import (
    SYSTEM,
    Activity,
    BillingState,
    BillKind,
    SessionState,
    StationMode,
    Token,
    Verdict,
)
from app.domain.money import billing
from app.models import (
    Authorisation,
    Bill,
    ChargingSession,
    Connector,
    Review,
    Station,
    TagGroup,
    TransactionEvent,
)
from tests.support import lone
from tests.support.charging import network
from tests.support.fleet import statements
from tests.support.transactions import BEGAN, CARD, PLUG, charge, cost_of, event, register

HEARD = BEGAN + timedelta(hours=2)
SOON = HEARD + timedelta(minutes=11)
LATER = BEGAN + timedelta(days=3)


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    net.tag = tags.add(
        db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value, driver_id=net.driver.id
    )
    return net


def tell(db, net, *reports, now=HEARD):
    taken = None
    for report in reports:
        taken = lone.take(db, net.station, report, now=now)
    return taken


def test_an_end_without_a_start_is_never_lost_and_waits_for_review(db, net):
    session = tell(db, net, charge()[5]).session
    assert (session.state, session.flags) == (
        SessionState.ENDED,
        ["offline_report", "start_missing", "plug_unknown"],
    )
    assert lone.settle(db, session.id, now=SOON) is None
    assert session.id not in billing.unsettled(db, now=SOON)
    assert session.id in billing.unsettled(db, now=LATER)
    review = lone.settle(db, session.id, now=LATER)
    assert isinstance(review, Review)
    assert "start_missing" in review.reasons
    # The start comes after three days: the review is weighed again and the session billed.
    tell(db, net, *charge()[:5], now=LATER + timedelta(minutes=1))
    bill = lone.settle(db, session.id, now=LATER + timedelta(minutes=2))
    assert bill.gross_minor == 536
    assert session.billing is BillingState.BILLED


def test_what_was_missing_corrects_the_bill_that_did_not_wait_for_it(db, net):
    reports = charge()
    reports[5] = event("ended", 5, 60)  # an end that tells no register
    reports[4] = event("updated", 4, 50, activity=Activity.SUSPENDED_EV)
    session = tell(db, net, *reports[:3], *reports[4:]).session
    net.version.definition = {**net.version.definition}
    first = lone.settle(db, session.id, now=SOON)
    assert isinstance(first, Review)  # the end is only estimated
    assert session.energy_wh == 4_000
    tell(db, net, reports[3], now=LATER)
    assert "late_stop" in session.flags
    review = lone.settle(db, session.id, now=LATER)
    assert isinstance(review, Review)
    assert session.energy_wh == 9_000


def test_an_event_that_changes_nothing_leaves_the_bill_alone(db, net):
    reports = charge()
    session = tell(db, net, *reports[:3], *reports[4:]).session
    bill = lone.settle(db, session.id, now=SOON)
    assert bill.facts["incomplete"]
    tell(db, net, reports[3], now=LATER)
    assert lone.settle(db, session.id, now=LATER) is None
    assert db.scalars(select(Bill.kind)).all() == [BillKind.BILL]
    assert session.late_evidence_at is None
    assert "late_stop_noted" not in session.flags


def test_a_plug_taken_and_left_without_a_tag_costs_nothing(db, net):
    began = event("started", 0, 0, register(0, 500, "Transaction.Begin"), connector=PLUG)
    over = event("ended", 1, 5, register(5, 500, "Transaction.End"))
    session = tell(db, net, began, over).session
    assert lone.settle(db, session.id, now=HEARD) is None
    assert session.billing is BillingState.WAIVED


def test_a_register_that_nobody_believes_is_not_nothing(db, net):
    net.station.max_power_w = 22_000
    began = event("started", 0, 0, register(0, 1_000, "Transaction.Begin"), connector=PLUG)
    over = event("ended", 1, 1, register(1, 5_200, "Transaction.End"))
    session = tell(db, net, began, over).session
    review = lone.settle(db, session.id, now=HEARD)
    assert {"begin_unexplained", "unauthorised"} <= set(review.reasons)


def test_energy_without_a_tag_waits_for_a_person(db, net):
    began = event("started", 0, 0, register(0, 500, "Transaction.Begin"), connector=PLUG)
    over = event("ended", 1, 50, register(50, 5_500, "Transaction.End"))
    session = tell(db, net, began, over).session
    review = lone.settle(db, session.id, now=HEARD)
    assert "unauthorised" in review.reasons


def test_a_repeat_is_answered_the_same_and_decides_nothing_anew(db, net):
    first = tell(db, net, charge()[0])
    again = tell(db, net, charge()[0])
    assert again.repeated
    assert again.decision == first.decision
    assert len(db.scalars(select(Authorisation)).all()) == 1


def test_a_repeat_of_what_was_stored_before_its_words_were_written_by_orjson_is_known(db, net):
    first = tell(db, net, *charge())
    for row in db.scalars(select(TransactionEvent)):
        row.digest = charge()[row.seq_no].former_digest()
    db.flush()
    again = [lone.take(db, net.station, report, now=SOON) for report in charge()]
    assert [taken.repeated for taken in again] == [True] * len(charge())
    assert {taken.session for taken in again} == {first.session}


def test_the_order_of_its_members_makes_no_other_event():
    report = charge()[0]
    turned = replace(report, payload=dict(reversed(report.payload.items())))
    later = replace(report, payload=report.payload | {"offline": True})
    assert report.words() == turned.words() == later.words()


def test_a_tag_of_the_group_may_end_it_and_a_stranger_is_told_no(db, net):
    group = TagGroup(tenant_id=net.site.tenant_id, name="Fleet", parent="FLEET", created_at=BEGAN)
    db.add(group)
    db.flush()
    net.tag.group_id = group.id
    tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, value="FRIEND", group_id=group.id)
    db.flush()
    tell(db, net, *charge()[:2])
    stops = {"trigger": "stop_authorized"}
    stranger = tell(db, net, event("updated", 2, 30, token=Token("STRANGER"), **stops))
    friend = tell(db, net, event("updated", 3, 31, token=Token("FRIEND", "iso14443"), **stops))
    assert stranger.decision.verdict is Verdict.INVALID
    assert (friend.decision.verdict, friend.decision.parent) == (Verdict.ACCEPTED, "FLEET")
    assert friend.session.token == CARD.value


def test_a_key_code_is_compared_and_kept_nowhere(db, net):
    facts = {"driver_id": net.driver.id}
    given = {"tenant_id": net.site.tenant_id, "now": BEGAN, "kind": "KeyCode"}
    tag = tags.add(db, SYSTEM, value="471147", **facts, **given)
    code = Token("471147", "key_code")
    began = event("started", 0, 0, token=code, connector=PLUG)
    taken = tell(db, net, began)
    assert taken.decision.accepted
    session = taken.session
    assert (session.tag_id, session.token) == (tag.id, f"••• (tag {tag.id})")
    stop = event("updated", 1, 5, token=code, trigger="stop_authorized")
    assert tell(db, net, stop).decision.reason == "same_tag"
    taps = db.execute(select(Authorisation.token, Authorisation.sentence)).all()
    assert not [text for tap in taps for text in tap if "471147" in text]
    # The same text told as a card is another token.
    card = event("started", 0, 0, token=Token("471147", "iso14443"), ref="tx-2")
    assert tell(db, net, card).decision.reason == "unknown_tag"


def test_another_transaction_at_the_plug_closes_the_one_before(db, net):
    first = tell(db, net, *charge()[:4]).session
    second = charge("tx-2")[0]
    tell(db, net, event("started", 0, 90, token=CARD, connector=PLUG, ref="tx-2"))
    assert (first.state, first.provisional) == (SessionState.ENDED, True)
    tell(db, net, *charge()[4:])
    assert (first.provisional, first.meter_stop_wh) == (False, 110_000)
    assert lone.settle(db, first.id, now=HEARD).gross_minor == 536
    assert second.transaction_ref == "tx-2"


def nowhere(ref="tx-1"):
    """A transaction of which no event names the plug."""
    return [replace(report, connector=None) for report in charge(ref)]


def test_a_bill_of_no_known_plug_that_went_out_is_not_doubted_for_that_later(db, net):
    reports = nowhere()
    session = tell(db, net, *reports[:3], *reports[4:]).session
    session.flags, session.bill_after = [], None  # as it was before anybody asked for the plug
    assert isinstance(lone.settle(db, session.id, now=LATER), Bill)
    tell(db, net, reports[3], now=LATER)
    assert "plug_unknown" not in session.flags
    lone.settle(db, session.id, now=LATER)
    assert session.billing is BillingState.BILLED


def test_a_session_of_no_known_plug_that_never_ends_is_held(db, net):
    session = tell(db, net, *nowhere()[:5]).session
    close_provisionally(db, session, now=SOON)
    assert "plug_unknown" in lone.settle(db, session.id, now=LATER).reasons
    db.add(Connector(station_id=net.station.id, evse=1, connector=1))
    db.flush()
    tell(db, net, nowhere()[5], now=LATER)
    assert (session.evse, "plug_unknown" in session.flags) == (1, False)


def test_where_sessions_were_is_asked_once_for_all_stations(db, net):
    place = {"tenant_id": net.site.tenant_id, "site_id": net.site.id, "created_at": BEGAN}
    more = [Station(identity=f"M-{n}", identity_key=f"m-{n}", **place) for n in range(3)]
    db.add_all(more)
    db.flush()
    for report in nowhere()[:5]:
        take_all(db, [Told(station, report, HEARD) for station in more])
    with statements(db) as asked:
        take_all(db, [Told(station, nowhere()[5], HEARD) for station in more])
    assert len([each for each in asked if "FROM connectors" in each]) == 1
    flags = db.scalars(select(ChargingSession.flags)).all()
    assert ["plug_unknown" in each for each in flags] == [True] * 3


def test_events_of_offline_days_do_not_touch_what_the_plug_shows(db, net):
    for report in charge():
        object.__setattr__(report, "offline", True)
        tell(db, net, report)
    plug = db.scalar(select(Connector).where(Connector.evse == 1))
    assert plug is None or plug.activity is Activity.NONE
    assert db.scalar(select(ChargingSession.state)) is SessionState.ENDED


def test_the_final_cost_is_told_with_the_end_and_not_before(db, net):
    *before, end = charge()
    for report in before:
        taken = tell(db, net, report)
        assert cost_of(db, taken, HEARD) is None
    taken = tell(db, net, end)
    assert str(cost_of(db, taken, HEARD)) == "5.36"


def test_the_running_cost_is_told_where_it_is_wanted(db, net):
    net.station.quirks = {"running_cost": True}
    taken = tell(db, net, *charge()[:3])
    cost = cost_of(db, taken, BEGAN + timedelta(minutes=20))
    # 0.50 + 4 kWh x 0.40, 19 % on top
    assert str(cost) == "2.50"


def test_no_cost_is_told_while_something_is_missing(db, net):
    taken = tell(db, net, charge()[5])
    assert cost_of(db, taken, HEARD) is None


def test_a_free_transaction_costs_nothing_and_not_nothing_known(db, net):
    net.version.definition = {
        **net.version.definition,
        "components": [{"kind": "energy", "price": "0"}],
    }
    taken = tell(db, net, *charge())
    assert cost_of(db, taken, HEARD) == 0


@pytest.mark.parametrize(("total", "differs"), [("5.36", False), ("5.37", False), ("9.99", True)])
def test_the_stations_own_cost_is_compared_with_ours(db, net, total, differs):
    reports = charge()
    details = {"totalCost": {"currency": "EUR", "total": {"inclTax": float(total)}}}
    reports[5].facts["cost_details"] = details
    taken = tell(db, net, *reports)
    told = cost_of(db, taken, HEARD)
    found = lone.settle(db, taken.session.id, now=HEARD)
    if differs:
        assert (told, found.reasons) == (None, ["cost_differs"])
    else:
        assert (str(told), found.gross_minor) == ("5.36", 536)


def test_a_running_cost_that_the_driver_saw_may_lie_below_the_bill_and_never_above(db, net):
    for total, held in ((2.5, False), (7.5, True)):
        reports = charge(f"tx-{total}")
        reports[3].facts["cost_details"] = {
            "totalCost": {"currency": "EUR", "total": {"inclTax": total}}
        }
        session = tell(db, net, *reports).session
        session.connector = 2 if held else 1
        found = lone.settle(db, session.id, now=HEARD)
        assert (getattr(found, "reasons", None) == ["cost_differs"]) is held


def test_an_open_station_charges_without_a_tag(db, net):
    net.station.mode = StationMode.OPEN
    began = event("started", 0, 0, register(0, 500, "Transaction.Begin"), connector=PLUG)
    over = event("ended", 1, 50, register(50, 5_500, "Transaction.End"))
    session = tell(db, net, began, over).session
    assert lone.settle(db, session.id, now=HEARD).energy_wh == 5_000
