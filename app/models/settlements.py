"""Payments that were settled at a station's own terminal or by a web payment (2.1 block C)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, Exact, Id, StationOwned, Word


class Settlement(StationOwned, Base):
    """What a payment provider settled; told again, it is the same row.

    `state` is settled, cancelled, rejected or failed; `amount` is in the major
    unit of the session's currency.  `receipt_key` is the secret by which its driver
    reads the receipt at the desk, where the station leaves that to us.
    """

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("station_id", "psp_reference"),
        Index("uq_settlements_receipt_key", "receipt_key", unique=True),
    )

    id: Mapped[Id]
    psp_reference: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[int | None] = mapped_column(BigId, index=True)
    transaction_ref: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[Word]
    info: Mapped[str | None] = mapped_column(String(500))
    amount: Mapped[Decimal] = mapped_column(Exact)
    settled_at: Mapped[datetime]
    receipt_number: Mapped[str | None] = mapped_column(String(50))
    receipt_url: Mapped[str | None] = mapped_column(Text)
    company: Mapped[dict[str, Any] | None]
    vat_number: Mapped[str | None] = mapped_column(String(20))
    receipt_key: Mapped[str | None] = mapped_column(String(64))
    received_at: Mapped[datetime]
