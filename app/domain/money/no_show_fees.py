"""The fee of an unused reservation: a session that never became active, and its bill.

OCPI knows it so, too (2.2.1 Sessions, SessionStatus RESERVATION).  Why no bill stands without a
session: docs/adr/a-no-show-is-a-session.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import no_shows, reach
from app.domain.charging.sessions import unused
from app.domain.ground import events
from app.domain.ground.vocabulary import ReservationState, SessionState
from app.domain.money.billing.book import tariffs_of
from app.domain.money.tariff_choice import Prices, applicable
from app.domain.money.tariffs import Usage, price
from app.models import ChargingSession, Connector, Driver, Reservation

#: So long after its end a reservation is weighed, when what stations tell late is there, too.
LATE = timedelta(minutes=15)
#: So long it may be made up for.
_WHILE = timedelta(days=1)
_MOST = 200


def weigh_due(db: Session, *, now: datetime) -> int:
    """Say of each reservation that ran out whether nobody came beyond doubt; returns how many."""
    query = select(Reservation).where(
        Reservation.state == ReservationState.EXPIRED,
        Reservation.no_show.is_(None),
        Reservation.expires_at <= now - LATE,
        Reservation.expires_at > now - _WHILE,
    )
    query = query.order_by(Reservation.expires_at).limit(_MOST)
    rows = db.scalars(query.with_for_update(skip_locked=True, of=Reservation)).all()
    for row in rows:
        found = no_shows.against(db, row)
        row.no_show_why = found[0].why if found else None
        row.no_show = not found
        if all(reason.doubt for reason in found):
            charge(db, row, [reason.doubt for reason in found], now=now)
        db.flush()
        events.record(db, events.ReservationChanged(row.tenant_id, row.id, row.station_id))
    return len(rows)


@reach.whole
def charge(db: Session, reservation: Reservation, doubts: Sequence[str], *, now: datetime) -> None:
    """Have a reservation that ran out billed, where its tariff has a fee for that.

    The tariff is the one that held since the plug was kept.  `doubts` hold the bill until a
    person has decided.
    """
    station, since = reservation.station, reservation.kept_from
    if since is None or since >= reservation.expires_at or unused.unused_of(db, reservation):
        return
    tag = reservation.tag
    choice = applicable(Prices(db, [station], [tag] if tag else []), station, tag, since)
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
        start_key=unused.unused_key(reservation),
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


def _driver_id(db: Session, reservation: Reservation) -> int | None:
    """Whose it was, if there is still such a driver."""
    driver = db.get(Driver, reservation.driver_id) if reservation.driver_id else None
    return driver.id if driver else None


def _connector(db: Session, reservation: Reservation) -> int:
    query = select(Connector.connector).where(
        Connector.station_id == reservation.station_id, Connector.evse == reservation.evse
    )
    return db.scalar(query.order_by(Connector.connector).limit(1)) or 1
