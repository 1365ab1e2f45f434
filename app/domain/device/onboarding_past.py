"""What was sent to a station after its earlier boots, and whether it is sent once more."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import UNHEARD, CommandState
from app.models import Command, Station

SUBJECT = "onboarding:"
#: A step that got no answer is tried again at another boot, so often in all.
TRIES = 3
#: A station that boots again and again is asked for messages and settings only so often.
PAUSE = timedelta(minutes=10)
#: A setting that is lost at every boot is written so often in this time, lest writing causes them.
WRITES, WRITES_WITHIN = 3, timedelta(hours=1)
#: So many earlier times are looked at.
_LAST = 20


def done(db: Session, station: Station, subject: str, now: datetime) -> bool:
    """Whether a step was taken since this boot, has had its answer, or was tried often enough.

    What settings are now is asked once per boot; one that we wrote and that is not so any more
    was lost, and is written again.
    """
    tried = earlier(db, station, subject)
    if not tried:
        return False
    newest = tried[-1].requested_at
    if station.last_boot_at is None or newest >= station.last_boot_at:
        return True
    what = subject.removeprefix(SUBJECT).partition(":")[0]
    if what == "trigger":
        return newest > now - PAUSE
    silent = all(one.state in UNHEARD for one in tried[-TRIES:])
    if silent:
        return len(tried) >= TRIES
    if what == "check":
        return newest > now - PAUSE
    if what != "set" or station.quirks.get("no_get_configuration"):
        return True
    lately = [one for one in tried if one.requested_at > now - WRITES_WITHIN]
    refused = any(one.state not in (CommandState.ACCEPTED, *UNHEARD) for one in tried)
    return refused or len(lately) >= WRITES


def earlier(db: Session, station: Station, subject: str) -> list[Command]:
    """The last times that a step was taken, oldest first."""
    query = select(Command).where(Command.station_id == station.id, Command.subject == subject)
    return list(db.scalars(query.order_by(Command.id.desc()).limit(_LAST)))[::-1]
