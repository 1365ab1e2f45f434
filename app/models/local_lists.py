"""Local lists: what tags a station knows by heart."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, StationOwned

if TYPE_CHECKING:
    from app.models.stations import Station


class LocalList(StationOwned, Base):
    """The list that a station holds, as far as we know.

    `version` and `entries` are what it last accepted of us (entries: token,
    kind, status, expires_at, parent; `untold` marks one that its version of OCPP
    cannot carry); `reported_version` is what it says itself, -1 that it keeps no
    list.  They differ when the list drifted.  `full_next` says that a difference
    cannot be trusted to fit, and `sentence` how the last sending ended.
    """

    __tablename__ = "local_lists"
    __table_args__ = (UniqueConstraint("station_id"),)

    id: Mapped[Id]
    version: Mapped[int] = mapped_column(default=0)
    entries: Mapped[list[Any]] = mapped_column(default=list)
    accepted_at: Mapped[datetime | None]
    reported_version: Mapped[int | None]
    reported_at: Mapped[datetime | None]
    full_next: Mapped[bool] = mapped_column(default=False)
    sentence: Mapped[str | None] = mapped_column(String(300))
    command_id: Mapped[int | None] = mapped_column(BigId)

    station: Mapped["Station"] = relationship()
