"""Charging sessions: the transactions as the CSMS believes them, readings, cost, closing."""

from typing import Any

from sqlalchemy import Select, func, select

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body
from app.domain.charging import sessions
from app.domain.ground.vocabulary import BillingState, SessionState
from app.domain.money import reviews
from app.models import Bill, ChargingSession, MeterReading, Station
from app.queries.money import costs
from app.uow import unit_of_work

noun = Noun("sessions", "Charging sessions; OCPP calls them transactions.")
blueprint = noun.blueprint

SESSION = _rows.shape(
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
    remote_order_id=s.integer(
        "The order that started it.", null=True, read=lambda row: row.remote_command_id
    ),
)
BILL = _rows.shape("Bill", "A bill, a credit or a correction.", Bill, without=("facts",))
DETAIL = s.Shape(
    "SessionDetail",
    "A session with what it costs: so far, or as it was billed; null without a price.",
    {
        **SESSION.members,
        "cost_minor": s.integer("In minor units of the currency.", null=True),
        "bills": s.listed(BILL),
    },
)
READING = _rows.shape(
    "Reading",
    "What a station reported of its meters at one instant.",
    MeterReading,
    without=("digest",),
)
COUNT = s.Shape("Count", "How many there are.", {"count": s.integer()})
CLOSING = Body(
    "Closing",
    "Why a session is closed, or billed, that no stop will come for.",
    {"remark": s.text("Kept in the audit.", least=1, most=300)},
    example={"remark": "The charger was replaced."},
)
_FILTERS = {
    "id_tag": s.text("In any case.", most=255),
    "transaction_id": s.text("The protocol’s, as text.", most=64),
    "state": s.word(SessionState, "charging: it is open."),
    "billing": s.word(BillingState),
    "evse": s.row_id(),
    "since": s.instant("Started at this moment or later."),
    "until": s.instant("Started before this moment."),
}
FILTERS = {
    "station_id": s.row_id(),
    "site_id": s.row_id(),
    "driver_id": s.row_id(),
    "tag_id": s.row_id(),
    **_FILTERS,
}
_EQUAL = ("station_id", "site_id", "driver_id", "tag_id", "state", "billing", "evse")


@noun.get("/sessions", "viewer", "List sessions", answers={200: Pages(SESSION)}, query=FILTERS)
def list_(ask: Ask) -> Any:
    """The sessions in reach, the newest first."""
    return ask.page(_filtered(ask, select(ChargingSession)), ChargingSession.id)


@noun.get("/sessions/count", "viewer", "Count sessions", answers={200: COUNT}, query=FILTERS)
def count(ask: Ask) -> Any:
    """How many sessions a filter finds."""
    return {"count": ask.db.scalar(_filtered(ask, select(func.count(ChargingSession.id))))}


@noun.get(
    "/stations/{station_id}/transactions",
    "viewer",
    "List a station’s transactions",
    answers={200: Pages(SESSION)},
    query=_FILTERS,
)
def transactions(ask: Ask, station_id: int) -> Any:
    """The sessions of one station; `limit=1` is the newest, `state=charging` are the open ones."""
    station = ask.get(Station, station_id, "station")
    query = _filtered(ask, select(ChargingSession))
    return ask.page(query.where(ChargingSession.station_id == station.id), ChargingSession.id)


@noun.get(
    "/stations/{station_id}/transactions/count",
    "viewer",
    "Count a station’s transactions",
    answers={200: COUNT},
    query=_FILTERS,
)
def count_transactions(ask: Ask, station_id: int) -> Any:
    """How many sessions of one station a filter finds."""
    station = ask.get(Station, station_id, "station")
    query = _filtered(ask, select(func.count(ChargingSession.id)))
    return {"count": ask.db.scalar(query.where(ChargingSession.station_id == station.id))}


@noun.get("/sessions/{session_id}", "viewer", "Read a session", answers={200: DETAIL})
def show(ask: Ask, session_id: int) -> Any:
    """One session, with what it costs and its bills."""
    return _priced(ask, ask.get(ChargingSession, session_id, "session"))


@noun.get(
    "/sessions/{session_id}/readings",
    "viewer",
    "List a session’s readings",
    answers={200: Pages(READING)},
)
def readings(ask: Ask, session_id: int) -> Any:
    """The meter readings of a session, in the order in which they arrived."""
    session = ask.get(ChargingSession, session_id, "session")
    query = select(MeterReading).where(MeterReading.session_id == session.id)
    return ask.page(query, MeterReading.id, newest=False)


@noun.post(
    "/sessions/{session_id}/close",
    "operator",
    "Close a stale session",
    body=CLOSING,
    answers={200: DETAIL},
    problems=(409,),
)
def close(ask: Ask, session_id: int) -> Any:
    """End a session at its last reading, provisionally: a stop that comes late replaces it."""
    session = ask.get(ChargingSession, session_id, "session")
    with unit_of_work() as db:
        sessions.close_provisionally(
            db, session, now=ask.now, actor=ask.actor, remark=ask.body["remark"]
        )
    return _priced(ask, session)


@noun.post(
    "/sessions/{session_id}/bill",
    "operator",
    "Bill a session whose end is assumed",
    body=CLOSING,
    answers={200: DETAIL},
    problems=(409,),
)
def bill(ask: Ask, session_id: int) -> Any:
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
