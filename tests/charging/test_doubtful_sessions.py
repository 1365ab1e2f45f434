"""Sessions that nobody ends (FIELD S4) and remote starts that no session follows (X15)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.charging import remote_starts, reports, sessions, statuses
from app.domain.charging.sessions.provisional import GRACE, close_abandoned
from app.domain.commands import commands
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import (
    SYSTEM,
    Availability,
    CommandState,
    ConnectorRef,
    Order,
    Outcome,
    SessionState,
    StatusReport,
    Token,
)
from app.domain.network import presence
from app.models import Command
from tests.support import lone, sockets
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, PLUG, charge, event

ASKED = [Order.READ_TRANSACTION_STATUS, Order.SEND_COST, Order.START_CHARGING]
#: What a remote start is given; on no list, it is issued by the order.
GIVEN = {"token": CARD.value, "token_kind": "central", "connector": 1}
FREE = BEGAN + timedelta(minutes=30)


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    return net


def connect(db, net, orders=ASKED, *, now=BEGAN):
    told = [order.value for order in orders]
    sockets.connect(db, net.station, node="node", protocol="ocpp2.0.1", orders=told, now=now)


def charging(db, net):
    """A session that runs, at a plug that says from half an hour on that it is free."""
    for report in charge()[:2]:
        session = lone.take(db, net.station, report, now=report.at).session
    free = StatusReport(PLUG, Availability.AVAILABLE, None, "Available", FREE)
    statuses.status(db, net.station, free, now=FREE)
    return session


def sweep(db, session, after):
    presence.beat(db, "node", now=FREE + after)
    close_abandoned(db, now=FREE + after)
    return session.state


@pytest.mark.parametrize("spoken", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
@pytest.mark.parametrize("begun", ["ocpp1.6", "ocpp1.6 while the database was away", "ocpp2.0.1"])
def test_a_session_ends_where_its_station_speaks_another_version(db, net, begun, spoken):
    if begun.startswith("ocpp1.6"):
        start = sessions.Start(
            *(ConnectorRef(2), CARD, Decimal(1_000), BEGAN, BEGAN.isoformat()),
            promised_ref="4711" if "away" in begun else None,
        )
        session = lone.begin(db, net.station, start, now=BEGAN).session
    else:
        session = lone.take(db, net.station, charge()[0], now=BEGAN).session
    sockets.connect(db, net.station, node="node", protocol=spoken, orders=[], now=FREE)
    assert sweep(db, session, timedelta(minutes=14)) is SessionState.CHARGING
    assert sweep(db, session, timedelta(minutes=16)) is (
        SessionState.CHARGING if begun[:5] == spoken[:5] else SessionState.ENDED
    )
    assert session.provisional == (session.state is SessionState.ENDED)


def test_a_free_plug_is_believed_after_a_while(db, net):
    connect(db, net)
    session = charging(db, net)
    assert sweep(db, session, GRACE - timedelta(seconds=1)) is SessionState.CHARGING
    assert sweep(db, session, GRACE) is SessionState.ENDED
    assert session.provisional
    assert db.scalars(select(Command)).all() == []


def test_a_session_without_readings_was_over_when_its_plug_was_free_or_the_next_began(db, net):
    connect(db, net)
    session = lone.take(db, net.station, silent("tx-1", BEGAN), now=BEGAN).session
    free = StatusReport(PLUG, Availability.AVAILABLE, None, "Available", FREE)
    statuses.status(db, net.station, free, now=FREE)
    assert sweep(db, session, 3 * GRACE) is SessionState.ENDED
    assert session.ended_at == FREE
    begun = [FREE + GRACE, FREE + 2 * GRACE]
    two = [silent(f"tx-{number}", at) for number, at in enumerate(begun, 2)]
    first, _ = (lone.take(db, net.station, each, now=FREE + 9 * GRACE).session for each in two)
    db.refresh(first)
    assert (first.state, first.ended_at) == (SessionState.ENDED, begun[1])


def test_a_start_in_the_second_of_another_that_it_names_whole_leaves_none_running(db, net):
    begun = []
    for at, wh in ((BEGAN + timedelta(milliseconds=123), 1_000), (BEGAN, 1_001)):
        start = sessions.Start(PLUG, CARD, Decimal(wh), at, at.isoformat())
        begun.append(lone.begin(db, net.station, start, now=FREE).session)
    db.refresh(begun[0])
    assert (begun[0].state, begun[0].provisional) == (SessionState.ENDED, True)
    assert (begun[1].state, begun[1].provisional) == (SessionState.CHARGING, False)


def test_a_transaction_that_began_in_the_second_that_another_names_whole_is_over(db, net):
    begun = [silent("tx-1", BEGAN + timedelta(milliseconds=123)), silent("tx-2", BEGAN)]
    first, second = (lone.take(db, net.station, each, now=FREE).session for each in begun)
    db.refresh(first)
    assert (first.state, second.state) == (SessionState.ENDED, SessionState.CHARGING)


def silent(reference, at):
    """The start of a transaction of which nothing is measured."""
    return event("started", 0, 0, ref=reference, at=at, token=CARD, connector=PLUG)


def test_how_long_is_a_quirk(db, net):
    connect(db, net)
    net.station.quirks = {"stop_on_available_grace_s": 120}
    session = charging(db, net)
    assert sweep(db, session, timedelta(seconds=119)) is SessionState.CHARGING
    assert sweep(db, session, timedelta(seconds=120)) is SessionState.ENDED


@pytest.mark.parametrize(
    ("orders", "order"),
    [(ASKED, Order.READ_TRANSACTION_STATUS), ([Order.TRIGGER], Order.TRIGGER)],
)
def test_a_station_that_may_be_asked_is_asked_first(db, net, orders, order):
    connect(db, net, orders)
    net.station.quirks = {"ask_about_sessions": True}
    session = charging(db, net)
    assert sweep(db, session, GRACE) is SessionState.CHARGING
    assert "suspect" in session.flags
    (command,) = db.scalars(select(Command)).all()
    assert command.order is order
    assert sweep(db, session, 2 * GRACE - timedelta(seconds=1)) is SessionState.CHARGING
    assert sweep(db, session, 2 * GRACE) is SessionState.ENDED
    assert len(db.scalars(select(Command)).all()) == 1


def ask(db, net, session, **facts):
    command = commands.queue(
        *(db, SYSTEM, net.station, Order.READ_TRANSACTION_STATUS, {"session_id": session.id}),
        now=BEGAN,
        ttl_s=60,
    )
    assert command.arguments["transaction_ref"] == "tx-1"
    lone.claim(db, command.id, "node", now=BEGAN)
    outcome = Outcome(CommandState.ACCEPTED, {}, "It is over.", facts)
    commands.settle(db, command, outcome, now=FREE)


def test_what_is_over_with_nothing_to_come_is_closed(db, net):
    connect(db, net)
    session = charging(db, net)
    ask(db, net, session, ongoing=False, messages_waiting=False)
    assert (session.state, session.provisional) == (SessionState.ENDED, True)


@pytest.mark.parametrize(
    "facts",
    [{"ongoing": False, "messages_waiting": True}, {"ongoing": True, "messages_waiting": False}],
)
def test_what_has_more_to_tell_stays_open(db, net, facts):
    connect(db, net)
    session = charging(db, net)
    ask(db, net, session, **facts)
    assert sweep(db, session, 3 * GRACE) is SessionState.CHARGING
    assert session.flags == ["told_open"]


def start(db, net, state=CommandState.ACCEPTED, given=GIVEN, **facts):
    command = commands.queue(
        *(db, SYSTEM, net.station, Order.START_CHARGING, given),
        now=BEGAN,
        ttl_s=60,
    )
    lone.claim(db, command.id, "node", now=BEGAN)
    outcome = Outcome(state, {}, "The charger said something.", facts)
    commands.settle(db, command, outcome, now=BEGAN)
    return command


@pytest.fixture
def plug(db, net):
    connect(db, net)
    reports.connector_of(db, net.station, PLUG)
    db.expire(net.station, ["connectors"])


def test_an_accepted_start_that_no_session_follows_says_so_once(db, net, plug):
    command, refused = start(db, net), start(db, net, CommandState.REJECTED)
    assert remote_starts.mark_unfollowed(db, now=BEGAN + timedelta(seconds=119)) == 0
    assert remote_starts.mark_unfollowed(db, now=BEGAN + timedelta(seconds=120)) == 1
    assert remote_starts.mark_unfollowed(db, now=BEGAN + timedelta(seconds=130)) == 0
    assert command.sentence.endswith("No session followed within 120 s.")
    assert "No session" not in refused.sentence


def test_a_session_is_tied_to_the_start_whose_number_it_names_however_late(db, net, plug):
    command, other = start(db, net), start(db, net)
    remote_starts.mark_unfollowed(db, now=BEGAN + timedelta(hours=1))
    number = command.arguments["remote_start_id"]
    late = event("started", 0, 300, remote_start_id=number, trigger="remote_start", token=CARD)
    session = lone.take(db, net.station, late, now=late.at).session
    assert (command.session_id, session.remote_command_id) == (session.id, command.id)
    assert command.sentence == "The charger said something."
    assert other.session_id is None


@pytest.mark.parametrize("seq_no", [0, 1])
def test_a_session_that_shows_no_tag_is_of_the_tag_that_we_started_it_with(db, net, plug, seq_no):
    number = start(db, net).arguments["remote_start_id"]
    began = event("started", 0, 0, remote_start_id=number, trigger="remote_start")
    if seq_no:  # its start comes before the number is named
        lone.take(db, net.station, replace(began, remote_start_id=None), now=BEGAN)
        began = event("updated", 1, 0, remote_start_id=number)
    session = lone.take(db, net.station, began, now=BEGAN).session
    assert (session.token, session.unauthorised) == (CARD.value, False)
    over = event("ended", seq_no + 1, 30, token=Token("04FFFFFF"))
    session = lone.take(db, net.station, over, now=over.at).session
    db.refresh(session)
    assert (session.token, session.unauthorised) == (CARD.value, False)


def ordered(db, net, expires_at):
    """The number of a start with a card that runs out."""
    card = {"value": "04BB", "expires_at": expires_at}
    tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, **card)
    db.flush()
    return start(db, net, given={"token": "04BB", "connector": 1}).arguments["remote_start_id"]


@pytest.mark.parametrize("at_end", [None, Token("04FFFFFF")])
def test_a_session_that_only_the_answer_to_our_start_names_is_the_orders(db, net, plug, at_end):
    lone.take(db, net.station, event("started", 0, 0, connector=PLUG), now=BEGAN)
    start(db, net, transaction_ref="tx-1")
    over = event("ended", 1, 30, token=at_end)
    session = lone.take(db, net.station, over, now=over.at).session
    assert (session.token, session.unauthorised) == (CARD.value, False)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_tag_that_ran_out_before_its_remote_start_was_told_charged_rightly(
    db, net, plug, replaced
):
    number = ordered(db, net, BEGAN + timedelta(hours=5))
    began = event("started", 0, 0, remote_start_id=number, clock_replaced=replaced, offline=True)
    session = lone.take(db, net.station, began, now=BEGAN + timedelta(hours=30)).session
    assert (session.token, session.unauthorised) == ("04BB", replaced)


@pytest.mark.parametrize(
    ("within", "at_end"), [(None, "04FFFFFF"), ("04FFFFFF", "04FFFFFF"), (None, "04BB")]
)
@pytest.mark.parametrize("naming", [{0}, {1}, {2}, {0, 1, 2}])
def test_a_session_that_shows_a_tag_only_to_end_is_the_orders_in_every_order(
    db, net, plug, naming, within, at_end
):
    number = ordered(db, net, BEGAN + timedelta(minutes=20))
    stopping = {"trigger": "stop_authorized", "token": Token(within)} if within else {}
    told = [
        event("started", 0, 0, connector=PLUG),
        event("updated", 1, 25, **stopping),
        event("ended", 2, 30, token=Token(at_end)),
    ]
    told = [
        replace(report, remote_start_id=number if place in naming else None)
        for place, report in enumerate(told)
    ]
    found = set()
    for order in permutations(told):
        with db.begin_nested() as trial:
            for report in order:
                session = lone.take(db, net.station, report, now=FREE).session
            db.refresh(session)
            found.add((session.token, session.unauthorised, session.started_at))
            trial.rollback()
        db.expire_all()
    assert found == {("04BB", False, BEGAN)}


def test_a_start_that_names_no_number_is_known_by_tag_and_time(db, net, plug):
    command = start(db, net)
    soon = event("started", 0, 1, trigger="remote_start", token=CARD, connector=PLUG)
    session = lone.take(db, net.station, soon, now=soon.at).session
    assert command.session_id == session.id


def test_the_cost_to_tell_is_ours_unless_one_is_given(db, net):
    connect(db, net)
    session = charging(db, net)

    def tell(**given):
        order = (db, SYSTEM, net.station, Order.SEND_COST, given)
        return commands.queue(*order, now=BEGAN, ttl_s=60).arguments

    # 0.50 to start, 19 % on top
    assert tell(session_id=session.id)["total_cost"] == "0.60"
    assert tell(transaction_ref="tx-1", total_cost="2.5")["total_cost"] == "2.5"
    with pytest.raises(NotFound):
        tell(session_id=999)
    with pytest.raises(Invalid):
        tell()
    session.tariff_version_id = None
    with pytest.raises(Conflict):
        tell(session_id=session.id)
