"""What a station says while the database is away is answered, and what it tells is stored later.

The spool and the way back from it are the real ones; that the database is away is only said.
"""

import json
import time

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, MessageOutcome, StationMode, Verdict
from app.extensions import db as flask_db
from app.models import Authorisation, Message, Tag
from tests.support import examples
from tests.support.charging import STARTED, network
from tests.support.line import Line
from worker.checks import context_of
from worker.dialects import DIALECTS
from worker.log_rows import SPOOLED
from worker.ocpp import schemas
from worker.ocpp.versions import Version
from worker.replay import Replay

TAG = "04A2B3C4"  # as the examples have it
#: What only asks: its answer cannot be had later.  All else tells something.
ASKS = {
    *("Heartbeat", "Get15118EVCertificate", "GetCertificateStatus"),
    *("GetCertificateChainStatus", "PullDynamicScheduleUpdate"),
}


@pytest.fixture(params=Version, ids=lambda version: version.value)
def line(any_app, request):
    """A station's line whose worker knows the tags that were known last."""
    net = network(db := flask_db.session())
    tags.add(db, SYSTEM, net.station.tenant_id, value=TAG, now=STARTED)
    net.station.mode = StationMode.OPEN
    db.commit()
    made = Line(any_app, net.station, request.param, strict=False)
    made._dispatch.last_known.keep_up()
    flask_db.session.remove()
    yield made
    made.end()


def answered(line, action):
    """What a call is answered while nothing can be stored; the answer's frame."""
    kind = 6 if schemas.wants_no_answer(line.version, action) else 2
    said = examples.most(line.version, action)
    if action == "Authorize" and "idToken" in said:
        said = {"idToken": {"idToken": TAG, "type": "ISO14443"}}  # about others nobody can decide
    text = json.dumps([kind, action, action, said])
    [event] = line._connection.receive_text(text, time.monotonic())
    dispatch, held = line._dispatch, line._held
    context = context_of(held, dispatch._settings, STARTED, [])
    route = DIALECTS[line.version].routes[action]
    told = dispatch._away.answer(held, event, context, route)
    return json.loads(told) if told else told


def test_every_message_is_answered_and_what_it_tells_is_stored_later(line):
    dispatch = line._dispatch
    settings = dispatch._settings
    replay = Replay(line._batch, dispatch, settings, lambda gauges: None, dispatch._spool)
    for action in sorted(DIALECTS[line.version].routes):
        told = answered(line, action)
        if not schemas.wants_no_answer(line.version, action):
            assert told is not None, f"the worker kept silent: {action}"
            assert told[0] == 3, (action, told)
            assert schemas.violation(line.version, action, "result", told[2]) is None, action
        assert (dispatch._spool.frames == 0) is (action in ASKS), action
        if action in ASKS:
            continue
        replay._empty()
        assert list((settings.data_dir / "spool").iterdir()) == [], action
        [row] = flask_db.session.scalars(select(Message).where(Message.message_id == action))
        assert (row.outcome, row.error_description) == (MessageOutcome.ANSWERED, SPOOLED), action
        flask_db.session.remove()


@pytest.mark.parametrize(
    ("blocked", "reason"), [(False, "listed"), (True, "database_away")], ids=["as then", "blocked"]
)
def test_a_tap_is_stored_as_it_was_answered(line, blocked, reason):
    dispatch = line._dispatch
    assert json.dumps(answered(line, "Authorize")).count("Accepted") == 1
    [tag] = flask_db.session.scalars(select(Tag).where(Tag.value == TAG))
    if blocked:
        tags.block(flask_db.session(), SYSTEM, tag, now=STARTED)
    flask_db.session.commit()
    flask_db.session.remove()
    replay = Replay(line._batch, dispatch, dispatch._settings, lambda gauges: None, dispatch._spool)
    replay._empty()
    [kept] = flask_db.session.scalars(select(Authorisation))
    assert (kept.verdict, kept.reason, kept.occasion, kept.at) == (
        *(Verdict.ACCEPTED, reason, "authorize", STARTED),
    )
