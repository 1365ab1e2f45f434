"""What the API tells of a station's attempts to connect."""

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.models import HandshakeAttempt, Station, Tenant


def handshakes(db: Session, station: Station) -> Select[tuple[HandshakeAttempt]]:
    """Select the attempts made as this station, in no order yet.

    Attempts that were refused before the station was known name only an identity;
    they are told while the installation has a single tenant.
    """
    own = HandshakeAttempt.station_id == station.id
    if db.scalar(select(func.count(Tenant.id))) == 1:
        named = func.lower(HandshakeAttempt.identity) == station.identity.lower()
        own = or_(own, HandshakeAttempt.station_id.is_(None) & named)
    return select(HandshakeAttempt).where(own)
