"""Who may charge, and why not."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select

from app.domain.access import authorisation, tags
from app.domain.charging import sessions
from app.domain.ground.vocabulary import (
    SYSTEM,
    ConnectorRef,
    SessionState,
    StationMode,
    TagStatus,
    Token,
    Verdict,
)
from app.domain.network import sites
from app.extensions import db as flask_db
from app.models import Authorisation, Tag, TagGroup
from app.uow import unit_of_work
from tests.support import lone
from tests.support.stations import register
from tests.support.transactions import event


@pytest.fixture
def station(db, tenant, depot, now):
    return register(db, now=now)


@pytest.fixture
def card(db, tenant, now):
    return tags.add(db, SYSTEM, tenant.id, now=now, value="04A2B3")


def tap(db, station, now, value="04A2B3", occasion=authorisation.AUTHORIZE, **more):
    return authorisation.decide(db, authorisation.Tap(station, Token(value), occasion, now, **more))


def begin(db, station, now, value="04A2B3", evse=1, told_at=None, **more):
    start = sessions.Start(ConnectorRef(evse), Token(value), None, now, f"{now}{evse}", **more)
    return lone.begin(db, station, start, now=told_at or now)


def test_a_listed_tag_may_charge_and_the_decision_is_kept(db, station, card, now):
    assert tap(db, station, now).verdict is Verdict.ACCEPTED
    kept = db.scalars(select(Authorisation)).one()
    assert (kept.token, kept.reason, kept.tag_id) == ("04A2B3", "listed", card.id)
    assert kept.facts["mode"] == "listed"


def test_an_unknown_tag_is_invalid_where_tags_are_listed(db, station, now):
    decision = tap(db, station, now, "NOBODY")
    assert (decision.verdict, decision.reason) == (Verdict.INVALID, "unknown_tag")
    assert "NOBODY" in decision.sentence


def test_an_open_station_lets_everyone_charge_but_not_a_blocked_tag(db, station, card, now):
    station.mode = StationMode.OPEN
    assert tap(db, station, now, "NOBODY").reason == "open_access"
    card.status = TagStatus.BLOCKED
    assert tap(db, station, now).verdict is Verdict.BLOCKED


def test_a_closed_station_lets_nobody_charge(db, station, card, now):
    station.mode = StationMode.CLOSED
    assert tap(db, station, now).reason == "station_closed"


def test_a_tag_ends_at_its_expiry_to_the_second(db, station, card, now):
    card.expires_at = now + timedelta(seconds=1)
    assert tap(db, station, now).accepted
    card.expires_at = now
    assert tap(db, station, now).verdict is Verdict.EXPIRED


def test_an_archived_tag_is_on_no_list(db, station, card, now):
    card.archived_at = now
    assert tap(db, station, now).verdict is Verdict.INVALID


def test_a_tag_restricted_to_a_site_charges_only_there(db, tenant, depot, station, card, now):
    elsewhere = sites.add(
        db, SYSTEM, tenant.id, now=now, name="Market", timezone="UTC", currency="EUR"
    )
    card.sites = [elsewhere]
    assert tap(db, station, now).reason == "not_here"
    card.stations = [station]
    assert tap(db, station, now).accepted


def test_separators_only_count_when_one_tag_fits(db, tenant, station, card, now):
    assert tap(db, station, now, "04:a2:b3").accepted
    tags.add(db, SYSTEM, tenant.id, now=now, value="04-A2-B3")
    assert tap(db, station, now, "04:a2:b3").verdict is Verdict.INVALID


def test_the_limit_counts_running_sessions_at_the_start_only(db, station, card, now):
    card.concurrent_limit = 1
    first = begin(db, station, now)
    assert first.decision.accepted
    # A tap may be meant to stop the session that runs.
    assert tap(db, station, now).accepted
    second = begin(db, station, now, evse=2)
    assert second.decision.verdict is Verdict.CONCURRENT
    assert second.session.unauthorised
    assert second.session.state is SessionState.CHARGING


def test_a_repeated_start_does_not_count_against_its_own_limit(db, station, card, now):
    card.concurrent_limit = 1
    begin(db, station, now)
    again = begin(db, station, now)
    assert again.repeated
    assert again.decision.accepted


def test_a_tag_that_expired_since_the_start_was_good_then(db, station, card, now):
    card.expires_at = now
    before, after = now - timedelta(seconds=1), now + timedelta(hours=2)
    begun = begin(db, station, before, told_at=after)
    assert begun.decision.accepted and not begun.session.unauthorised
    assert "when it was shown" in begun.decision.sentence
    # Its charger forgets it all the same.
    assert begun.decision.expires_at == now
    assert begin(db, station, now, evse=2, told_at=after).session.unauthorised


def test_a_clock_that_cannot_be_right_does_not_say_that_a_tag_was_good(db, station, card, now):
    card.expires_at = now
    after = now + timedelta(hours=2)
    for at, replaced in ((now - timedelta(days=1), True), (after + timedelta(hours=1), False)):
        assert begin(
            db, station, at, evse=2 + replaced, told_at=after, clock_replaced=replaced
        ).session.unauthorised


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_any_order_a_2x_tag_was_good_when_it_was_shown(db, station, card, now, order):
    card.expires_at = now
    reports = [
        event(kind, number, 0, at=now + timedelta(minutes=minute), offline=True, **told)
        for number, (kind, minute, told) in enumerate(
            [
                ("started", -40, {"trigger": "CablePluggedIn", "connector": ConnectorRef(1)}),
                ("updated", -30, {"trigger": "Authorized", "token": Token("04A2B3", "iso14443")}),
                ("ended", 30, {"token": Token("04A2B3", "iso14443")}),
            ]
        )
    ]
    for which in order:
        taken = lone.take(db, station, reports[which], now=now + timedelta(hours=2))
    assert taken.session.state is SessionState.ENDED
    assert (taken.session.tag_id, taken.session.unauthorised) == (card.id, False)


def two_stations(db, now):
    places = [register(db, name, now=now) for name in "AB"]
    tenant_id = places[0].tenant_id
    tags.add(db, SYSTEM, tenant_id, now=now, value="04A2B3", concurrent_limit=1)
    return places


def test_a_start_that_is_told_late_is_held_against_the_sessions_of_its_time(any_app, now):
    ago = now - timedelta(hours=3)
    with unit_of_work() as db:
        here, there = two_stations(db, now)
        begin(db, here, now)
        for _ in range(2):  # it is told again
            late = begin(db, there, ago, told_at=now)
            assert late.decision.accepted and not late.session.unauthorised
        # A second one within the first is one too many, whenever it is told.
        then = now + timedelta(seconds=1)
        within = begin(db, there, ago + timedelta(minutes=5), evse=2, told_at=then)
        assert within.decision.verdict is Verdict.CONCURRENT and within.session.unauthorised


def grouped(db, tenant, now, *values):
    group = TagGroup(tenant_id=tenant.id, name="Fleet", parent="FLEET", created_at=now)
    db.add(group)
    db.flush()
    for value in values:
        tag = db.scalar(select(Tag).where(Tag.value == value)) or tags.add(
            db, SYSTEM, tenant.id, now=now, value=value
        )
        tag.group_id = group.id
    db.flush()
    return group


def test_a_tag_of_the_same_group_may_end_a_session(db, tenant, station, card, now):
    grouped(db, tenant, now, "04A2B3", "COLLEAGUE")
    session = begin(db, station, now).session
    decision = tap(db, station, now, "COLLEAGUE", authorisation.STOP, session=session)
    assert (decision.accepted, decision.reason, decision.parent) == (True, "same_group", "FLEET")


def test_a_stranger_may_not_end_a_session(db, tenant, station, card, now):
    tags.add(db, SYSTEM, tenant.id, now=now, value="STRANGER")
    session = begin(db, station, now).session
    decision = tap(db, station, now, "STRANGER", authorisation.STOP, session=session)
    assert (decision.verdict, decision.reason) == (Verdict.INVALID, "other_tag")


def test_the_group_is_told_to_the_charger(db, tenant, station, card, now):
    grouped(db, tenant, now, "04A2B3")
    assert tap(db, station, now).parent == "FLEET"


def test_a_tag_of_any_length_is_decided_about(any_app, now):
    with unit_of_work() as db:
        station = register(db, now=now)
        assert tap(db, station, now, "x" * 65_536).verdict is Verdict.INVALID
    kept = flask_db.session.scalars(select(Authorisation)).one()
    assert kept.token == "x" * 255
    assert kept.sentence == f"The tag {kept.token} is on no list."
