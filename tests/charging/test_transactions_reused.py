"""A transaction id that a station uses again is a new session, in whatever order it is heard."""

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.charging import metering, sessions
from app.domain.charging.metering import Metered
from app.domain.charging.running import by_reference as by_ref
from app.domain.ground.vocabulary import (
    SYSTEM,
    Activity,
    ConnectorRef,
    SessionState,
    StopReason,
    Token,
)
from app.extensions import db as flask_db
from app.models import Authorisation, Bill, ChargingSession, Connector, MeterReading, Review
from tests.support import lone
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, PLUG, charge, event, register

HEARD = BEGAN + timedelta(hours=5)
OTHER = Token("04:FF:00:01", "iso14443")


@pytest.fixture
def net(db):
    return peopled(db)


def peopled(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    for text, driver in ((CARD.value, net.driver.id), (OTHER.value, None)):
        tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, value=text, driver_id=driver)
    return net


def again(token=OTHER, minute=120):
    """The same id once more, of another card, for half an hour and 3 kWh."""
    ended = {"reason": StopReason.EV_DISCONNECTED, "word": "EVDisconnected"}
    return [
        event(
            *("started", 0, minute, register(minute, 110_000, "Transaction.Begin")),
            token=token, connector=PLUG, trigger="Authorized",
        ),
        event("updated", 1, minute + 15, register(minute + 15, 112_000)),
        event(
            *("ended", 2, minute + 30, register(minute + 30, 113_000, "Transaction.End")), **ended
        ),
    ]  # fmt: skip


def begin(db, net, at, register_wh):
    start = sessions.Start(PLUG, CARD, Decimal(register_wh), at, at.isoformat())
    return start, lone.begin(db, net.station, start, now=at).session


def tell(db, net, reports, now=HEARD):
    for report in reports:
        taken = lone.take(db, net.station, report, now=now)
    return taken


def all_sessions(db):
    rows = db.scalars(select(ChargingSession).order_by(ChargingSession.started_at)).all()
    return [
        (row.transaction_ref, row.token, row.meter_start_wh, row.meter_stop_wh, row.state)
        for row in rows
    ]


TWO = [
    ("tx-1#1", CARD.value, 100_000, 110_000, SessionState.ENDED),
    ("tx-1", OTHER.value, 110_000, 113_000, SessionState.ENDED),
]


def test_an_id_used_again_after_its_end_is_a_new_session_with_a_bill_of_its_own(db, net):
    tell(db, net, charge() + again())
    assert all_sessions(db) == TWO
    first, second = db.scalars(select(ChargingSession).order_by(ChargingSession.started_at))
    assert lone.settle(db, first.id, now=HEARD).energy_wh == 10_000
    assert first.driver_id == net.driver.id
    assert second.driver_id is None
    readings = select(MeterReading.register_wh).where(MeterReading.session_id == second.id)
    assert set(db.scalars(readings)) == {110_000, 112_000, 113_000}


def test_the_tag_of_the_second_start_is_asked_about_as_a_start(db, net):
    tell(db, net, charge())
    taken = tell(db, net, again()[:1])
    assert taken.session.transaction_ref == "tx-1"
    assert taken.decision.accepted
    assert len(db.scalars(select(Authorisation)).all()) == 2


@pytest.mark.parametrize("token", [OTHER, CARD])
@pytest.mark.parametrize("seed", range(8))
def test_the_order_in_which_both_are_heard_changes_nothing(db, net, seed, token):
    reports = charge() + again(token)
    random.Random(seed).shuffle(reports)
    tell(db, net, reports)
    expected = [TWO[0], ("tx-1", token.value, *TWO[1][2:])]
    assert all_sessions(db) == expected


def test_events_of_the_first_told_again_change_neither(db, net):
    tell(db, net, charge() + again())
    taken = tell(db, net, charge())
    assert taken.repeated
    assert taken.session.transaction_ref == "tx-1#1"
    assert all_sessions(db) == TWO


def test_a_start_with_another_card_without_an_end_between_is_a_new_session(db, net):
    tell(db, net, charge()[:4] + again())
    first, second = db.scalars(select(ChargingSession).order_by(ChargingSession.started_at))
    assert (first.token, first.provisional, second.token) == (CARD.value, True, OTHER.value)
    assert second.meter_stop_wh == 113_000


def at_two_plugs(*, named=True):
    """One id at two EVSEs at once: 10 kWh at the first, and 3 kWh of another card at the second."""
    other = ConnectorRef(2)
    here = [replace(one, connector=PLUG) if named else one for one in charge()]
    return here, [replace(one, connector=other) for one in again(minute=20)]


@pytest.mark.parametrize("seed", range(8))
def test_an_id_in_use_at_two_evses_at_once_is_two_sessions(any_app, seed):
    net = peopled(flask_db.session())
    first, second = at_two_plugs()
    reports = [first[0], *second, *first[1:]] if not seed else [*first, *second]
    if seed > 1:
        random.Random(seed).shuffle(reports)
    tell(net.db, net, reports)
    told = sorted((row.evse, row.energy_wh, *row.flags) for row in newest_first(net.db))
    assert told == [(1, 10_000, "offline_report"), (2, 3_000, "offline_report")]
    bills = [lone.settle(net.db, row.id, now=HEARD) for row in newest_first(net.db)]
    assert sorted(bill.energy_wh for bill in bills) == [3_000, 10_000]
    later = [replace(one, connector=PLUG) for one in again(CARD, 300)]
    tell(net.db, net, later, HEARD + timedelta(hours=1))
    assert [row.evse for row in newest_first(net.db)] == [1, 2, 1], "the next day, at the first"


def test_two_sessions_of_one_id_at_once_are_held_where_an_event_names_no_evse(db, net):
    first, second = at_two_plugs(named=False)
    tell(db, net, [first[0], *second, *first[1:]])
    second, first = newest_first(db)
    assert (first.evse, first.state, first.energy_wh) == (1, SessionState.CHARGING, 0)
    assert (second.evse, second.state, second.energy_wh) == (2, SessionState.ENDED, 0)
    doubts = {"offline_report", "transaction_reused", "ends_contradict"}
    assert (set(first.flags), set(second.flags)) == ({"offline_report"}, doubts)
    for session in newest_first(db):
        session.state is SessionState.CHARGING or lone.settle(db, session.id, now=HEARD)
    assert db.scalars(select(Bill)).all() == []


@pytest.mark.parametrize("place", range(1, 6))
def test_one_event_that_names_a_wrong_evse_is_of_its_session_and_holds_its_bill(db, net, place):
    reports = [replace(one, connector=PLUG) for one in charge()]
    reports[place] = replace(reports[place], connector=ConnectorRef(2))
    tell(db, net, reports)
    [session] = newest_first(db)
    assert (session.evse, session.state, session.energy_wh) == (1, SessionState.ENDED, 10_000)
    assert lone.settle(db, session.id, now=HEARD).reasons == ["transaction_reused"]


def test_an_end_at_the_evse_of_a_former_use_is_of_the_session_that_charges(db, net):
    tell(db, net, [replace(one, connector=ConnectorRef(2)) for one in charge()])
    later = [replace(one, connector=PLUG) for one in again(CARD)]
    later[-1] = replace(later[-1], connector=ConnectorRef(2))
    tell(db, net, later)
    told = [(one.evse, one.state, one.energy_wh) for one in newest_first(db)]
    assert told == [(1, SessionState.ENDED, 3_000), (2, SessionState.ENDED, 10_000)]


def test_two_starts_of_one_card_without_an_end_between_are_held(db, net):
    tell(db, net, charge()[:4] + again(CARD))
    (session,) = db.scalars(select(ChargingSession))
    review = lone.settle(db, session.id, now=HEARD)
    assert isinstance(review, Review)
    assert "transaction_reused" in review.reasons
    assert db.scalars(select(Bill)).all() == []


def test_an_id_may_be_used_again_ever_so_often(db, net):
    tell(db, net, charge() + again())
    tell(db, net, again(CARD, 160), HEARD + timedelta(minutes=1))
    first, second, _ = db.scalars(select(ChargingSession).order_by(ChargingSession.started_at))
    first.transaction_ref, second.transaction_ref = "tx-1#999", "tx-1#1000"
    tell(db, net, again(CARD, 200), HEARD + timedelta(minutes=2))
    assert [row[0] for row in all_sessions(db)] == ["tx-1#999", "tx-1#1000", "tx-1#1001", "tx-1"]


def test_a_station_that_changes_to_2x_may_use_an_id_that_was_ours(db, net):
    earlier = BEGAN - timedelta(days=60)
    start, before = begin(db, net, earlier, 1_000)
    number, after = before.transaction_ref, earlier + timedelta(hours=1)
    stop = sessions.Stop(number, Decimal(9_000), after, StopReason.LOCAL, None, None, {})
    lone.end(db, net.station, stop, now=after)
    assert lone.settle(db, before.id, now=after).energy_wh == 8_000
    tell(db, net, charge(number))
    assert all_sessions(db) == [
        (f"{number}#1", CARD.value, 1_000, 9_000, SessionState.ENDED),
        (number, CARD.value, 100_000, 110_000, SessionState.ENDED),
    ]
    assert before.late_evidence_at is None
    repeated = lone.begin(db, net.station, start, now=HEARD)
    assert (repeated.session.id, repeated.repeated) == (before.id, True)


def test_what_16_tells_late_of_a_number_is_never_the_stations_own_sessions(db, net):
    earlier = BEGAN - timedelta(days=2)
    _, before = begin(db, net, earlier, 1_000)
    number, after = before.transaction_ref, earlier + timedelta(hours=1)
    tell(db, net, charge(number)[:4])
    own = by_ref(db, net.station, number)
    told_before = (own.state, own.energy_wh, own.last_register_wh)
    late = Metered(net.station.id, 1, number, (register(0, 8_000),))
    [owner], _ = metering.store(db, [late], now=HEARD)
    stop = sessions.Stop(number, Decimal(9_000), after, StopReason.LOCAL, None, None, {})
    ended, _ = lone.end(db, net.station, stop, now=HEARD)
    assert (owner, ended.id, ended.meter_stop_wh) == (before.id, before.id, 9_000)
    again, _ = lone.end(db, net.station, stop, now=HEARD)
    assert again.id == before.id
    db.refresh(own)
    assert (own.state, own.energy_wh, own.last_register_wh) == told_before


def test_a_number_that_we_never_gave_is_no_session_of_a_stop(db, net):
    tell(db, net, charge("4711")[:4])
    stop = sessions.Stop("4711", Decimal(9_000), HEARD, StopReason.LOCAL, None, None, {})
    assert lone.end(db, net.station, stop, now=HEARD) == (None, None)
    readings = Metered(net.station.id, 2, "4711", (register(0, 8_000),))
    assert metering.store(db, [readings], now=HEARD) == ([None], [])
    assert all_sessions(db)[0][-1] is SessionState.CHARGING


def test_what_2x_tells_late_of_an_id_that_we_gave_meanwhile_is_of_its_own_session(db, net):
    _, first = begin(db, net, BEGAN - timedelta(days=1), 1_000)
    following = str(first.id + 2)
    events = charge(following)
    tell(db, net, events[:3])
    _, ours = begin(db, net, HEARD, 110_000)
    tell(db, net, events[3:], HEARD + timedelta(hours=1))
    assert all_sessions(db)[1] == (
        f"{following}#1",
        CARD.value,
        100_000,
        110_000,
        SessionState.ENDED,
    )
    assert [row.transaction_ref for row in newest_first(db)] == [
        following, f"{following}#1", first.transaction_ref
    ]  # fmt: skip
    assert ours.transaction_ref == following


def test_ids_that_differ_in_their_case_only_are_two(db, net):
    tell(db, net, [retold(one, "Tx-1") for one in charge() + again(CARD, 200)])
    tell(db, net, charge("tx-1") + [retold(one, "tx-1") for one in again(CARD, 120)])
    taken = tell(db, net, [event("updated", 7, -30, ref="tx-1")])
    assert taken.session.transaction_ref == "tx-1#1"


def test_a_station_that_changes_to_16_gets_our_id_though_it_was_its_own_once(db, net):
    _, first = begin(db, net, BEGAN - timedelta(days=1), 1_000)
    following = str(first.id + 2)
    tell(db, net, charge(following))
    _, now = begin(db, net, HEARD, 110_000)
    assert now.transaction_ref == following
    assert all_sessions(db)[1][0] == f"{following}#1"


def test_what_comes_late_of_a_former_use_says_nothing_of_the_plug(net, db):
    first = charge()[0]
    late = event("updated", 9, 100, register(100, 109_000), activity=Activity.SUSPENDED_EV)
    tell(db, net, [first, again()[0]])
    before = plug(db)
    tell(db, net, [late])
    assert [row.last_seq_no for row in newest_first(db)] == [0, 9]
    assert plug(db) == before


def retold(report, ref):
    return replace(report, transaction_ref=ref)


def plug(db):
    """What the station's plug shows."""
    return db.execute(select(Connector.evse, Connector.activity, Connector.status_at)).all()


def newest_first(db):
    return db.scalars(select(ChargingSession).order_by(ChargingSession.started_at.desc())).all()
