"""One driver's energy never joins another's bill: where two claim it, a person decides."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.access import tags
from app.domain.charging import metering, running, sessions
from app.domain.charging.metering import Metered
from app.domain.charging.sessions import Stop
from app.domain.ground.vocabulary import (
    SYSTEM,
    Actor,
    MeterReport,
    Sample,
    SessionState,
    StopReason,
    Token,
)
from app.domain.money import billing, reviews
from app.models import Bill, MeterReading, Review
from tests.support import lone
from tests.support.charging import STARTED
from tests.support.transactions import BEGAN, CARD, charge, event

LATER = STARTED + timedelta(hours=6)
ADA = Actor("Ada Lovelace", 1)
RUNS = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None}


def reading(minute, wh):
    sample = Sample("Energy.Active.Import.Register", Decimal(wh), "Wh", text=str(wh))
    return MeterReport(STARTED + timedelta(minutes=minute), (sample,))


def other_driver(session):
    session.token, session.tag_id, session.driver_id = "OTHER", None, None
    return session


def test_sessions_of_two_cards_that_overlap_at_one_plug_are_both_held(db, net):
    first = net.session()
    second = other_driver(net.session(started_at=STARTED + timedelta(minutes=40)))
    db.flush()
    for session in (first, second):
        review = lone.settle(db, session.id, now=LATER)
        assert isinstance(review, Review)
        assert "overlaps_another" in review.reasons


def test_a_bill_is_looked_at_again_when_another_card_overlaps_it(db, net):
    first = net.session()
    assert isinstance(lone.settle(db, first.id, now=LATER), Bill)
    second = other_driver(net.session(started_at=STARTED + timedelta(minutes=40)))
    db.flush()
    lone.settle(db, second.id, now=LATER)
    assert first.id in billing.unsettled(db, now=LATER)
    assert "overlaps_another" in lone.settle(db, first.id, now=LATER).reasons


@pytest.mark.parametrize("minute", [60, 59.5])
def test_one_after_the_other_is_no_overlap(db, net, minute):
    first = net.session()
    second = other_driver(net.session(started_at=STARTED + timedelta(minutes=minute)))
    db.flush()
    assert isinstance(lone.settle(db, first.id, now=LATER), Bill)
    assert "overlaps_another" not in second.flags


def test_late_readings_of_an_assumed_end_that_straddle_the_next_driver_are_held(db, net):
    first = net.session(**RUNS)
    net.reading(first, 20, 4_000)
    began = STARTED + timedelta(minutes=30)
    sessions.close_provisionally(db, first, now=began)
    second = other_driver(net.session(started_at=began))
    db.flush()
    item = Metered(net.station.id, 1, first.transaction_ref, (reading(50, 107_000),))
    _, newest = metering.store(db, [item], now=LATER)
    running.show(db, newest)
    db.expire_all()
    assert "overlaps_another" in lone.settle(db, second.id, now=LATER).reasons
    assert "overlaps_another" in first.flags


def test_a_reading_without_a_transaction_from_before_a_session_is_not_its_own(db, net):
    net.session()
    second = other_driver(net.session(started_at=STARTED + timedelta(hours=2), **RUNS))
    db.flush()
    item = Metered(net.station.id, 1, None, (reading(55, 109_000), reading(90, 110_000)))
    assert metering.store(db, [item], now=LATER)[0] == [None]
    assert not db.query(MeterReading).filter_by(session_id=second.id).all()


@pytest.mark.parametrize(
    ("wh", "minute", "token"), [(105_000, -30, None), (90_000, 30, None), (105_000, 30, "OTHER")]
)
def test_a_stop_that_cannot_be_the_open_sessions_ends_it_by_no_guess(db, net, wh, minute, token):
    session = net.session(**RUNS)
    at = STARTED + timedelta(minutes=minute)
    stop = Stop(
        transaction_ref=None, meter_stop_wh=Decimal(wh), ended_at=at, reason=StopReason.LOCAL,
        word="Local", token=Token(token) if token else None, payload={"timestamp": str(at)},
    )  # fmt: skip
    assert lone.end(db, net.station, stop, now=LATER)[0] is None
    assert session.state is SessionState.CHARGING


def test_another_drivers_card_within_a_transaction_holds_its_bill(db, net):
    net.site.tariff = net.version.tariff
    tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value, driver_id=net.driver.id)
    reports = charge()
    reports[3] = event("updated", 3, 40, token=Token("OTHER"), trigger="Authorized")
    for report in reports:
        taken = lone.take(db, net.station, report, now=BEGAN + timedelta(hours=2))
    review = lone.settle(db, taken.session.id, now=BEGAN + timedelta(hours=2))
    assert "two_tags" in review.reasons


def test_a_second_card_of_the_same_driver_holds_nothing(db, net):
    net.site.tariff = net.version.tariff
    for text in (CARD.value, "SPARE"):
        tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, value=text, driver_id=net.driver.id)
    reports = charge()
    reports[3] = event("updated", 3, 40, token=Token("SPARE", "iso14443"), trigger="Authorized")
    for report in reports:
        taken = lone.take(db, net.station, report, now=BEGAN + timedelta(hours=2))
    assert "two_tags" not in taken.session.flags


def test_an_assumed_end_that_a_person_bills_is_compared_with_other_cards_sessions(db, net):
    first = net.session(**RUNS)
    net.reading(first, 20, 4_000)
    sessions.close_provisionally(db, first, now=STARTED + timedelta(minutes=30))
    other_driver(net.session(started_at=STARTED + timedelta(minutes=10)))
    db.flush()
    review = reviews.bill_now(db, ADA, first, note="the driver asks for it", now=LATER)
    assert "overlaps_another" in review.reasons
