"""A station's password, changed over OCPP (2.0.1 A01, security whitepaper A01).

The new password is made here and both are right until the station has connected
with the new one (`stations.promote_password`).  In clear it exists only in the
arguments of the command, until that has been sent or has ended.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain import credentials
from app.domain.errors import Conflict
from app.domain.events import StationChanged, record
from app.domain.prepared import Prepared
from app.domain.vocabulary import Actor, CommandState, Outcome
from app.models import Command, Station

#: Ends after which the station may have the new password; after any other it has not.
_MAY_HAVE_IT = frozenset({CommandState.ACCEPTED, CommandState.TIMED_OUT})


def prepare(
    db: Session, actor: Actor, station: Station, checked: dict[str, Any], now: datetime
) -> Prepared:
    """Make the next password; raises `Conflict` where the station needs none."""
    if station.security_profile not in (1, 2):
        raise Conflict(f"{station.identity} does not sign in with a password.")
    clear = credentials.generate()
    station.next_password_hash = credentials.hash_generated(clear)
    station.next_password_at = now
    db.flush()
    return Prepared({"password": clear}, f"password:{station.id}")


def after(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Forget the new password where the station surely did not take it.

    When the connection ended before the answer came it may have: stations hang
    up to come back with the new one.
    """
    lost = outcome.state is CommandState.FAILED and outcome.answer is None and command.sent_at
    if outcome.state in _MAY_HAVE_IT or lost:
        return
    station = db.get(Station, command.station_id)
    if station is not None:
        station.next_password_hash = station.next_password_at = None
        db.flush()
        record(db, StationChanged(command.tenant_id, station.id))
