"""Which remote start a session answers to.

1.6 gives a start no reference to the command that asked for it: station, tag,
connector and two minutes are what there is (FIELD X15).
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.vocabulary import CommandState, Order, Token
from app.models import ChargingSession, Command, Station

WINDOW = timedelta(seconds=120)


def attach(db: Session, station: Station, session: ChargingSession, *, now: datetime) -> None:
    """Link a new session with the accepted remote start that it follows, if there is one."""
    commands = db.scalars(
        select(Command)
        .where(
            Command.station_id == station.id,
            Command.order == Order.START_CHARGING,
            Command.state.in_([CommandState.ACCEPTED, CommandState.SENT]),
            Command.session_id.is_(None),
            Command.requested_at > now - WINDOW,
        )
        .order_by(Command.id.desc())
    )
    for command in commands:
        asked = command.arguments.get("connector")
        same_plug = not asked or int(asked) == session.evse
        same_token = Token(str(command.arguments.get("token", ""))).key == Token(session.token).key
        if same_plug and same_token:
            command.session_id = session.id
            session.remote_command_id = command.id
            db.flush()
            return
