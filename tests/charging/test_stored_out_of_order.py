"""What waits on one node while its station goes on over another gives the same in the end."""

from datetime import timedelta
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import case, select

from app.domain.access import tags
from app.domain.charging import metering, running
from app.domain.ground.vocabulary import SYSTEM, SessionState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import ChargingSession, Connector, MeterReading, Station, StatusEvent, StrayStop
from bench.scripts import stamp
from tests.support import sockets
from tests.support.chance import tries
from tests.support.charging import STARTED, network
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.dialects.records import Bulk
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

pytestmark = pytest.mark.usefixtures("any_app")

CARD = "04A2B3"
SECOND = timedelta(seconds=1)
STATUSES = (
    *("Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing"),
    "Faulted",
)
many = settings(
    max_examples=tries(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)


@pytest.fixture
def station(any_app):
    net = network(flask_db.session())
    tags.add(net.db, SYSTEM, net.station.tenant_id, value=CARD, now=STARTED)
    net.db.flush()
    return net.station


def status(number, plug, word):
    told = {"connectorId": plug, "status": word, "errorCode": "NoError", "info": f"{number}"}
    return "StatusNotification", told | {"timestamp": stamp(at(number))}


def boot(number, firmware):
    told = {"chargePointVendor": "Acme", "chargePointModel": f"M{number}"}
    return "BootNotification", told | {"firmwareVersion": firmware}


def start(number, ref):
    told = {"connectorId": 1, "idTag": CARD, "meterStart": 100, "timestamp": stamp(at(number))}
    return "StartTransaction", told | {"transactionId": ref}


def reading(number, ref):
    sample = {"measurand": "Energy.Active.Import.Register", "value": str(100 + number)}
    value = {"timestamp": stamp(at(number)), "sampledValue": [sample]}
    return "MeterValues", {"connectorId": 1, "transactionId": ref, "meterValue": [value]}


def stop(number, ref):
    told = {"transactionId": ref, "meterStop": 100 + number, "timestamp": stamp(at(number))}
    return "StopTransaction", told | {"idTag": CARD, "reason": "EVDisconnected"}


def at(number):
    return STARTED + number * 10 * SECOND


def say(db, number, frame):
    """Let a frame be handled that came then."""
    action, payload = frame
    station = db.scalars(select(Station)).one()
    now = at(number) + SECOND
    context = Context(db, station, station.id, "UTC", {}, now)
    if action == "StartTransaction":
        info = {"idTagInfo": {"status": "Accepted"}}
        context.told = info | {"transactionId": payload["transactionId"]}
    handler = DIALECTS[Version.V16].routes[action].handler
    if isinstance(handler, Bulk):
        _, newest = metering.store(db, [handler.read(Fields(payload), context)], now=now)
        running.show(db, newest)
    else:
        handler(Fields(payload), context)
    db.expire_all()


def found(db):
    """What is known in the end, but for how often the same was said and for numbers of rows."""
    plugs = (
        *(Connector.evse, Connector.availability, Connector.activity, Connector.status_word),
        *(Connector.info, Connector.status_at, Connector.status_received_at, Connector.since),
        Connector.stale,
    )
    # The bill of one that has ended rests on the history.
    running = ChargingSession.state == SessionState.CHARGING
    stands = case((running, ChargingSession.idle_since))
    session = (
        *(ChargingSession.transaction_ref, ChargingSession.state, ChargingSession.started_at),
        *(ChargingSession.ended_at, ChargingSession.meter_stop_wh, ChargingSession.energy_wh),
        *(ChargingSession.stop_reason, stands, ChargingSession.flags),
        *(ChargingSession.last_reading_at, ChargingSession.last_register_wh),
    )
    known = (
        *(Station.model, Station.firmware, Station.last_boot_at, Station.boot_raw),
        *(Station.last_seen_at, Station.booted_registration),
    )
    numbers = dict(db.execute(select(ChargingSession.id, ChargingSession.transaction_ref)).all())
    read = db.execute(select(MeterReading.session_id, MeterReading.taken_at))
    history = select(StatusEvent.evse, StatusEvent.info, StatusEvent.at, StatusEvent.received_at)
    told = sorted(map(tuple, db.execute(history)), key=lambda row: (row[0], row[3]))
    return {
        "plugs": sorted(map(repr, db.execute(select(*plugs)))),
        "sessions": sorted(map(repr, db.execute(select(*session)))),
        "station": list(map(repr, db.execute(select(*known)))),
        "readings": sorted((numbers.get(number), at) for number, at in read),
        "history": [each for each, _ in groupby(told)],
        "strays": list(db.scalars(select(StrayStop.outcome).where(StrayStop.session_id.is_(None)))),
    }


def outcome(station, steps, order):
    """What comes of steps, each a frame or a new connection, that are stored in this order."""
    db = flask_db.session()
    with db.begin_nested() as savepoint:
        for number in order:
            if steps[number] is None:
                sockets.open_connection(db, station, now=at(number) + SECOND)
            else:
                say(db, number, steps[number])
        result = found(db)
        savepoint.rollback()
    db.expire_all()
    return result


words = st.tuples(st.just("status"), st.integers(1, 2), st.sampled_from(STATUSES))
boots = st.tuples(st.just("boot"), st.sampled_from(["1.0", "2.0"]))
charges = st.tuples(st.just("charge"))
conversations = st.lists(st.lists(words | boots | charges, max_size=5), min_size=2, max_size=3)


@st.composite
def told_over_nodes(draw):
    """Steps of a station over connections, and an order in which their nodes might store them.

    A connection begins when it does; what was said over one stays in its order.
    """
    steps, lanes, ref = [], [], 0
    charge = (start, reading, stop)
    for conversation in draw(conversations):
        lanes.append([len(steps)])
        steps.append(None)
        for kind, *told in conversation:
            lanes[-1].append(len(steps))
            number = len(steps)
            if kind == "status":
                steps.append(status(number, *told))
            elif kind == "boot":
                steps.append(boot(number, *told))
            else:
                ref += 1
                steps.append(charge[(ref - 1) % 3](number, 900_001 + (ref - 1) // 3))
    order, held = [], []
    for lane in lanes:
        kept = draw(st.integers(1, len(lane))) if lane is not lanes[-1] else len(lane)
        order += lane[:kept]
        held.append(lane[kept:])
    while any(held):
        lane = draw(st.sampled_from([lane for lane in held if lane]))
        order.append(lane.pop(0))
    return steps, order


@pytest.mark.landing
@many
@given(told_over_nodes())
def test_any_order_of_nodes_gives_what_the_order_of_words_gives(station, told):
    steps, order = told
    assert outcome(station, steps, order) == outcome(station, steps, range(len(steps)))


def test_an_older_status_does_not_overwrite_what_was_heard_since(station):
    steps = [None, status(1, 1, "Charging"), None, status(3, 1, "Available")]
    late = outcome(station, steps, [0, 2, 3, 1])
    assert late == outcome(station, steps, range(4))
    assert "AVAILABLE" in repr(late["plugs"])


def test_a_start_that_is_stored_after_its_end_makes_a_session_that_ended(station):
    steps = [None, start(1, 900_001), None, reading(3, 900_001), stop(4, 900_001)]
    late = outcome(station, steps, [0, 2, 3, 4, 1])
    assert late == outcome(station, steps, range(5))
    assert (late["strays"], late["readings"][0][0]) == ([], "900001")


def test_a_reading_that_was_lent_to_what_ran_goes_to_the_session_that_it_named(station):
    steps = [None, start(1, 900_001), reading(2, 900_001), stop(3, 900_001), start(4, 900_002)]
    steps += [None, reading(6, 900_002)]
    late = outcome(station, steps, [0, 1, 5, 6, 2, 3, 4])
    assert late == outcome(station, steps, range(7))
    running = outcome(station, steps, [0, 1, 2, 5, 6, 4])
    assert sorted(each for each, _ in running["readings"]) == ["900001", "900002"]


def test_a_status_that_comes_after_the_bill_has_the_session_weighed_again(station):
    steps = [None, start(1, 900_001), status(2, 1, "SuspendedEV"), None, stop(4, 900_001)]
    db = flask_db.session()
    sockets.open_connection(db, station, now=at(0))
    say(db, 1, steps[1])
    sockets.open_connection(db, station, now=at(3))
    say(db, 4, steps[4])
    say(db, 5, status(5, 1, "Available"))
    session = db.scalars(select(ChargingSession)).one()
    billing.settle_all(db, [session.id], now=at(5))
    say(db, 2, steps[2])
    assert db.scalars(select(ChargingSession)).one().late_evidence_at is not None
