"""What was asked of a station about its local list."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Order
from app.models import Command, Station

_ORDERS = (Order.SEND_LOCAL_LIST, Order.READ_LOCAL_LIST_VERSION)


def last_commands(db: Session, station: Station, limit: int = 6) -> list[Command]:
    """The newest commands about the list."""
    query = (
        select(Command)
        .where(Command.station_id == station.id, Command.order.in_(_ORDERS))
        .order_by(Command.id.desc())
        .limit(limit)
    )
    return list(db.scalars(query))
