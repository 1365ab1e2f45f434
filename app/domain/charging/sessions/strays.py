"""Stops that end no session: acknowledged, kept, and shown for review."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.vocabulary import ConnectorRef, StopReason, Token
from app.domain.office import messages
from app.models import ChargingSession, StrayStop


@dataclass(frozen=True, slots=True)
class Stop:
    """What a station says when charging ended; `transaction_ref` None: it named none.

    `claimed_at` is its own time where another one is used; `word` None: it gave no reason.
    """

    transaction_ref: str | None
    meter_stop_wh: Decimal | None
    ended_at: datetime
    reason: StopReason
    word: str | None
    token: Token | None
    payload: dict[str, Any]
    clock_replaced: bool = False
    connector: ConnectorRef | None = None
    claimed_at: datetime | None = None


def keep_stray(
    db: Session,
    station: Any,
    stop: Stop,
    session: ChargingSession | None,
    outcome: str,
    now: datetime,
) -> bool:
    """Keep a stop that ends nothing; the same one again only raises its count (FIELD X5).

    Tells whether it was known.
    """
    text = f"{stop.transaction_ref}|{stop.meter_stop_wh}|{stop.payload.get('timestamp')}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    row = db.scalar(
        select(StrayStop).where(StrayStop.station_id == station.id, StrayStop.digest == digest)
    )
    if row is not None:
        row.count += 1
        return True
    sentence = (
        f"It repeats the end of session {session.id} with other numbers; the first report stands."
        if session
        else "It names no session that this station began here."
    )
    db.add(
        StrayStop(
            station_id=station.id,
            transaction_ref=str(stop.payload.get("transactionId", ""))[:64],
            token=stop.token.value[:255] if stop.token else None,
            meter_stop_wh=stop.meter_stop_wh,
            ended_at=stop.ended_at,
            received_at=now,
            reason=stop.word,
            payload=messages.redact(stop.payload),
            digest=digest,
            session_id=session.id if session else None,
            outcome=outcome,
            sentence=sentence,
        )
    )
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    db.flush()
    return False
