"""The fee of a reservation that ran out unused: a session that never became active, and its bill.

OCPI knows it so, too (2.2.1 Sessions, SessionStatus RESERVATION).  Why no bill stands without a
session: docs/adr/a-no-show-is-a-session.md.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import reach
from app.domain.charging.sessions import row as rows
from app.domain.ground import events
from app.domain.ground.vocabulary import SessionState
from app.domain.money.billing.book import tariffs_of
from app.domain.money.tariff_choice import Prices, applicable
from app.domain.money.tariffs import Usage, price
from app.models import ChargingSession, Connector, Driver, Reservation


@reach.whole
def charge(db: Session, reservation: Reservation, doubts: Sequence[str], *, now: datetime) -> None:
    """Have a reservation that ran out billed, where its tariff has a fee for that.

    The tariff is the one that held since the plug was kept.  `doubts` hold the bill until a
    person has decided.
    """
    station, since = reservation.station, reservation.kept_from
    if since is None or since >= reservation.expires_at or rows.unused_of(db, reservation):
        return
    choice = applicable(Prices(db, [station], _tags(reservation)), station, reservation.tag, since)
    tariff = tariffs_of(db, [choice.version_id]).get(choice.version_id or 0)
    zone, ends = station.site.timezone, reservation.expires_at
    usage = Usage(since, ends, zone, no_show=True)
    if tariff is None or not price(tariff, usage).gross_minor:
        return
    session = ChargingSession(
        tenant_id=reservation.tenant_id,
        site_id=station.site_id,
        station_id=station.id,
        evse=reservation.evse,
        connector=_connector(db, reservation),
        start_key=rows.unused_key(reservation),
        state=SessionState.NO_SHOW,
        token=reservation.token,
        token_kind=reservation.token_kind,
        tag_id=reservation.tag_id,
        driver_id=_driver_id(db, reservation),
        reservation_id=reservation.id,
        timezone=zone,
        currency=station.site.currency,
        tariff_version_id=choice.version_id,
        tariff_why=choice.why[:300],
        started_at=since,
        start_received_at=since,
        ended_at=ends,
        stop_received_at=now,
        flags=list(doubts),
    )
    db.add(session)
    db.flush()
    reservation.session_id = session.id
    events.record(db, events.SessionEnded(session.tenant_id, session.id, session.station_id))


def _tags(reservation: Reservation) -> list[object]:
    return [reservation.tag] if reservation.tag else []


def _driver_id(db: Session, reservation: Reservation) -> int | None:
    """Whose it was, if there is still such a driver."""
    driver = db.get(Driver, reservation.driver_id) if reservation.driver_id else None
    return driver.id if driver else None


def _connector(db: Session, reservation: Reservation) -> int:
    query = select(Connector.connector).where(
        Connector.station_id == reservation.station_id, Connector.evse == reservation.evse
    )
    return db.scalar(query.order_by(Connector.connector).limit(1)) or 1
