"""Controls of distributed energy resources that 2.1 stations were given or report."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, BigId, Id, StationOwned, Word


class DerControl(StationOwned, Base):
    """A control of a station's inverter; `number` is OCPP's controlId.

    `state` is asked, accepted, rejected, superseded, cleared or reported;
    `running` says whether the station has it in force now.
    """

    __tablename__ = "der_controls"
    __table_args__ = (UniqueConstraint("station_id", "number"),)

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(36))
    kind: Mapped[Word]
    is_default: Mapped[bool] = mapped_column(default=False)
    document: Mapped[dict[str, Any]]
    state: Mapped[Word] = mapped_column(default="asked")
    running: Mapped[bool] = mapped_column(default=False)
    sentence: Mapped[str | None] = mapped_column(String(300))
    command_id: Mapped[int | None] = mapped_column(BigId)
    changed_at: Mapped[datetime]
