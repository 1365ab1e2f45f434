"""An event of a 2.x transaction: what its station tells, and the plain row that keeps it."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, exists, func, select, tuple_
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.charging.energy.readings import BEGIN, END, REGISTER
from app.domain.ground import redaction
from app.domain.ground.bulk import BulkInsert, among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.vocabulary import (
    IDLING,
    Activity,
    ConnectorRef,
    Decision,
    Facts,
    Json,
    MeterReport,
    StopReason,
    Token,
    Verdict,
)
from app.models import TransactionEvent

#: The kinds of events.
STARTED, UPDATED, ENDED = "started", "updated", "ended"
#: The triggers that mean something here; the others are kept and shown.
STOP_AUTHORISED, REMOTE_START = "stop_authorized", "remote_start"
#: The contexts of registers of its ends, and what `facts` calls those.
_OF_ENDS = {BEGIN: "begin", END: "end"}


class Words(NamedTuple):
    """What an event told, word for word, but for whether it was sent later; `digest` is what makes
    it the same event again: these words and how they were read.
    """

    text: str
    digest: str


@dataclass(slots=True)  # made for every event: frozen ones cost more
class TransactionReport:
    """One event of a transaction; whatever it does not tell is None.

    `connector` of evse 0: the station named no plug.  `facts` are further
    things it told, kept and shown: phases, cable_a, cost, limits and the like.
    `raw_time` is its clock's text; `claimed_at` its own time where another is used.  `let_in`: its
    tag was told to charge while the database was away.
    """

    transaction_ref: str
    kind: str
    seq_no: int
    trigger: str
    at: datetime
    raw_time: str | None
    payload: Json
    clock_replaced: bool = False
    claimed_at: datetime | None = None
    offline: bool = False
    connector: ConnectorRef | None = None
    token: Token | None = None
    activity: Activity | None = None
    meters: tuple[MeterReport, ...] = ()
    reason: StopReason | None = None
    word: str | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None
    facts: Facts = field(default_factory=dict)
    let_in: bool = False

    def stops(self, session: Any, token: Token) -> bool:
        """Whether its tag was shown to end the session, or is not the one that began it."""
        if not session.token:
            return False
        ending = self.kind == ENDED or self.trigger == STOP_AUTHORISED
        return ending or Token(session.token).key != token.key

    @property
    def shown_at(self) -> datetime | None:
        """When its tag was shown, where its clock can be right."""
        return None if self.clock_replaced else self.at

    def words(self) -> Words:
        """Its words, which cost something to make."""
        text = orjson.dumps(self._but_offline(), str, orjson.OPT_SORT_KEYS).decode()
        return Words(text, self._digest_of(text))

    def former_digest(self) -> str:
        """Its digest as it was made before orjson wrote the words: what is stored may bear that."""
        return self._digest_of(json.dumps(self._but_offline(), sort_keys=True, default=str))

    def _but_offline(self) -> Json:
        if "offline" not in self.payload:
            return self.payload
        return {name: value for name, value in self.payload.items() if name != "offline"}

    def _digest_of(self, text: str) -> str:
        text = f"{self.transaction_ref}|{self.kind}|{self.seq_no}|{self.raw_time}|{text}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def registers(self) -> dict[str, list[list[str | None]]]:
        """Its energy registers at the begin and the end of the transaction, for `facts`.

        Each is [instant, phase, location, Wh]: one reading may be split over
        several events (E04.FR.09).  An end without a context of its own is the
        last register that the closing event told.
        """
        found: dict[str, list[list[str | None]]] = {}
        ended, last = self.kind == ENDED, []
        for report in self.meters:
            for sample in report.samples:
                if sample.measurand != REGISTER or sample.value is None:
                    continue
                name = _OF_ENDS.get(sample.context or "")
                if name is None and not ended:
                    continue
                at, value = report.taken_at.isoformat(), format(sample.value, "f")
                last.append([at, sample.phase, sample.location, value])
                if name is not None:
                    found.setdefault(name, []).append(last[-1])
        if ended and last and "end" not in found:
            found["last"] = last
        return found


# The plain row of an event of a 2.x transaction: made of what was told, read back, and written.


@dataclass(slots=True)
class EventRow:
    """An event with the names of its columns (see the model)."""

    station_id: int
    transaction_ref: str
    session_id: int
    kind: str
    seq_no: int
    trigger: str
    at: datetime
    received_at: datetime
    offline: bool
    evse: int | None
    connector: int | None
    token: str | None
    token_kind: str | None
    activity: Activity | None
    facts: Facts
    answer: Json
    digest: str
    payload: Json = field(default_factory=dict)


#: An event, as what is told of it has it.
AnyEvent = TransactionEvent | EventRow

_EVENT = TransactionEvent.__table__
_COLUMNS = tuple(one.name for one in fields(EventRow))
#: What a story rests on: all but what was sent, word for word.
_TOLD = _COLUMNS[:-1]
_INSERT = BulkInsert(_EVENT, _COLUMNS)
_values_of = attrgetter(*_COLUMNS)
_OF_SESSIONS = BulkRead(
    select(*(_EVENT.c[name] for name in _TOLD))
    .where(among(_EVENT.c.session_id, "sessions"))
    .order_by(_EVENT.c.id)
)
_KNOWN = BulkRead(
    select(_EVENT.c.station_id, _EVENT.c.digest).where(
        among(_EVENT.c.station_id, "stations"), among(_EVENT.c.digest, "digests")
    )
)


def event_of(
    report: TransactionReport, session: Any, tag_id: int | None, now: datetime, words: Words
) -> EventRow:
    """The row of an event of a session; `tag_id` is the tag that it shows, if it is on a list."""
    place, token = report.connector, report.token
    facts: Facts = {**report.registers()}
    if report.facts:
        facts |= redaction.redact(report.facts)
    for name in ("reason", "word", "remote_start_id", "reservation_id"):
        if (value := getattr(report, name)) is not None:
            facts[name] = value
    if report.clock_replaced:
        facts["clock_replaced"] = True
    if report.claimed_at is not None:
        facts["claimed"] = report.claimed_at.isoformat()
    return EventRow(
        station_id=session.station_id,
        transaction_ref=report.transaction_ref,
        session_id=session.id,
        kind=report.kind,
        seq_no=report.seq_no,
        trigger=report.trigger[:40],
        at=report.at,
        received_at=now,
        offline=report.offline,
        evse=place.evse if place and place.evse else None,
        connector=place.connector if place and place.evse else None,
        token=authorisation.shown(token, tag_id) if token else None,
        token_kind=token.kind[:40] if token else None,
        activity=report.activity,
        facts=facts,
        answer={},
        digest=words.digest,
        payload=redaction.redacted(report.payload, words.text),
    )


def insert(db: Session, rows: Sequence[EventRow]) -> None:
    """Add events."""
    _INSERT(db, [_values_of(row) for row in rows])


def known(db: Session, digests: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these events, by station and digest, are stored already."""
    stations, values = {number for number, _ in digests}, {digest for _, digest in digests}
    return {(row[0], row[1]) for row in _KNOWN(db, stations=stations, digests=values)}


def of_sessions(db: Session, session_ids: Iterable[int]) -> dict[int, list[EventRow]]:
    """The events of sessions, without what was sent word for word."""
    wanted: dict[int, list[EventRow]] = {number: [] for number in session_ids}
    for row in _OF_SESSIONS(db, sessions=list(wanted)):
        wanted[row.session_id].append(EventRow(*row))
    return wanted


_STARTED = select(
    exists().where(
        TransactionEvent.session_id == bindparam("session"), TransactionEvent.kind == STARTED
    )
)
_TAGGED = select(
    exists().where(
        TransactionEvent.session_id == bindparam("session"),
        TransactionEvent.token.is_not(None),
        TransactionEvent.kind != ENDED,
        TransactionEvent.trigger != STOP_AUTHORISED,
    )
)
_NUMBERS = select(
    func.min(TransactionEvent.seq_no),
    func.max(TransactionEvent.seq_no),
    func.count(TransactionEvent.seq_no.distinct()),
).where(TransactionEvent.session_id == bindparam("session"))
#: As a story orders them.
_ORDER = (TransactionEvent.at, TransactionEvent.seq_no, TransactionEvent.digest)
_OF_STATE = select(*_ORDER).where(TransactionEvent.session_id == bindparam("session")).limit(1)
_CHARGED = _OF_STATE.where(TransactionEvent.activity == Activity.CHARGING).order_by(
    *(column.desc() for column in _ORDER)
)
_STOOD = _OF_STATE.where(
    TransactionEvent.activity.in_(IDLING),
    tuple_(*_ORDER) > tuple_(*(bindparam(one.key, type_=one.type) for one in _ORDER)),
).order_by(*_ORDER)


def has_start(db: Session, session_id: int) -> bool:
    """Whether the start of a session's transaction was told."""
    return bool(db.scalar(_STARTED, {"session": session_id}))


def has_tag(db: Session, session_id: int) -> bool:
    """Whether a tag was shown within a session, and not to end it."""
    return bool(db.scalar(_TAGGED, {"session": session_id}))


def has_no_gap(db: Session, session_id: int) -> bool:
    """Whether no number is missing among the events of a session."""
    first, last, count = db.execute(_NUMBERS, {"session": session_id}).one()
    return bool(last - first + 1 == count)


def idle_since(db: Session, session_id: int) -> datetime | None:
    """Since when the car stands by all events of a session, which are not read for that."""
    charged = db.execute(_CHARGED, {"session": session_id}).one_or_none()
    after = charged or (datetime(1, 1, 1, tzinfo=UTC), -1, "")
    wanted = dict(zip((column.key for column in _ORDER), after, strict=True))
    found = db.execute(_STOOD, {"session": session_id, **wanted}).one_or_none()
    return found and found[0]


# What was decided about the tag of an event, kept with it: a repeat is answered the same.


def noted(decision: Decision, *, stopping: bool) -> Json:
    """A decision as an event keeps it; `stopping`: it was about ending the session."""
    expires_at = decision.expires_at
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "sentence": decision.sentence,
        "tag_id": decision.tag_id,
        "driver_id": decision.driver_id,
        "parent": decision.parent,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "language": decision.language,
        "stopping": stopping,
    }


def decided(event: AnyEvent) -> Decision | None:
    """The decision that an event (its row of either kind) keeps; None where it showed no tag."""
    answer = event.answer
    if not answer:
        return None
    expires_at = answer.get("expires_at")
    return Decision(
        Verdict(answer["verdict"]),
        answer["reason"],
        answer["sentence"],
        answer.get("tag_id"),
        answer.get("driver_id"),
        answer.get("parent"),
        datetime.fromisoformat(expires_at) if expires_at else None,
        answer.get("language"),
    )
