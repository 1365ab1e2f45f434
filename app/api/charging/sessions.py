"""Charging sessions: the transactions as the CSMS believes them, readings, cost, closing."""

from typing import Any

from sqlalchemy import Select, func, select

from app.api.ground import _bulk, _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.domain.charging import sessions
from app.domain.money import reviews
from app.models import Bill, ChargingSession, MeterReading, Station
from app.queries.money import costs
from app.schemas import charging as schemas
from app.schemas.answers import Answer, read
from app.schemas.base import needed
from app.schemas.bulk import SessionsBulk
from app.uow import unit_of_work

noun = Noun("sessions", "Charging sessions; OCPP calls them transactions.")
blueprint = noun.blueprint

SESSION = _rows.answer(
    "Session",
    "A charging session. `transaction_id` is the protocol’s, as text; `stop_reason_given` is the "
    "reason as the charger spelled it; `provisional`: its end was assumed.",
    ChargingSession,
    without=("start_key", "remote_command_id"),
    renamed={
        "transaction_ref": "transaction_id",
        "token": "id_tag",
        "stop_token": "stop_id_tag",
        "stop_word": "stop_reason_given",
    },
    remote_order_id=read(
        int | None, lambda row: row.remote_command_id, "The order that started it."
    ),
)
BILL = _rows.answer("Bill", "A bill, a credit or a correction.", Bill, without=("facts",))
READING = _rows.answer(
    "Reading",
    "What a station reported of its meters at one instant.",
    MeterReading,
    without=("digest",),
)


class SessionDetail(SESSION):  # type: ignore[misc,valid-type]
    """A session with what it costs: so far, or as it was billed; null without a price."""

    cost_minor: int | None = needed("In minor units of the currency.")
    bills: list[BILL]  # type: ignore[valid-type]


class Count(Answer):
    """How many there are."""

    count: int


_EQUAL = ("station_id", "site_id", "driver_id", "tag_id", "state", "billing", "evse")


@noun.get("/sessions", "List sessions", answers={200: Pages(SESSION)}, query=schemas.Sessions)
def list_(ask: Ask) -> object:
    """The sessions in reach, the newest first."""
    return ask.page(_filtered(ask, select(ChargingSession)), ChargingSession.id)


@noun.get("/sessions/count", "Count sessions", answers={200: Count}, query=schemas.Sessions)
def count(ask: Ask) -> object:
    """How many sessions a filter finds."""
    return {
        "count": ask.db.scalar(_filtered(ask, select(func.count()).select_from(ChargingSession)))
    }


@noun.get(
    "/stations/{station_id}/transactions",
    "List a station’s transactions",
    answers={200: Pages(SESSION)},
    query=schemas.Transactions,
)
def transactions(ask: Ask, station_id: int) -> object:
    """The sessions of one station; `limit=1` is the newest, `state=charging` are the open ones."""
    station = ask.get(Station, station_id, "station")
    query = _filtered(ask, select(ChargingSession))
    return ask.page(query.where(ChargingSession.station_id == station.id), ChargingSession.id)


@noun.get(
    "/stations/{station_id}/transactions/count",
    "Count a station’s transactions",
    answers={200: Count},
    query=schemas.Transactions,
)
def count_transactions(ask: Ask, station_id: int) -> object:
    """How many sessions of one station a filter finds."""
    station = ask.get(Station, station_id, "station")
    query = _filtered(ask, select(func.count()).select_from(ChargingSession))
    return {"count": ask.db.scalar(query.where(ChargingSession.station_id == station.id))}


@noun.get("/sessions/{session_id}", "Read a session", answers={200: SessionDetail})
def show(ask: Ask, session_id: int) -> object:
    """One session, with what it costs and its bills."""
    return _priced(ask, ask.get(ChargingSession, session_id, "session"))


@noun.get(
    "/sessions/{session_id}/readings",
    "List a session’s readings",
    answers={200: Pages(READING)},
)
def readings(ask: Ask, session_id: int) -> object:
    """The meter readings of a session, in the order in which they arrived."""
    session = ask.get(ChargingSession, session_id, "session")
    query = select(MeterReading).where(MeterReading.session_id == session.id)
    return ask.page(query, MeterReading.id, newest=False)


@noun.post(
    "/sessions/{session_id}/close",
    "Close a stale session",
    body=schemas.Closing,
    answers={200: SessionDetail},
    problems=(409,),
)
def close(ask: Ask, session_id: int) -> object:
    """End a session at its last reading, provisionally: a stop that comes late replaces it."""
    session = ask.get(ChargingSession, session_id, "session")
    with unit_of_work() as db:
        sessions.close_provisionally(
            db, session, now=ask.now, actor=ask.actor, remark=ask.body["remark"]
        )
    return _priced(ask, session)


@noun.post(
    "/sessions/{session_id}/bill",
    "Bill a session whose end is assumed",
    body=schemas.Closing,
    answers={200: SessionDetail},
    problems=(409,),
)
def bill(ask: Ask, session_id: int) -> object:
    """Bill it without waiting for its stop; other doubts still hold it for review."""
    session = ask.get(ChargingSession, session_id, "session")
    with unit_of_work() as db:
        reviews.bill_now(db, ask.actor, session, note=ask.body["remark"], now=ask.now)
    return _priced(ask, session)


def _filtered(ask: Ask, query: Select[Any]) -> Select[Any]:
    asked = ask.query
    for name in _EQUAL:
        if name in asked:
            query = query.where(getattr(ChargingSession, name) == asked[name])
    if "id_tag" in asked:
        query = query.where(func.lower(ChargingSession.token) == asked["id_tag"].strip().lower())
    if "transaction_id" in asked:
        query = query.where(ChargingSession.transaction_ref == asked["transaction_id"])
    if "since" in asked:
        query = query.where(ChargingSession.started_at >= asked["since"])
    if "until" in asked:
        query = query.where(ChargingSession.started_at < asked["until"])
    return query


def _priced(ask: Ask, session: ChargingSession) -> ChargingSession:
    session.cost_minor = costs.so_far(ask.db, session, ask.now)  # type: ignore[attr-defined]
    return session


_bulk.hang(
    *(noun, reviews.SESSIONS, list_, SessionsBulk),
    "Bill many sessions that wait for their stop, or recount their bills.",
)
