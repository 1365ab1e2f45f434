"""Batteries that were put into and taken out of a swap station (2.1 block S)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, Id, StationOwned, Word


class BatterySwap(StationOwned, Base):
    """One step of a swap; the steps of one swap share `request_number`.

    `step` is in, out or out_timed_out; `batteries` are objects with slot,
    serial, charge_percent, health_percent, made_at and vendor_info.
    """

    __tablename__ = "battery_swaps"
    __table_args__ = (Index("ix_battery_swaps_station_request", "station_id", "request_number"),)

    id: Mapped[Id]
    request_number: Mapped[int]
    step: Mapped[Word]
    token: Mapped[str] = mapped_column(String(255))
    token_kind: Mapped[str] = mapped_column(String(40))
    tag_id: Mapped[int | None] = mapped_column(BigId)
    driver_id: Mapped[int | None] = mapped_column(BigId)
    command_id: Mapped[int | None] = mapped_column(BigId)
    batteries: Mapped[list[Any]]
    received_at: Mapped[datetime]
