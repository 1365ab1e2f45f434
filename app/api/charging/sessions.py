"""Charging sessions: the transactions as the CSMS believes them, readings, cost, closing."""

from typing import Any

from sqlalchemy import select

from app.api.ground import _bulk, _lists, _rows
from app.api.ground._noun import Ask, Noun, finds
from app.domain.charging import sessions
from app.domain.money import reviews
from app.models import Bill, ChargingSession, MeterReading
from app.models.sessions import CHARGED
from app.queries.access.tags import of_token
from app.queries.charging.sessions import in_state
from app.queries.ground.paging import count_up_to
from app.queries.money import costs
from app.schemas import charging as schemas
from app.schemas.answers import Answer, read
from app.schemas.base import needed
from app.schemas.bulk import SessionsBulk

noun = Noun("sessions", "Charging sessions; OCPP calls them transactions.")

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


#: Further is not counted: a count reads each session that it finds.
MOST_COUNTED = 100_000


class Count(Answer):
    """How many sessions a filter finds, counted up to 100,000."""

    count: int
    exact: bool = needed("False: there are more than were counted.")


#: What is asked of sessions, where it is not a column's value.
_WAYS = {
    "id_tag": lambda tag: of_token(ChargingSession, tag),
    "state": in_state,
    "transaction_id": lambda ref: ChargingSession.transaction_ref == ref,
}
#: What no car came to is found by its state only.
_filter: Any = {"ways": _WAYS, "at": "started_at", "unless": {"state": lambda _: CHARGED}}
_session = finds(ChargingSession, "session")


def _counted(ask: Ask, *conditions: Any) -> object:
    query = select(ChargingSession).where(*conditions)
    query = _lists.narrowed(ask, query, ChargingSession, **_filter)
    found = count_up_to(ask.db, query, MOST_COUNTED)
    return {"count": min(found, MOST_COUNTED), "exact": found <= MOST_COUNTED}


def _priced(ask: Ask, session: Any) -> object:
    session.cost_minor = costs.so_far(ask.db, session, ask.now)
    return session


list_ = _lists.hang(
    *(noun, "/sessions", "List sessions", "The sessions in reach, the newest first."),
    *(ChargingSession, SESSION),
    asked=schemas.Sessions,
    **_filter,
)


@noun.get("/sessions/count", "Count sessions", answers={200: Count}, query=schemas.Sessions)
def count(ask: Ask) -> object:
    """How many sessions a filter finds, up to 100,000; narrow it, as by `since`, for more."""
    return _counted(ask)


_lists.of_station(
    *(noun, "transactions", "List a station’s transactions"),
    "The sessions of one station; `limit=1` is the newest, `state=charging` are the open ones.",
    *(ChargingSession, SESSION),
    asked=schemas.Transactions,
    **_filter,
)


@noun.get(
    "/stations/{station_id}/transactions/count",
    "Count a station’s transactions",
    answers={200: Count},
    query=schemas.Transactions,
)
def count_transactions(ask: Ask, station_id: int) -> object:
    """How many sessions of one station a filter finds, up to 100,000."""
    return _counted(ask, ChargingSession.station_id == _lists.STATION(ask, station_id).id)


noun.show(
    *("/sessions/{session_id}", "Read a session"),
    "One session, with what it costs and its bills.",
    *(SessionDetail, _session),
    seen=_priced,
)
_lists.hang(
    *(noun, "/sessions/{session_id}/readings", "List a session’s readings"),
    "The meter readings of a session, in the order in which they arrived.",
    *(MeterReading, READING),
    name="readings",
    of=(MeterReading.session_id, _session),
    newest=False,
)
noun.decide(
    "/sessions/{session_id}/close",
    "Close a stale session",
    "End a session at its last reading, provisionally: a stop that comes late replaces it.",
    *(SessionDetail, _session),
    lambda db, actor, row, **given: sessions.close_provisionally(db, row, actor=actor, **given),
    seen=_priced,
    body=schemas.Closing,
    problems=(409,),
)
noun.decide(
    "/sessions/{session_id}/bill",
    "Bill a session whose end is assumed",
    "Bill it without waiting for its stop; other doubts still hold it for review.",
    *(SessionDetail, _session),
    lambda *who, remark, now: reviews.bill_now(*who, note=remark, now=now),
    seen=_priced,
    body=schemas.Closing,
    problems=(409,),
)
_bulk.hang(
    *(noun, reviews.SESSIONS, list_, SessionsBulk),
    "Bill many sessions that wait for their stop, or recount their bills.",
)
