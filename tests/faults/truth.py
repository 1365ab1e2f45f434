"""What must be true again after a fault: looked for until it is, with a time by which it must be.

`Truth.wait` raises AssertionError with what is not true; what is only measured it returns.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import exc, func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillingState, CommandState, Order, ReceiptState
from app.domain.network import presence
from app.models import Bill, ChargingSession, Command, Connection, Message, Receipt, Station
from tests.faults import told
from tests.faults.chargers import Charger
from tests.faults.nodes import CALL_TIMEOUT_S, ORDER_TTL_S, WORKERS, ApiClient, Nodes
from tests.support.wait import eventually

#: What is looked for, in this order.
TRUTHS = (
    *("answered", "presence", "stored", "once", "orders", "settled", "never late", "billed"),
    "tags",
)
#: By when it must be true again.  Computers that test are slow and busy: what is promised to
#: people, 20 seconds for who is connected, is measured, and written down by a soak.
WITHIN_S = 150
#: An order is known to have come late when it came so long after its time.
LATE_S = 1.5
OPEN = (CommandState.QUEUED, CommandState.SENT)


class Truth:
    """What the chargers and the mail server know, beside what the database says."""

    def __init__(self, nodes: Nodes, within_s: float = WITHIN_S) -> None:
        self._nodes, self._within_s = nodes, within_s
        self._seen = dict.fromkeys(nodes.chargers, 0)
        self._heard = dict.fromkeys(nodes.chargers, 0)
        self._marks: Counter[str] = Counter()
        self._heard_at: dict[str, float] = {}
        self._lost: set[str] = set()
        self._number = 0

    def wait(self, of: Collection[str] = TRUTHS) -> dict[str, float]:
        """Wait until all is well; return how many seconds each thing took to be true again."""
        took = {}
        begin = time.monotonic()
        truths = self._truths(time.time())
        for name, is_true in zip(TRUTHS, truths, strict=True):
            if name not in of:
                continue
            eventually(self._quietly(is_true), self._within_s, name)
            took[name] = round(time.monotonic() - begin, 1)
        return took

    def _truths(self, since: float) -> list[Callable[[], object]]:
        """How each of `TRUTHS` is looked for."""
        obeyed: set[Charger] = set()
        return [
            lambda: self._all_answered(since),
            self._who_is_connected,
            self._all_is_stored,
            self._nothing_is_doubled,
            lambda: self._everybody_obeys(obeyed),
            self._orders_have_ended,
            self._no_order_twice_or_late,
            lambda: self._all_is_billed(since),
            self._no_tag_was_called_bad,
        ]

    def _quietly(self, is_true: Callable[[], object]) -> Callable[[], object]:
        """A storage that is not back yet is something that is not true yet."""

        def asked() -> object:
            try:
                return is_true()
            except (exc.SQLAlchemyError, psycopg.Error) as error:
                raise AssertionError(f"the database does not answer: {error}") from error

        return asked

    # What chargers know

    def _all_answered(self, since: float) -> bool:
        failures = [one.failure for one in self._nodes.chargers if one.failure]
        if failures:
            raise failures[0]
        waiting = [
            one.identity
            for one in self._nodes.chargers
            if not one.answered_at or one.answered_at[-1] < since
        ]
        assert not waiting, f"{len(waiting)} are not answered: {waiting[:5]}"
        return True

    def _who_is_connected(self) -> bool:
        """What the database says of each charger is what the charger says, and it has one line."""
        nodes = {str(self._nodes.pid(name)): number for number, name in enumerate(WORKERS)}
        known = {one.identity: one.node for one in self._nodes.chargers}
        with self._nodes.read() as db:
            now = datetime.now(UTC)
            query = select(Station.identity, Connection.node).join(
                Connection, Connection.id == Station.connection_id
            )
            rows = db.execute(query.where(presence.connected(now))).all()
        said = {identity: nodes.get(node.split("-")[-2]) for identity, node in rows}
        wrong = {
            identity: (there, said.get(identity))
            for identity, there in known.items()
            if said.get(identity) != there
        }
        assert not wrong, f"{len(wrong)} are elsewhere than is said (is, said): {_some(wrong)}"
        more = {one.identity: len(one.lines) for one in self._nodes.chargers if len(one.lines) > 1}
        assert not more, f"{len(more)} have more lines than one: {_some(more)}"
        return True

    def _all_is_stored(self) -> bool:
        """Each answer has its row of the log, word for word, and what it answered is there."""
        with self._nodes.read() as db:
            for charger, number in self._seen.items():
                recent = charger.answered[number:]
                if recent:
                    self._look(db, charger, recent)
                    self._seen[charger] = number + len(recent)
        return True

    @staticmethod
    def _look(db: Session, charger: Charger, recent: list[Any]) -> None:
        station = told.station_of(db, charger)
        query = select(Message.message_id, Message.response)
        numbers = Message.message_id.in_([one.number for one in recent])
        rows = db.execute(query.where(Message.station_id == station.id, numbers))
        logged = {(name, told.same(json.loads(text or "null"))) for name, text in rows}
        there = told.Stored(db, station)
        for one in recent:
            assert (one.number, told.same(one.answer)) in logged, f"not in the log: {one}"
            assert there.has(one), f"not stored: {one}"

    def _nothing_is_doubled(self) -> bool:
        """No session, no reading of one and no bill is there twice."""
        with self._nodes.read() as db:
            mine = (ChargingSession.station_id, ChargingSession.transaction_ref)
            twice = db.execute(select(*mine).group_by(*mine).having(func.count() > 1)).all()
            assert not twice, f"sessions that are there twice: {twice[:5]}"
            begun = dict(
                db.execute(
                    select(Station.identity, func.count(ChargingSession.id))
                    .join(ChargingSession, ChargingSession.station_id == Station.id)
                    .group_by(Station.identity)
                ).all()
            )
            each = Counter(db.scalars(select(Bill.session_id)))
            numbers = Counter(db.scalars(select(Bill.number)))
        assert not {key for key, count in (each + numbers).items() if count > 2}
        more = {
            one.identity: (begun.get(one.identity, 0), len(one.sessions))
            for one in self._nodes.chargers
            if begun.get(one.identity, 0) > len(one.sessions)
        }
        assert not more, f"more sessions than were begun (there, begun): {_some(more)}"
        return True

    # Orders

    def _everybody_obeys(self, obeyed: set[Charger]) -> bool:
        """An order to each charger comes by the socket that it has, and is answered."""
        lost = {}
        with ThreadPoolExecutor(4) as pool:
            rest = [one for one in self._nodes.chargers if one not in obeyed]
            for charger, why in zip(rest, pool.map(self._obeys, rest), strict=True):
                if why:
                    lost[charger.identity] = why
                else:
                    obeyed.add(charger)
        assert not lost, f"{len(lost)} did not get an order: {_some(lost)}"
        return True

    def _obeys(self, charger: Charger) -> str:
        """Why it did not; empty: it did."""
        orders = self._nodes.orders
        with closing(ApiClient(self._nodes)) as desk:
            found = orders.give(desk, charger, wait_s=CALL_TIMEOUT_S)
        if found is None:
            return str(orders.refused[-1:])
        if found["state"] != "accepted":
            return f"{found['state']}: {found['sentence']}"
        newest = [one.newest for one in charger.ordered if one.mark == found["mark"]]
        return "" if newest == [True] else f"it came over (the newest line): {newest}"

    def _orders_have_ended(self) -> bool:
        """No order is under way that should have ended by now."""
        limit = ORDER_TTL_S + CALL_TIMEOUT_S + 20
        with self._nodes.read() as db:
            rows = db.execute(
                select(Command.id, Command.state, Command.requested_at).where(
                    Command.state.in_(OPEN)
                )
            ).all()
        now = datetime.now(UTC)
        old = {row.id: row.state for row in rows if (now - row.requested_at).seconds > limit}
        assert not old, f"{len(old)} orders do not end: {_some(old)}"
        return True

    def _no_order_twice_or_late(self) -> bool:
        with self._nodes.read() as db:
            found = db.execute(
                select(Command.id, Command.arguments, Command.state, Command.expires_at).where(
                    Command.order == Order.DATA_TRANSFER, Command.id > self._number
                )
            ).all()
        for charger, number in self._heard.items():
            recent = charger.ordered[number:]
            self._heard[charger] = number + len(recent)
            for one in recent:
                self._marks[one.mark] += 1
                self._heard_at.setdefault(one.mark, one.at)
        twice = {mark: count for mark, count in self._marks.items() if count > 1}
        assert not twice, f"orders that came twice: {_some(twice)}"
        by_mark = {row.arguments["data"]: row for row in found}
        late, unsent = {}, {}
        for mark, row in by_mark.items():
            if (at := self._heard_at.get(mark)) is None:
                continue
            if at > row.expires_at.timestamp() + LATE_S:
                late[mark] = round(at - row.expires_at.timestamp(), 1)
            if row.state is CommandState.EXPIRED:
                unsent[mark] = row.id
        assert not late, f"orders that came late (seconds): {_some(late)}"
        assert not unsent, f"orders that came and are said to be not sent: {_some(unsent)}"
        return True

    def lost_answers(self) -> dict[str, str]:
        """What the desk says of orders that a charger has answered, other than that it did.

        Each is told once.
        """
        heard = {one.mark for charger in self._nodes.chargers for one in charger.ordered}
        ended = Command.state.not_in((*OPEN, CommandState.ACCEPTED))
        said = select(Command.arguments, Command.node, Command.sentence)
        with self._nodes.read() as db:
            rows = db.execute(said.where(Command.order == Order.DATA_TRANSFER, ended)).all()
        lost = {row.arguments["data"]: f"{row.node}: {row.sentence}" for row in rows}
        new = {mark: lost[mark] for mark in lost if mark in heard and mark not in self._lost}
        self._lost |= set(new)
        return new

    # Money

    def _all_is_billed(self, since: float) -> bool:
        """Each session whose end was answered has its bill, and the bill its mail."""
        with self._nodes.read() as db:
            ended = self._ended(db, since)
            unpaid = [about for about, billing, _ in ended.values() if not billing]
            assert not unpaid, f"{len(unpaid)} sessions without a bill: {unpaid[:5]}"
            waiting = Counter(state for _, _, state in ended.values())
            assert not waiting[ReceiptState.QUEUED], f"mails wait: {waiting}"
        arrived = Counter(mail["Message-ID"] for mail in self._nodes.mail.messages)
        twice = {key: count for key, count in arrived.items() if count > 1}
        assert not twice, f"mails that came twice: {_some(twice)}"
        return True

    def _ended(self, db: Session, since: float) -> dict[tuple[str, str], tuple[Any, bool, Any]]:
        """What is known of the sessions whose ends were answered before an instant."""
        query = (
            select(
                *(Station.identity, ChargingSession.transaction_ref, ChargingSession.billing),
                Receipt.state,
            )
            .join(Station, Station.id == ChargingSession.station_id)
            .outerjoin(Bill, Bill.session_id == ChargingSession.id)
            .outerjoin(Receipt, Receipt.bill_id == Bill.id)
        )
        rows = {
            (row.identity, row.transaction_ref): (row.billing, row.state)
            for row in db.execute(query)
        }
        found = {}
        for charger in self._nodes.chargers:
            for one, at in zip(charger.answered, charger.answered_at, strict=False):
                reference = _ends(one)
                if reference is None or at > since:
                    continue
                key = (charger.identity, reference)
                billing, state = rows.get(key, (None, None))
                found[key] = ((*key, billing), billing is BillingState.BILLED, state)
        return found

    def _no_tag_was_called_bad(self) -> bool:
        bad = [
            error
            for charger in self._nodes.chargers
            for error in charger.errors
            if error.startswith("poisoned")
        ]
        assert not bad, f"{len(bad)} good tags were called bad: {bad[:3]}"
        return True


def _ends(one: Any) -> str | None:
    """The transaction that an answered call has ended, if any."""
    if one.action == "StopTransaction":
        return str(one.payload["transactionId"])
    if one.action == "TransactionEvent" and one.payload["eventType"] == "Ended":
        return str(one.payload["transactionInfo"]["transactionId"])
    return None


def _some(found: dict[Any, Any]) -> str:
    return str(dict(list(found.items())[:6]))


def spread(waits: list[float]) -> tuple[int, int]:
    """Median and 99th percentile in ms."""
    waits = sorted(waits) or [0.0]
    last = len(waits) - 1
    return round(waits[last // 2] * 1000), round(waits[last * 99 // 100] * 1000)
