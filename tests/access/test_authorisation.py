"""Who may charge, and why not."""

from datetime import timedelta

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
from app.domain.network import sites, stations, tenants
from app.extensions import db as flask_db
from app.models import Authorisation, Tag, TagGroup
from app.uow import unit_of_work
from tests.support import lone


@pytest.fixture
def tenant(db, now):
    return tenants.first(db, now=now)


@pytest.fixture
def depot(db, tenant, now):
    return sites.add(
        db, SYSTEM, tenant.id, now=now, name="Depot", timezone="Europe/Berlin", currency="EUR"
    )


@pytest.fixture
def station(db, tenant, depot, now):
    return stations.register(db, SYSTEM, tenant.id, depot, "CP-1", now=now)[0]


@pytest.fixture
def card(db, tenant, now):
    return tags.add(db, SYSTEM, tenant.id, now=now, value="04A2B3")


def tap(db, station, now, value="04A2B3", occasion=authorisation.AUTHORIZE, **more):
    return authorisation.decide(db, station, Token(value), occasion=occasion, now=now, **more)


def begin(db, station, now, value="04A2B3", evse=1):
    start = sessions.Start(ConnectorRef(evse), Token(value), None, now, f"{now}{evse}")
    return lone.begin(db, station, start, now=now)


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
        tenant = tenants.first(db, now=now)
        place = sites.add(
            db, SYSTEM, tenant.id, now=now, name="D", timezone="Europe/Berlin", currency="EUR"
        )
        station = stations.register(db, SYSTEM, tenant.id, place, "CP-1", now=now)[0]
        assert tap(db, station, now, "x" * 65_536).verdict is Verdict.INVALID
    kept = flask_db.session.scalars(select(Authorisation)).one()
    assert kept.token == "x" * 255
    assert kept.sentence == f"The tag {kept.token} is on no list."
