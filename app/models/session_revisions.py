"""What the row of a billed session said before it was told anew.

The database itself fills the table, by a trigger: no program can forget it.
"""

from typing import Any

from sqlalchemy import Column, Table, UniqueConstraint, event, inspect

from app.models.base import Base, BigId
from app.models.sessions import ChargingSession

#: What of a session's row a bill rests on: who, where, when, the registers and the price.
KEPT = (
    *("tenant_id", "site_id", "station_id", "evse", "connector", "transaction_ref", "start_key"),
    *("token", "token_kind", "tag_id", "driver_id", "unauthorised"),
    *("timezone", "currency", "tariff_version_id"),
    *("started_at", "start_received_at", "ended_at", "stop_reason", "provisional"),
    *("meter_start_wh", "meter_stop_wh"),
)

_KEPT = frozenset(KEPT)
_SESSION: Any = ChargingSession.__table__

#: One row per revision that a bill may rest on and that no longer stands in the session's row.
session_revisions = Table(
    "session_revisions",
    Base.metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("session_id", BigId, nullable=False),
    Column("revision", _SESSION.c.revision.type, nullable=False),
    *(Column(name, _SESSION.c[name].type, nullable=_SESSION.c[name].nullable) for name in KEPT),
    UniqueConstraint("session_id", "revision"),
)


@event.listens_for(ChargingSession, "before_update")
def _count(_mapper: Any, _connection: Any, session: ChargingSession) -> None:
    """Count a new revision; the database refuses to change a billed session without one."""
    state = inspect(session)
    # What was never set since it was read has not changed: most rows are done with here.
    touched = _KEPT.intersection(state.committed_state)
    if any(state.attrs[name].history.has_changes() for name in touched):
        kind: Any = ChargingSession
        session.revision = kind.revision + 1
