"""One row for each kind of event, as webhooks and streams are told of them."""

from datetime import timedelta

from sqlalchemy import select

from app.domain.ground.vocabulary import (
    SYSTEM,
    Activity,
    AlertKind,
    Availability,
    BillKind,
    CommandState,
    Order,
    SessionState,
)
from app.domain.office import alert_rules
from app.models import Alert, Bill, Command, Review, StatusEvent

HOUR = timedelta(hours=1)


def everything(network):
    """One row for each kind of event."""
    now, tenant, site = network.now, network.tenant.id, network.site.id
    station = network.station("CP-1")
    gone = network.station("CP-2", online=False, disconnected_at=now, connected_at=now - 2 * HOUR)
    session = network.session(
        station, state=SessionState.ENDED, ended_at=now, stop_received_at=now,
    )  # fmt: skip
    network.bill(session, 420)
    first = network.db.scalar(select(Bill))
    network.add(
        Bill(
            tenant_id=tenant, site_id=site, session_id=session.id, sequence=2, number="credit",
            kind=BillKind.CREDIT, corrects_id=first.id, currency="EUR", energy_wh=0, net_minor=0,
            tax_minor=0, gross_minor=0, issued_at=now,
        )
    )  # fmt: skip
    network.add(
        Review(
            tenant_id=tenant, site_id=site, session_id=session.id, opened_at=now,
            reasons=[{"code": "no_price"}, "stop_missing"],
        )
    )  # fmt: skip
    network.add(
        StatusEvent(
            station_id=station.id, evse=1, availability=Availability.FAULTED,
            activity=Activity.NONE, status_word="Faulted", at=now, received_at=now,
        )
    )  # fmt: skip
    network.add(
        Command(
            tenant_id=tenant, station_id=station.id, order=Order.CLEAR_CACHE, arguments={},
            state=CommandState.ACCEPTED, requested_by="Ada", requested_at=now, expires_at=now,
            settled_at=now,
        )
    )  # fmt: skip
    rule = alert_rules.add(
        network.db, SYSTEM, tenant, now=now, name="Gone", kind=AlertKind.STATION_OFFLINE
    )
    network.add(
        Alert(
            tenant_id=tenant, site_id=site, station_id=gone.id, rule_id=rule.id,
            kind=AlertKind.STATION_OFFLINE, subject=str(gone.id), what="CP-2 is offline",
            began_at=now, opened_at=now, closed_at=now,
        )
    )  # fmt: skip
    network.db.commit()
