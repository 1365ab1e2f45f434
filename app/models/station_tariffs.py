"""Tariffs that 2.1 stations were given, to show prices and compute costs themselves."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, StationOwned, Word

if TYPE_CHECKING:
    from app.models.stations import Station


class StationTariff(StationOwned, Base):
    """A tariff at an EVSE (0: all of them); `number` is OCPP's tariffId.

    `kind` is default or driver; `state` asked, accepted, rejected, cleared, reported.
    """

    __tablename__ = "station_tariffs"

    id: Mapped[Id]
    evse: Mapped[int] = mapped_column(default=0)
    number: Mapped[str] = mapped_column(String(60))
    kind: Mapped[Word] = mapped_column(default="default")
    tariff_version_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariff_versions.id"))
    document: Mapped[dict[str, Any]]
    state: Mapped[Word] = mapped_column(default="asked")
    sentence: Mapped[str | None] = mapped_column(String(300))
    command_id: Mapped[int | None] = mapped_column(BigId)
    changed_at: Mapped[datetime]

    station: Mapped["Station"] = relationship()
