"""The page of a session that a 2.x station told."""

from datetime import timedelta

import pytest

from tests.support import lone
from tests.support.transactions import BEGAN, charge, event


@pytest.fixture
def reported(db, made):
    station = next(iter(made.sessions.values())).station
    reports = charge("tx-2x")
    reports[2].facts.update(phases=3, cable_a=32, limits={"maxEnergy": 20000})
    details = {"totalCost": {"currency": "EUR", "total": {"inclTax": 9.99}}}
    reports[5].facts["cost_details"] = details
    for report in reports:
        taken = lone.take(db, station, report, now=BEGAN + timedelta(hours=2))
    db.commit()
    return taken.session


def test_what_only_2x_tells_stands_on_the_page(viewer, reported):
    text = viewer.get(f"/sessions/{reported.id}").text
    for words in ("tx-2x", "6 events", "3 phases · 32 A", "20000 Wh", "9.99"):
        assert words in text
    assert 'Started · Preparing <span class="muted">Authorized</span>' in text


def test_a_session_without_a_start_says_what_is_waited_for(viewer, db, made):
    station = next(iter(made.sessions.values())).station
    late = event("ended", 5, 60, ref="tx-late")
    session = lone.take(db, station, late, now=BEGAN + timedelta(hours=2)).session
    db.commit()
    text = viewer.get(f"/sessions/{session.id}").text
    assert "we wait for what the charger has not reported yet" in text
    assert "no start reported" in text


def test_a_session_of_1_6_has_no_events(viewer, made):
    session = next(iter(made.sessions.values()))
    assert "Reported in" not in viewer.get(f"/sessions/{session.id}").text
