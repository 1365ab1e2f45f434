"""Reservations: a plug kept for one tag; and local lists: what tags a station knows by heart."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import ReservationState
from app.models.base import AtStation, Base, BigId, Id, StationOwned, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.stations import Station
    from app.models.tags import Tag


class Reservation(AtStation, TenantOwned, Base):
    """A plug (`evse` 0: any) kept for a tag; its id is OCPP's reservationId.

    `token_kind` is the domain's word for the kind of the tag, `driver_id` whose it
    was then.  `sentence` says how it ended.  The station has kept the plug since
    `kept_from`.  `no_show`: it ran out beyond doubt unused; `no_show_why` says what
    is the doubt where it is not.
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
    driver_id: Mapped[int | None] = mapped_column(BigId, index=True)
    state: Mapped[ReservationState] = mapped_column(
        choice(ReservationState), default=ReservationState.ASKED
    )
    sentence: Mapped[str | None] = mapped_column(String(300))
    expires_at: Mapped[datetime]
    kept_from: Mapped[datetime | None]
    no_show: Mapped[bool | None]
    no_show_why: Mapped[str | None] = mapped_column(String(300))
    created_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    session_id: Mapped[int | None] = mapped_column(BigId)
    command_id: Mapped[int | None] = mapped_column(BigId)

    station: Mapped["Station"] = relationship()
    tag: Mapped["Tag | None"] = relationship()


# Local lists: what tags a station knows by heart.

if TYPE_CHECKING:
    from app.models.stations import Station


class LocalList(StationOwned, Base):
    """The list that a station holds, as far as we know.

    `version` and `entries` are what it last accepted of us (entries: token,
    kind, status, expires_at, parent; `untold` marks one that its version of OCPP
    cannot carry); `reported_version` is what it says itself, -1 that it keeps no
    list.  They differ when the list drifted.  `full_next` says that a difference
    cannot be trusted to fit, and `sentence` how the last sending ended.  Changes from before
    `as_of` are in the list; None: some may not be.
    """

    __tablename__ = "local_lists"
    __table_args__ = (UniqueConstraint("station_id"),)

    id: Mapped[Id]
    version: Mapped[int] = mapped_column(default=0)
    entries: Mapped[list[Any]] = mapped_column(default=list)
    accepted_at: Mapped[datetime | None]
    as_of: Mapped[datetime | None]
    reported_version: Mapped[int | None]
    reported_at: Mapped[datetime | None]
    full_next: Mapped[bool] = mapped_column(default=False)
    sentence: Mapped[str | None] = mapped_column(String(300))
    command_id: Mapped[int | None] = mapped_column(BigId)

    station: Mapped["Station"] = relationship()
