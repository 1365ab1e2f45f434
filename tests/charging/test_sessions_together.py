"""Taps, starts and stops of many stations at once leave the rows that they leave one by one."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.access import authorisation, tags
from app.domain.access.authorisation import AUTHORIZE, Tap
from app.domain.charging import sessions
from app.domain.charging.metering import Metered
from app.domain.ground.vocabulary import (
    SYSTEM,
    ConnectorRef,
    MeterReport,
    Sample,
    SessionState,
    StationMode,
    StopReason,
    Token,
)
from app.domain.network import stations
from app.extensions import db as flask_db
from app.models import (
    Authorisation,
    ChargingSession,
    MeterReading,
    Station,
    StrayStop,
    TagGroup,
)
from app.uow import unit_of_work
from tests.support.chance import tries
from tests.support.charging import STARTED, network

NOW = STARTED + timedelta(minutes=30)
RUNS = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None}
STATIONS = 4
TABLES = [row.__table__ for row in (ChargingSession, Authorisation, StrayStop, MeterReading)]
#: What counts up, and so differs between two ways of getting there.
COUNTED = {"id", "session_id", "transaction_ref"}

CARDS = st.sampled_from(["FREE", "ONCE", "once", "MATE", "OTHER", "OLD", "nobody", "O-N-C-E", ""])
MINUTES = st.integers(-600, 40).map(lambda minute: STARTED + timedelta(minutes=minute))
REGISTERS = st.none() | st.integers(90_000, 120_000).map(Decimal)
TAPS = st.tuples(st.just("tap"), CARDS)
STARTS = st.tuples(
    st.just("start"), CARDS, st.integers(1, 2), MINUTES, REGISTERS, st.booleans(), st.just(7)
)
STOPS = st.tuples(
    st.just("stop"),
    st.none() | CARDS,
    st.sampled_from([None, "t0", "t1", "t2", "t3", "99999"]),
    MINUTES,
    REGISTERS,
    st.booleans(),
)
#: At most one word of each station.
WORDS = st.dictionaries(st.integers(0, STATIONS - 1), TAPS | STARTS | STOPS, max_size=STATIONS)


@pytest.fixture
def known(any_app):
    """The ids of stations: the first is open to everyone, and a session has run at each."""
    with unit_of_work() as db:
        net = network(db)
        net.site.tariff_id = net.version.tariff_id
        ids = [net.station.id]
        net.station.mode = StationMode.OPEN
        for number in range(1, STATIONS):
            station, _ = stations.register(
                *(db, SYSTEM, net.site.tenant_id, net.site, f"CP-{number + 1}"), now=STARTED
            )
            ids.append(station.id)
        group = TagGroup(
            tenant_id=net.site.tenant_id, name="Fleet", parent="FLEET", created_at=STARTED
        )
        db.add(group)
        db.flush()
        for value, more in {
            "FREE": {},
            "ONCE": {"concurrent_limit": 1, "driver_id": net.driver.id, "group_id": group.id},
            "MATE": {"group_id": group.id},
            "OTHER": {"station_ids": frozenset({ids[1]})},
            "OLD": {"expires_at": STARTED},
        }.items():
            facts = {**more}
            tags.add(db, SYSTEM, net.site.tenant_id, now=STARTED, value=value, **facts)
        for number in range(STATIONS):
            row = net.session(**(RUNS if number % 2 else {}), evse=1)
            row.station_id, row.token = ids[number], "ONCE" if number == 1 else "FREE"
    return ids


def facts_of(known, words):
    """The facts by kind, the kinds in the order of their first word."""
    db = flask_db.session()
    found = {}
    for number, (kind, *rest) in words.items():
        make = {"tap": tap, "start": start, "stop": stop}[kind]
        found.setdefault(kind, []).append(make(db.get(Station, known[number]), *rest))
    return found


def tap(station, card):
    return Tap(station, Token(card), AUTHORIZE, NOW)


def start(station, card, evse, at, wh, replaced, reservation):
    told = sessions.Start(
        connector=ConnectorRef(evse), token=Token(card), meter_start_wh=wh, started_at=at,
        raw_time=str(at), clock_replaced=replaced, reservation_id=reservation,
    )  # fmt: skip
    return sessions.Starting(station, told, NOW)


def stop(station, card, ref, at, wh, metered):
    told = sessions.Stop(
        transaction_ref=ref, meter_stop_wh=wh, ended_at=at, reason=StopReason.LOCAL, word="Local",
        token=Token(card) if card else None, payload={"timestamp": str(at), "transactionId": ref},
    )  # fmt: skip
    sample = Sample("Energy.Active.Import.Register", wh, "Wh")
    reports = (MeterReport(at, (sample,), False),)
    readings = Metered(station.id, 0, ref, reports) if metered else None
    return sessions.Stopping(station, told, NOW, readings)


TOGETHER = {
    "tap": authorisation.decide_all,
    "start": sessions.begin_all,
    "stop": sessions.end_all,
}


def left(db):
    """All that is left behind, but for numbers that count up."""
    db.flush()
    found = []
    for table in TABLES:
        columns = [column for column in table.c if column.name not in COUNTED]
        rows = db.execute(select(*columns)).all()
        found += sorted(f"{table.name} {tuple(map(repr, row))}" for row in rows)
    return found


@settings(
    max_examples=tries(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(words=WORDS, again=st.booleans())
def test_a_batch_of_words_leaves_what_they_leave_one_by_one(known, words, again):
    db = flask_db.session()
    for _ in range(1 + again):
        for kind, facts in facts_of(known, words).items():
            TOGETHER[kind](db, facts)
    together = left(db)
    db.rollback()
    for _ in range(1 + again):
        for kind, facts in facts_of(known, words).items():
            for fact in facts:
                TOGETHER[kind](db, [fact])
    alone = left(db)
    db.rollback()
    assert together == alone
