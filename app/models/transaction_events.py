"""What 2.x stations tell of a transaction, event by event, as it came."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.ground.vocabulary import Activity
from app.models.base import Base, BigId, Id, StationOwned, Word, choice


class TransactionEvent(StationOwned, Base):
    """One TransactionEvent; the same one again is the same row (`digest`, FIELD X17).

    `kind` is started, updated or ended; `at` the station's time of the event;
    `payload` the message as it was received, secrets blotted out.  What it tells
    of the session stands in columns of its own and, in the domain's words, in
    `facts`; `answer` is what was decided about its tag.
    """

    __tablename__ = "transaction_events"
    __table_args__ = (
        UniqueConstraint("station_id", "digest"),
        Index("ix_transaction_events_ref", "station_id", "transaction_ref", "seq_no"),
        Index("ix_transaction_events_session", "session_id"),
    )

    id: Mapped[Id]
    transaction_ref: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[int | None] = mapped_column(BigId)
    kind: Mapped[Word]
    seq_no: Mapped[int]
    trigger: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    offline: Mapped[bool] = mapped_column(default=False)
    evse: Mapped[int | None]
    connector: Mapped[int | None]
    token: Mapped[str | None] = mapped_column(String(255))
    token_kind: Mapped[str | None] = mapped_column(String(40))
    activity: Mapped[Activity | None] = mapped_column(choice(Activity))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    payload: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(32))
