"""An order that never left us is neither failed nor timed out: it was not sent, and says why."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from app.config import Settings
from app.domain.commands import commands
from app.domain.commands.command_rules import Sent
from app.domain.commands.orders.spec import Situation
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.domain.limits import setpoints
from app.domain.network import presence
from app.models import Command, Setpoint
from app.uow import unit_of_work
from tests.support import lone, seed, sockets
from tests.support.energy import ADA, yard
from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually
from worker.answers import NEVER_SENT
from worker.batch import Batch
from worker.calls import Calls
from worker.claims import Claims, Setpoints
from worker.dispatch import Held
from worker.endings import Endings
from worker.link import LinkClosed
from worker.ocpp.events import Answered, OurCall
from worker.ocpp.versions import Version
from worker.spool import Spool
from worker.standing import Standing
from worker.storage import StorageAway
from worker.tallies import Deviations

__all__ = ["yard"]


class AtOnce:
    """A batch of one: each work is stored when it is handed in."""

    def __init__(self, db):
        self.db = db

    def later(self, work):
        return work.store(self.db, [work.item], [])


class ClosingLink:
    """A link whose socket goes away while an order is being taken up."""

    version = Version.V16

    def __init__(self, station):
        self.station = station
        station.strict = False  # as the gate says of whoever it lets in

    def send_call(self, *given, **more):
        raise LinkClosed(self.station.identity)


@pytest.fixture
def station(db, now):
    made = seed.fill(db, now, history=0)
    station = made.stations["CP-03"]
    station.supported_orders = [order.value for order in Order]
    sockets.connect(db, station, orders=sockets.EVERY_ORDER, node="here", now=now)
    db.commit()
    return station


@pytest.fixture
def calls(db, tmp_path):
    batch = AtOnce(db)
    endings = Endings(batch, Standing(Settings()), Spool(tmp_path, 1 << 20))
    return Calls(batch, Settings(), endings, Deviations(batch))


@pytest.fixture
def queued(db, station):
    at = datetime.now(UTC)
    presence.beat(db, "here", now=at)
    row = commands.queue(db, SYSTEM, station, Order.CLEAR_CACHE, {}, now=at, ttl_s=60)
    db.commit()
    return row


def taken(db, queued):
    here = [queued.station.connection_id]
    (claimed,) = commands.claim_all(db, [queued.id], "here", here, now=queued.requested_at)
    return claimed


def test_an_order_taken_up_while_the_socket_closes_was_not_sent(db, station, queued, calls):
    claimed = taken(db, queued)
    calls.send(Held(ClosingLink(station)), claimed, Situation())
    row = db.get(Command, queued.id, populate_existing=True)
    assert (row.state, row.sentence) == (CommandState.EXPIRED, NEVER_SENT)
    assert commands.STATE_WORDS[row.state] == "not sent"
    assert row.request is None


def test_an_order_whose_charger_hangs_up_meanwhile_was_not_sent(db, station, queued, calls):
    claimed = taken(db, queued)
    with OcppPort() as port:
        with port.connect(station.identity):
            link = eventually(lambda: port.desk.links and port.desk.links[0])
        eventually(lambda: link.closed)
        link.station = SimpleNamespace(
            id=station.id,
            identity=station.identity,
            quirks={},
            access_epoch=station.access_epoch,
            strict=False,
        )
        calls.send(Held(link), claimed, Situation())
    row = db.get(Command, queued.id, populate_existing=True)
    assert (row.state, row.sentence) == (CommandState.EXPIRED, NEVER_SENT)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [(False, "the charger may have acted on it"), (True, "is no longer waiting")],
)
def test_a_worker_that_died_with_an_order_leaves_its_doubt(db, queued, told, sentence):
    claimed = lone.claim(db, queued.id, "gone", now=queued.requested_at)
    if told:
        commands.sent(db, claimed, Sent("ClearCache", {}, "m1", queued.requested_at))
    db.commit()
    later = queued.requested_at + timedelta(minutes=2)
    sockets.witness(db, since=queued.requested_at, now=later)
    commands.expire_overdue(db, later)
    row = db.get(Command, queued.id)
    assert row.state is CommandState.TIMED_OUT
    assert sentence in row.sentence


class HearingLink(ClosingLink):
    """A link whose charger will have been asked, and answers when a test says so."""

    subprotocol, closing_code, data = "ocpp1.6", None, None

    def send_call(self, action, payload, *, timeout_s, context, **more):
        self.sent = OurCall("m1", action, payload, "", 0.0, None, timeout_s, context, sent_at=0.0)
        return self.sent


def test_an_answer_counts_that_comes_after_a_sweep_has_given_the_order_up(
    db, station, queued, calls
):
    claimed = taken(db, queued)
    held = Held(HearingLink(station))
    calls.send(held, claimed, Situation())
    db.commit()
    later = queued.requested_at + timedelta(minutes=2)
    sockets.witness(db, since=queued.requested_at, now=later)
    commands.expire_overdue(db, later)
    assert queued.state is CommandState.TIMED_OUT
    calls.settled(held, Answered(held.link.sent, {"status": "Accepted"}, 0.1, ""))
    assert db.get(Command, queued.id, populate_existing=True).state is CommandState.ACCEPTED


def test_an_order_whose_claim_was_kept_unheard_is_sent_once_all_the_same(
    app, db, station, queued, calls, monkeypatch
):
    """The database commits the claim, and the line is cut before it can say so."""
    away = OperationalError("COMMIT", {}, Exception("the server closed the connection"))

    @contextmanager
    def unheard():
        with unit_of_work() as given:
            yield given
        raise away

    def nothing():
        raise away

    turns = iter((unheard, unit_of_work, unit_of_work, nothing))
    monkeypatch.setattr("worker.claims.unit_of_work", lambda: next(turns)())
    claims = Claims(app, "here", Standing(Settings()), calls)

    class Counting(HearingLink):
        """A link that counts what it sends; then the order is told once more."""

        sends = 0

        def send_call(self, *given, **more):
            self.sends += 1
            claims.take(number, held)
            return super().send_call(*given, **more)

    number, held = queued.id, Held(Counting(station), connection_id=station.connection_id)
    for sends in (0, 1):
        claims.take(number, held)
        with pytest.raises(OperationalError):
            claims.work_off()
        db.rollback()
        row = db.get(Command, number, populate_existing=True)
        assert (row.state, row.node, held.link.sends) == (CommandState.SENT, "here", sends)
    assert next(turns, None) is None


class UnheardBatch(Batch):
    """Whose database commits what it is given, and whose line is cut before it can say so."""

    def do(self, work, within_s=None):
        super().do(work, within_s)
        raise StorageAway("the line was cut")


def test_a_setpoint_whose_claim_was_kept_unheard_waits_again(app, yard, monkeypatch):
    monkeypatch.setattr("worker.claims.utc_now", lambda: yard.now)
    yard.session()
    about = {"limit": Decimal(16), "unit": "A", "phases": 3, "ttl_s": 60}
    wish = setpoints.want(yard.db, ADA, yard.station, 1, now=yard.now, **about)
    here = yard.station.connection_id
    yard.db.commit()
    batch = UnheardBatch(app)
    lane = Setpoints(app, batch, Settings(), {})
    assert lane._claimed(Held(HearingLink(yard.station), here), wish.id) is None
    yard.db.rollback()
    assert yard.db.get(Setpoint, wish.id, populate_existing=True).state == setpoints.SENT
    lane._doubts.end()
    yard.db.rollback()
    assert yard.db.get(Setpoint, wish.id, populate_existing=True).state == setpoints.WAITING
