"""What the pages show of the texts on a station's display."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import DisplayMessage, Station


def texts(db: Session, station: Station, limit: int = 200) -> list[DisplayMessage]:
    """The texts of a station, those that are gone last, newest first."""
    gone = DisplayMessage.state.in_(("cleared", "rejected"))
    query = (
        select(DisplayMessage)
        .where(DisplayMessage.station_id == station.id)
        .order_by(gone, DisplayMessage.changed_at.desc(), DisplayMessage.id.desc())
    )
    return list(db.scalars(query.limit(limit)))
