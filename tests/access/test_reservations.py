"""Reservations: asked for by a command, kept by the station, and over in exactly one way."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.access import reservations, tag_groups, tags
from app.domain.charging import sessions, statuses
from app.domain.commands import broadcasts, commands
from app.domain.ground.errors import Conflict, Invalid, NotConnected, NotFound
from app.domain.ground.vocabulary import (
    Activity,
    Actor,
    Availability,
    CommandState,
    ConnectorRef,
    Order,
    Outcome,
    ReservationState,
    StationMode,
    StatusReport,
    Token,
)
from app.models import Authorisation, Command, Reservation
from tests.support import lone, sockets

ADA = Actor("Ada")
YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger keeps the connector.")


@pytest.fixture
def station(db, now):
    return sockets.online_station(db, now=now)


@pytest.fixture
def tag(db, tenant, now):
    return tags.add(db, ADA, tenant.id, now=now, value="AB12")


@pytest.fixture
def ask(db, station, tag, now):
    def queue(**given):
        arguments = {"connector": 1, "token": "ab12", "minutes": 30, **given}
        return commands.queue(db, ADA, station, Order.RESERVE, arguments, now=now, ttl_s=60)

    return queue


@pytest.fixture
def kept(db, ask, now):
    """A reservation of connector 1 that the station keeps."""
    return settled(db, ask(), YES, now)


def settled(db, command, outcome, now):
    command.state, command.action = CommandState.SENT, "ReserveNow"
    commands.settle(db, command, outcome, now=now)
    return db.get(Reservation, int(command.subject.partition(":")[2]))


def started(db, station, now, token="AB12", evse=1, number=None, at=None):
    start = sessions.Start(
        ConnectorRef(evse),
        Token(token),
        Decimal(0),
        at or now,
        str(at or now),
        reservation_id=number,
    )
    return lone.begin(db, station, start, now=now).session


def test_a_wish_makes_a_row_whose_number_goes_to_the_station(db, ask, tag, now):
    command = ask()
    row = db.query(Reservation).one()
    assert (row.state, row.evse, row.token) == (ReservationState.ASKED, 1, "AB12")
    assert row.tag_id == tag.id
    assert row.expires_at == now + timedelta(minutes=30)
    assert command.subject == f"reservation:{row.id}"
    assert command.arguments["reservation_id"] == row.id
    assert command.arguments["token"] == "AB12"


def test_a_station_that_says_yes_keeps_the_plug(kept):
    assert kept.state is ReservationState.ACTIVE


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_a_no_ends_it_with_the_reason(db, ask, now, word):
    no = Outcome(CommandState.REJECTED, {"status": word}, f"It is {word}.", {}, word)
    row = settled(db, ask(), no, now)
    assert (row.state, row.sentence) == (ReservationState.REJECTED, f"It is {word}.")


def test_without_an_answer_it_stays_unclear_until_its_time_is_over(db, ask, now):
    silent = Outcome(CommandState.TIMED_OUT, None, "No answer came.")
    row = settled(db, ask(), silent, now)
    assert row.state is ReservationState.ASKED
    assert "Nobody knows" in row.sentence
    assert reservations.expire_due(db, now=now + timedelta(minutes=31)) == 1
    assert row.state is ReservationState.EXPIRED


def test_what_was_never_sent_is_rejected(db, ask, now):
    command = ask()
    commands.settle(db, command, Outcome(CommandState.EXPIRED, None, "Too late."), now=now)
    assert db.query(Reservation).one().state is ReservationState.REJECTED


def test_unknown_tags_are_not_reserved_for_unless_the_station_is_open(db, station, ask):
    with pytest.raises(Invalid, match="The tag ZZ99 is on no list"):
        ask(token="ZZ99")
    station.mode = StationMode.OPEN
    assert ask(token="ZZ99").arguments["token"] == "ZZ99"


def test_blocked_and_expired_tags_are_not_reserved_for(db, tag, ask, now):
    tags.block(db, ADA, tag, now=now)
    with pytest.raises(Invalid, match="blocked"):
        ask()
    tags.unblock(db, ADA, tag, now=now)
    tag.expires_at = now
    with pytest.raises(Invalid, match="expired"):
        ask()
    assert db.query(Reservation).count() == 0


def test_no_secret_is_written_down_as_a_reservation(db, tenant, ask, now):
    tags.add(db, ADA, tenant.id, now=now, kind="key_code", value="4711")
    for given in ({"token": "4711"}, {"token": "0815", "token_kind": "key_code"}):
        with pytest.raises(Invalid, match="No connector is kept for a key code"):
            ask(**given)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"minutes": ""}, "until when"),
        ({"minutes": "", "expires_at": "2026-03-02T08:59:00Z"}, "in the past"),
        ({"minutes": "", "expires_at": "2029-03-02T08:59:00Z"}, "a year"),
        ({"connector": 9}, "no connector 9"),
        ({"minutes": "soon"}, "whole number"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(ask, given, sentence):
    with pytest.raises(Invalid, match=sentence):
        ask(**given)


def test_an_end_may_be_named_instead_of_minutes(db, ask, now):
    ask(minutes="", expires_at="2026-03-02T12:00:00+01:00")
    assert db.query(Reservation).one().expires_at == now + timedelta(hours=2)


def test_a_plug_is_kept_for_one_tag_at_a_time(kept, ask):
    with pytest.raises(Conflict, match="Connector 1 is kept for tag AB12 until"):
        ask()
    assert ask(connector=2).arguments["connector"] == 2


def test_any_plug_is_kept_once_for_a_tag(ask):
    ask(connector=0)
    with pytest.raises(Conflict, match="keeps a connector for tag AB12 already"):
        ask(connector=0)


def test_nothing_is_reserved_at_a_station_that_is_away(db, station, ask, now):
    sockets.close_connection(db, station.connection_id, code=1006, reason="", now=now)
    with pytest.raises(NotConnected):
        ask()
    assert db.query(Reservation).count() == 0


def cancel(db, station, number, now):
    given = {"reservation_id": number}
    return commands.queue(db, ADA, station, Order.CANCEL_RESERVATION, given, now=now, ttl_s=60)


def test_cancelling_ends_it(db, station, kept, now):
    settled(db, cancel(db, station, kept.id, now), YES, now)
    assert (kept.state, kept.sentence) == (ReservationState.CANCELLED, "Cancelled by Ada.")
    with pytest.raises(Conflict, match="cancelled already"):
        cancel(db, station, kept.id, now)


def test_a_station_that_does_not_know_it_has_removed_it(db, station, kept, now):
    no = Outcome(CommandState.REJECTED, {"status": "Rejected"}, "No such reservation.")
    settled(db, cancel(db, station, kept.id, now), no, now)
    assert kept.state is ReservationState.REMOVED


def test_a_cancel_without_an_answer_changes_nothing(db, station, kept, now):
    silent = Outcome(CommandState.TIMED_OUT, None, "No answer came.")
    settled(db, cancel(db, station, kept.id, now), silent, now)
    assert kept.state is ReservationState.ACTIVE


def test_only_its_own_reservations_can_be_cancelled_at_a_station(db, station, now):
    with pytest.raises(NotFound, match="CP-7 has no reservation 99"):
        cancel(db, station, 99, now)


def test_a_session_that_names_it_uses_it(db, station, kept, now):
    session = started(db, station, now, number=kept.id)
    assert (kept.state, kept.session_id) == (ReservationState.USED, session.id)
    assert session.reservation_id == kept.id


@pytest.mark.parametrize("number", [None, 0, -1, 424242])
def test_reservation_zero_means_none_but_the_same_tag_at_the_same_plug_uses_it(
    db, station, kept, now, number
):
    assert started(db, station, now, number=number, evse=2).reservation_id is None
    assert kept.state is ReservationState.ACTIVE
    assert started(db, station, now, number=number).reservation_id == kept.id
    assert kept.state is ReservationState.USED


@pytest.mark.parametrize("minutes, uses", [(0, True), (30, True), (31, False)])
def test_a_session_that_is_told_when_the_time_is_over_used_it_all_the_same(
    db, station, kept, now, minutes, uses
):
    later = now + timedelta(hours=3)
    reservations.expire_due(db, now=later)
    session = started(db, station, later, at=now + timedelta(minutes=minutes))
    assert (session.reservation_id == kept.id, kept.state is ReservationState.USED) == (uses, uses)


def test_a_tag_of_the_group_uses_what_was_kept_for_the_group(db, tenant, station, tag, ask, now):
    fleet = tag_groups.add(db, ADA, tenant.id, now=now, name="Fleet")
    tag.group_id = fleet.id
    tags.add(db, ADA, tenant.id, now=now, value="CD34", group_id=fleet.id)
    db.expire_all()
    row = settled(db, ask(connector=0), YES, now)
    assert row.group_token == "FLEET"
    session = started(db, station, now, token="CD34", evse=2)
    assert row.sentence == f"Session {session.id} used it by tag CD34."


def test_a_clock_that_lags_a_little_is_no_reason_to_miss_it(db, station, kept, now):
    assert started(db, station, now, at=now - timedelta(hours=1)).reservation_id is None
    assert started(db, station, now, at=now - timedelta(seconds=2)).reservation_id == kept.id


def test_a_stranger_at_the_plug_uses_nothing(db, station, kept, now):
    assert started(db, station, now, token="ZZ99").reservation_id is None
    assert kept.state is ReservationState.ACTIVE


def test_a_repeated_start_uses_it_once(db, station, kept, now):
    first = started(db, station, now, number=kept.id)
    assert started(db, station, now, number=kept.id) is first
    assert kept.session_id == first.id


def test_a_late_start_of_a_reservation_that_is_over_still_counts(db, station, kept, now):
    reservations.expire_due(db, now=now + timedelta(hours=1))
    session = started(db, station, now, number=kept.id)
    assert kept.session_id == session.id
    assert "though it was expired" in kept.sentence


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("expired", ReservationState.EXPIRED),
        ("removed", ReservationState.REMOVED),
        ("no_transaction", ReservationState.USED),
    ],
)
def test_a_station_may_end_it_by_itself(db, station, kept, now, word, state):
    assert reservations.ended(db, station, kept.id, word, now=now)
    assert kept.state is state
    assert not reservations.ended(db, station, kept.id, "removed", now=now)
    assert kept.state is state


def test_a_station_cannot_end_what_is_not_its_own(db, station, kept, now):
    assert not reservations.ended(db, station, kept.id + 1, "removed", now=now)
    assert not reservations.ended(db, station, None, "removed", now=now)
    assert not reservations.ended(db, station, kept.id, "", now=now)


@pytest.mark.parametrize("evse", [0, 1])
@pytest.mark.parametrize("word", [Availability.FAULTED, Availability.UNAVAILABLE])
def test_a_plug_that_is_out_of_order_is_kept_for_nobody(db, station, kept, now, evse, word):
    status = StatusReport(ConnectorRef(evse), word, Activity.NONE, word.value, now)
    statuses.status(db, station, status, now=now)
    assert kept.state is ReservationState.FAULTED


def test_another_plug_out_of_order_changes_nothing(db, station, kept, now):
    status = StatusReport(ConnectorRef(2), Availability.FAULTED, Activity.NONE, "Faulted", now)
    statuses.status(db, station, status, now=now)
    assert kept.state is ReservationState.ACTIVE


def test_a_tap_at_a_kept_plug_is_explained(db, station, kept, now):
    started(db, station, now, token="ZZ99")
    tap = db.query(Authorisation).order_by(Authorisation.id.desc()).first()
    assert tap.facts["reserved_for"] == "AB12"
    assert tap.facts["reservation"] == kept.id


def test_asking_again_makes_a_new_reservation(db, ask, now):
    no = Outcome(CommandState.REJECTED, {"status": "Occupied"}, "Occupied.")
    settled(db, ask(), no, now)
    first = db.query(Command).one()
    again = broadcasts.repeat(db, ADA, first, now=now, ttl_s=60)
    assert again.subject != first.subject
    assert again.arguments["expires_at"] == first.arguments["expires_at"]
