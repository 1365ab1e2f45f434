"""Rules of alerts, what they watch, and the look that holds one against the other."""

from datetime import timedelta

from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, AlertKind
from app.domain.office import alert_rules
from app.extensions import db as flask_db
from app.models import Alert, Connection, OutgoingMail, WorkerNode
from app.tasks.alerts import watch_tenant

HOUR = timedelta(hours=1)


def rule(network, kind=AlertKind.STATION_OFFLINE, **given):
    given = {"name": kind.value, "mail_to": ["duty@example.org"], **given}
    made = alert_rules.add(
        network.db, SYSTEM, network.tenant.id, now=network.now, kind=kind, **given
    )
    network.db.commit()
    return made


def gone(network, identity, since=None):
    station = network.station(identity, online=False, disconnected_at=since or network.now - HOUR)
    network.db.commit()
    return station


def look_at(network, now=None):
    beat(network, now or network.now)
    return watch_tenant(network.tenant.id, now or network.now)


def beat(network, now):
    network.db.get(WorkerNode, "w").beat_at = now
    network.db.commit()


def found():
    flask_db.session.rollback()
    return flask_db.session.scalars(select(Alert).order_by(Alert.id)).all()


def mails():
    flask_db.session.rollback()
    return flask_db.session.scalars(select(OutgoingMail).order_by(OutgoingMail.id)).all()


def comes_back(network, station, now):
    opened = Connection(station_id=station.id, node="w", address="10.0.0.1", opened_at=now)
    station.connection_id = network.add(opened).id
    network.db.commit()


def goes(network, station, now):
    station.connection_id, station.disconnected_at = None, now
    network.db.commit()
