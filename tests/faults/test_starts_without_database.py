"""Charging begins, goes on and ends while PostgreSQL is away: by the tags as they were last known,
with ids that were leased before; afterwards each session is stored, billed and mailed once.
"""

from datetime import UTC, datetime, timedelta
from urllib.error import URLError

import pytest
from ocpp.exceptions import InternalError
from ocpp.v16 import call
from sqlalchemy import func, select, update

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, BillingState, TagStatus
from app.models import Authorisation, Bill, ChargingSession, Review, Tag
from tests.faults.test_database_away import bring_back, cluster, health, make_away  # noqa: F401
from tests.support.charge_point import ChargePoint
from tests.support.charge_point_2x import ChargePoint21, ChargePoint201
from tests.support.depot import furnish
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

VERSIONS = (ChargePoint, ChargePoint201, ChargePoint21)
BILLING = ("celery", "beat")
START_WH, STOP_WH = 10_000, 17_350
# By hand: 1.00 + 7.350 kWh x 0.40 = 3.94 with tax.
GROSS_MINOR = 394
BLOCKED = "B10C4ED0"
UNKNOWN = "FFFFFFFF"


@pytest.fixture
def away(cluster, make_away, smtp_server):  # noqa: F811
    """Take the database from a site with a charger of each version: `away(without_database=…)`.

    `more` are the programs beside its worker.
    """
    chargers = []

    def leave(*versions, more=(), **settings):
        site = make_away("worker", *more, storage_hold_s=1, smtp_url=smtp_server.url, **settings)
        place = furnish(site, station_count=len(versions))
        with site.work() as db:
            tenant = db.scalar(select(Tag.tenant_id))
            tags.add(db, SYSTEM, tenant, value=BLOCKED, now=datetime.now(UTC))
            db.execute(update(Tag).where(Tag.value == BLOCKED).values(status=TagStatus.BLOCKED))
        site.processes["worker"].stop()
        site.restart("worker")  # which reads the list at once
        for version, station in zip(versions, place.stations, strict=True):
            chargers.append(version(site.charger_url, *station))
            chargers[-1].connect()
            assert chargers[-1].boot().status == "Accepted"
            chargers[-1].status("Available")
        eventually(lambda: health(site)["known_tags"] == 2, what="the worker knows the tags")
        eventually(lambda: health(site)["leased_ids"], what="the worker has ids")
        cluster.stop()
        return site, place, chargers

    yield leave
    for charger in chargers:
        charger.close()


def info(answer):
    """What an answer says of the tag, if anything: the status."""
    told = getattr(answer, "id_tag_info", None) or getattr(answer, "id_token_info", None)
    return told and told["status"]


def charge(charger, tag):
    """A session of forty minutes that ends now; what was said of its tag, and its id."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=40)
    answer = charger.start(tag, START_WH, began)
    number = getattr(answer, "transaction_id", None)
    charger.meter(number, 12_000, began + timedelta(minutes=20))
    charger.stop(number, STOP_WH, began + timedelta(minutes=40), tag)
    return info(answer), str(number or charger.transaction)


def all_stored(site):
    def stored():
        try:
            told = health(site)
        except URLError:
            return False  # it is only starting
        return told["storage"] and told["spool"]["frames"] == 0

    eventually(stored, what="the spool is empty")


def sessions(site):
    with site.read() as db:
        return db.scalars(select(ChargingSession).order_by(ChargingSession.station_id)).all()


@pytest.mark.landing
def test_whole_sessions_of_every_version_are_stored_once(cluster, away, smtp_server):  # noqa: F811
    site, place, chargers = away(*VERSIONS, more=BILLING)
    told = []
    for charger in chargers:
        assert info(charger.authorize(place.tag)) == "Accepted"
        told.append(charge(charger, place.tag))
    assert [status for status, _ in told] == ["Accepted"] * 3
    assert health(site)["storage"] is False
    bring_back(cluster, site)
    all_stored(site)

    def billed():
        found = [one.billing for one in sessions(site)]
        return found == [BillingState.BILLED] * 3

    eventually(billed, what="all sessions are billed")
    eventually(lambda: len(smtp_server.to(place.mail)) == 3, what="three receipts")
    for one, (_, number) in zip(sessions(site), told, strict=True):
        assert one.transaction_ref == number
        assert "let_in_away" in one.flags
        assert not one.unauthorised
        assert one.energy_wh == STOP_WH - START_WH
    with site.read() as db:
        assert db.scalars(select(Bill.gross_minor)).all() == [GROSS_MINOR] * 3
        taps = dict(
            db.execute(
                select(Authorisation.occasion, func.count()).group_by(Authorisation.occasion)
            ).all()
        )
        assert (taps["authorize"], taps["start"]) == (3, 3)
        assert not db.scalars(select(Review)).all()
    # The next session has an id of the database's own: nobody else's.
    assert charge(chargers[0], place.tag)[1] not in {number for _, number in told}


@pytest.mark.landing
def test_nobody_is_told_that_a_tag_is_unknown(cluster, away):  # noqa: F811
    site, _, (old, new) = away(ChargePoint, ChargePoint201)
    for charger in (old, new):
        with pytest.raises(InternalError):
            charger.authorize(UNKNOWN)
        assert info(charger.authorize(BLOCKED)) == "Blocked"
    # What began is taken in, and nothing is said of its tag.
    assert charge(new, UNKNOWN)[0] is None
    assert charge(old, BLOCKED)[0] == "Blocked"
    bring_back(cluster, site)
    all_stored(site)
    for one in sessions(site):
        assert one.unauthorised
        assert "let_in_away" not in one.flags


@pytest.mark.nightly
def test_a_start_with_an_unknown_tag_of_1_6_waits_at_its_charger(cluster, away):  # noqa: F811
    site, _, [charger] = away(ChargePoint)
    now = datetime.now(UTC).replace(microsecond=0)
    start = call.StartTransaction(
        connector_id=1, id_tag=UNKNOWN, meter_start=START_WH, timestamp=now.isoformat()
    )
    answer = charger.begin(start)
    with pytest.raises((ConnectionError, TimeoutError)):
        answer.result(60)
    bring_back(cluster, site)
    told = charger.send(start)
    assert told.id_tag_info["status"] == "Invalid"  # the database has said so
    [session] = sessions(site)
    assert session.transaction_ref == str(told.transaction_id)


@pytest.mark.landing
def test_everybody_may_charge_where_that_is_set_and_is_looked_at_later(cluster, away):  # noqa: F811
    versions = (ChargePoint, ChargePoint201)
    site, _, (old, new) = away(*versions, more=BILLING, without_database="all")
    for charger in (old, new):
        assert info(charger.authorize(UNKNOWN)) == "Accepted"
        assert charge(charger, UNKNOWN)[0] == "Accepted"
    assert info(old.authorize(BLOCKED)) == "Blocked"
    bring_back(cluster, site)
    all_stored(site)
    held = [BillingState.HELD] * 2
    eventually(lambda: [one.billing for one in sessions(site)] == held, what="both are held")
    for one in sessions(site):
        assert one.unauthorised
        assert "let_in_away" in one.flags


@pytest.mark.nightly
def test_nobody_may_charge_where_that_is_set(cluster, away):  # noqa: F811
    site, place, (old, new) = away(ChargePoint, ChargePoint201, without_database="none")
    for charger in (old, new):
        with pytest.raises(InternalError):
            charger.authorize(place.tag)
    assert charge(new, place.tag)[0] is None
    bring_back(cluster, site)
    all_stored(site)
    [session] = sessions(site)
    assert not session.unauthorised


@pytest.mark.nightly
def test_a_tag_that_was_blocked_just_before_holds_the_bill(cluster, away):  # noqa: F811
    site, place, [charger] = away(ChargePoint, more=BILLING)
    assert charge(charger, place.tag)[0] == "Accepted"
    site.processes["worker"].kill9()
    bring_back(cluster, site)
    with site.work() as db:
        db.execute(update(Tag).values(status=TagStatus.BLOCKED))
        assert db.scalar(select(func.count(ChargingSession.id))) == 0
    site.restart("worker")
    all_stored(site)
    eventually(
        lambda: [one.billing for one in sessions(site)] == [BillingState.HELD],
        *(120, "its bill is held"),
    )
    [session] = sessions(site)
    assert (session.unauthorised, session.energy_wh) == (True, STOP_WH - START_WH)
