"""Reservations: a plug kept for one tag until a moment."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import ReservationState
from app.models.base import Base, BigId, Id, StationOwned, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.stations import Station
    from app.models.tags import Tag


class Reservation(StationOwned, TenantOwned, Base):
    """A plug (`evse` 0: any) kept for a tag; its id is OCPP's reservationId.

    `token_kind` is the domain's word for the kind of the tag.  `sentence` says
    how it ended.
    """

    __tablename__ = "reservations"
    __table_args__ = (
        Index("ix_reservations_station_state", "station_id", "state"),
        Index("ix_reservations_state_expires", "state", "expires_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    evse: Mapped[int] = mapped_column(default=0)
    plug_type: Mapped[str | None] = mapped_column(String(40))
    token: Mapped[str] = mapped_column(String(255))
    token_kind: Mapped[str] = mapped_column(String(40), default="id_tag")
    group_token: Mapped[str | None] = mapped_column(String(255))
    tag_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tags.id"), index=True)
    state: Mapped[ReservationState] = mapped_column(
        choice(ReservationState), default=ReservationState.ASKED
    )
    sentence: Mapped[str | None] = mapped_column(String(300))
    expires_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    session_id: Mapped[int | None] = mapped_column(BigId)
    command_id: Mapped[int | None] = mapped_column(BigId)

    station: Mapped["Station"] = relationship()
    tag: Mapped["Tag | None"] = relationship()
