"""What stations of all versions say in one batch, while staff edit: the same as one by one."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground import events
from app.domain.ground.vocabulary import SYSTEM, StationMode, TagStatus
from app.domain.network import stations
from app.extensions import db as flask_db
from app.models import (
    Authorisation,
    ChargingSession,
    Connector,
    MeterReading,
    Station,
    StationReport,
    StatusEvent,
    StrayStop,
    Tag,
    TagGroup,
    TariffVersion,
    TransactionEvent,
)
from tests.support.chance import tries
from tests.support.charging import PRICES, STARTED, network
from tests.support.line import Line
from tests.worker.whole_calls import NAMES, Talk, starts, talks
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.dialects.records import Bulk, Outside
from worker.facts import Asked, Read
from worker.ocpp.fields import Fields
from worker.ocpp.frames import Call
from worker.ocpp.versions import Version

VERSIONS = [Version.V16, Version.V16, Version.V201, Version.V201, Version.V21]
TURN = timedelta(minutes=7)
KINDS = (
    *(ChargingSession, Authorisation, StrayStop, MeterReading, TransactionEvent),
    *(Connector, StatusEvent, Station, StationReport),
)
#: What counts up, and so differs between two ways of getting there.
COUNTED = {"id", "session_id", "revision", "received_at", "reservation_id", "last_event_id"}

edits = st.none() | st.tuples(
    st.sampled_from(["block", "group", "driver", "price", "mode"]), st.sampled_from(NAMES)
)


def all_say(words):
    """A word of each station."""
    return st.tuples(*[words] * len(VERSIONS))


@pytest.fixture
def room(any_app):
    """Stations of every version, tags and a group; prices that may change."""
    db = flask_db.session()
    net = network(db)
    net.site.tariff_id = net.version.tariff_id
    rows = [net.station]
    for number in range(1, len(VERSIONS)):
        row, _ = stations.register(
            *(db, SYSTEM, net.site.tenant_id, net.site, f"CP-{number + 1}"), now=STARTED
        )
        rows.append(row)
    group = TagGroup(tenant_id=net.site.tenant_id, name="Fleet", parent="F", created_at=STARTED)
    db.add(group)
    db.flush()
    for name in NAMES:
        tags.add(
            db,
            SYSTEM,
            net.site.tenant_id,
            now=STARTED,
            value=name,
            driver_id=net.driver.id if name == "DRIVER" else None,
            group_id=group.id if name == "MATE" else None,
            concurrent_limit=1 if name == "ONCE" else None,
        )
    db.commit()
    lines = [
        Line(any_app, row, version, strict=False)
        for row, version in zip(rows, VERSIONS, strict=True)
    ]
    for line in lines:
        # No call was received here that it could be the answer of.
        line.answer = lambda call, payload: f"{call.action} {payload}"
    yield SimpleNamespace(net=net, lines=lines, group_id=group.id)
    db.rollback()
    for line in lines:
        line.end()


def edited(room, edit):
    """Let staff do something between two batches."""
    db, (what, name) = flask_db.session(), edit
    tag = db.scalars(select(Tag).where(Tag.value == name)).one()
    if what == "block":
        tag.status = TagStatus.ACTIVE if tag.status is TagStatus.BLOCKED else TagStatus.BLOCKED
    elif what == "group":
        tag.group_id = None if tag.group_id else room.group_id
    elif what == "driver":
        tag.driver_id = None if tag.driver_id else room.net.driver.id
    elif what == "price":
        old = room.net.version
        more = {"definition": {**PRICES, "components": PRICES["components"][:2]}}
        number = len(db.scalars(select(TariffVersion.id)).all()) + 3
        same = {"tariff_id": old.tariff_id, "created_at": STARTED, "created_by": "Grace"}
        db.add(TariffVersion(number=number, **same, **more))
    elif what == "mode":
        station = db.get(Station, room.lines[len(name) % len(VERSIONS)].station.id)
        station.mode = (
            StationMode.OPEN if station.mode is StationMode.LISTED else StationMode.LISTED
        )
    db.flush()


def asked(line, talk, said, now):
    """A call as the dispatch hands it to the set, and the set."""
    action, payload = talk.frame(line.version, said, now)
    call = Call("m", action, payload)
    route = DIALECTS[line.version].routes[action].handler
    context = Context(None, None, line.station.id, line.station.timezone, {}, now)
    if isinstance(route, Bulk):
        return "metered", Read(line._held, route.read(Fields(payload), context), call, now, None)
    route = route.then if isinstance(route, Outside) else route
    return "told", Asked(line._held, call, payload, context, route)


def finished(db, one, result):
    """The answer of a call, also where a cost has to be found out first."""
    if hasattr(result, "route"):
        [result] = result.route.after(db, [result.result], one.context.now)
        result = one.route.answer(result, one.context)
    return re.sub(r"'(interval|transactionId)': \d+", "", str(result))


def turn(room, talks, said, now, *, at_once):
    """Let each station say one thing; their answers by station."""
    db, facts = flask_db.session(), room.lines[0]._dispatch._facts
    sets = {}
    for number, what in enumerate(said):
        way, one = asked(room.lines[number], talks[number], what, now)
        key = (way, getattr(getattr(one, "route", None), "together", None))
        sets.setdefault(key, []).append((number, one))
    groups = [list(each) for each in sets.values()]
    if not at_once:
        groups = [[one] for group in groups for one in group]
    for group in groups:
        told = [one for _, one in group]
        way = facts.store if isinstance(told[0], Asked) else facts.metered
        for (number, one), result in zip(group, way(db, told, []), strict=True):
            answer = finished(db, one, result) if isinstance(one, Asked) else "{}"
            talks[number].heard(answer, one)
    return [talk.answers for talk in talks]


def left(db):
    """All rows, but for what counts up."""
    db.flush()
    found = []
    for kind in KINDS:
        columns = [one for one in kind.__table__.c if one.name not in COUNTED]
        rows = [
            {
                k: v
                for k, v in row._asdict().items()
                if not str(v).isdecimal() or k != "transaction_ref"
            }
            for row in db.execute(select(*columns))
        ]
        found.append(sorted(re.sub(r"session \d+", "session", repr(row)) for row in rows))
    return found, sorted({type(one).__name__ for one in events.take(db)})


# What the databases differ in is told apart by the tests of each kind (`tests/ground`).
@pytest.mark.parametrize("database", ["sqlite"])
@settings(
    max_examples=tries(15),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(all_say(starts), st.lists(st.tuples(all_say(talks), edits), min_size=2, max_size=6))
def test_a_batch_of_any_calls_leaves_and_answers_what_they_do_one_by_one(room, first, said):
    db, found = flask_db.session(), []
    for at_once in (True, False):
        events.take(db)
        spoken = [Talk(number) for number in range(len(VERSIONS))]
        with db.begin_nested() as savepoint:
            for number, (words, edit) in enumerate([(first, None), *said]):
                now = STARTED + number * TURN
                answers = turn(room, spoken, words, now, at_once=at_once)
                if edit is not None:
                    edited(room, edit)
            found.append((*left(db), answers))
            savepoint.rollback()
        db.expire_all()
    assert found[0] == found[1]
