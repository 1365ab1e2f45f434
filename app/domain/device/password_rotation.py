"""A station's password, changed over OCPP (2.0.1 A01, security whitepaper A01).

The new password is made here and both are right until the station has connected
with the new one (`came_with`).  In clear it exists only in the arguments of the
command, until that has been sent or has ended.  Stations hang up to come back
with the new one, some before they answer: then what they come back with is the answer.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from app.domain.commands import commands
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.ground.errors import Conflict
from app.domain.ground.events import station_changed
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import (
    OPEN_STATES,
    SYSTEM,
    CommandState,
    Order,
    Outcome,
)
from app.domain.network import credentials
from app.models import Command, Station

#: Ends after which the station may have the new password; after any other it has not.
_MAY_HAVE_IT = frozenset({CommandState.ACCEPTED, CommandState.TIMED_OUT})

_NEW = Outcome(CommandState.ACCEPTED, None, "It came back with the new password.")
_OLD = Outcome(
    CommandState.FAILED,
    None,
    "It came back with the old password, which goes on.",
    {"kept_the_old": True},
)
_STAFF = "Staff gave the station another password meanwhile."


def prepare(ask: Ask) -> Prepared:
    """Make the next password.

    Raises `Conflict` where the station needs none, or may have got one that it has not come back
    with: that one must stay right, or the station would be locked out.
    """
    if ask.station.security_profile not in (1, 2):
        raise Conflict(f"{ask.station.identity} does not sign in with a password.")
    if ask.station.next_password_hash is not None:
        raise Conflict(
            f"{ask.station.identity} was sent a new password before and has not come back with it "
            "yet: disconnect or restart it first, or give it a password under Setup."
        )
    clear = credentials.generate()
    ask.station.next_password_hash = credentials.hash_generated(clear)
    ask.station.next_password_at = ask.now
    ask.db.flush()
    return Prepared({"password": clear}, f"password:{ask.station.id}")


def after(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Forget the new password where the station surely did not take it."""
    # A message id is on the command once it went out; without an answer the rest is unknown.
    unknown = outcome.state is CommandState.FAILED and outcome.answer is None and command.message_id
    if outcome.state in _MAY_HAVE_IT or (unknown and "kept_the_old" not in outcome.facts):
        return
    station = db.get(Station, command.station_id)
    if station is not None:
        _forget(db, station)


def line_lost(db: Session, command: Command) -> None:
    """The connection ended between the order and its answer: the station's return will tell.

    That it is back already tells nothing: what it came with may be written down in a moment
    (`came_with`), and whoever forgets the new password until then locks it out.
    """
    if command.state is CommandState.SENT:
        sentence = "The connection ended before the answer: its next password will tell."
        commands.awaited(db, command, sentence)


def came_with(db: Session, station: Station, used: str, *, now: datetime) -> None:
    """The station has connected with the password whose hash is `used`; `now` is when it did.

    With the new one it has obeyed, whatever it answered, and the old one ends.  With the old one
    an order without an answer has failed, and the new one is forgotten.  A station that has
    accepted may need a restart first: both go on.
    """
    if used == station.next_password_hash:
        station.password_hash = used
        station.next_password_hash = station.next_password_at = None
        credentials.password_changed(db, SYSTEM, station, now=now)
        outcome = _NEW
    elif station.next_password_hash is not None and used == station.password_hash:
        outcome = _OLD
    else:
        return
    command = _newest(db, station)
    # One that went out after this connection was let in is under way on it.
    before = command is not None and command.sent_at is not None and command.sent_at <= now
    if command is not None and (before or outcome is _NEW):
        commands.settle(db, command, outcome, now=now, late=True)


def overtaken(db: Session, station: Station, *, now: datetime) -> None:
    """Staff gives the station another password: one that is on its way must not arrive."""
    command = _newest(db, station)
    station.next_password_hash = station.next_password_at = None
    if command is not None and command.state in OPEN_STATES:
        queued = command.state is CommandState.QUEUED
        state = CommandState.EXPIRED if queued else CommandState.FAILED
        commands.settle(db, command, Outcome(state, None, _STAFF), now=now)


def _newest(db: Session, station: Station) -> Command | None:
    """The last order to change the password."""
    return newest(db, Command, station_id=station.id, order=Order.CHANGE_PASSWORD)


def _forget(db: Session, station: Station) -> None:
    station.next_password_hash = station.next_password_at = None
    station_changed(db, station)
