"""The look at what alerts are about; beat asks for it, and whoever comes twice does no harm."""

import logging
from datetime import datetime

from celery import shared_task
from sqlalchemy import select

from app.domain.office import alert_rules, alerts
from app.domain.office.alert_rules import Fitting
from app.extensions import db as flask_db
from app.extensions import the_settings
from app.models import Alert, AlertRule
from app.process.clock import utc_now
from app.queries.office import conditions
from app.tasks.rounds import one_at_a_time
from app.uow import unit_of_work
from app.web import scope

log = logging.getLogger(__name__)


@shared_task(name="watch_alerts")
@one_at_a_time
def watch() -> None:
    """Open, close and tell alerts, tenant by tenant."""
    db = flask_db.session()
    db.rollback()
    running = select(Alert.tenant_id).where(Alert.closed_at.is_(None))
    ruled = select(AlertRule.tenant_id).where(AlertRule.archived_at.is_(None))
    for tenant_id in sorted(db.scalars(running.union(ruled)).all()):
        try:
            watch_tenant(tenant_id, utc_now())
        except Exception:
            log.exception("alerts of tenant %s", tenant_id)
            flask_db.session.rollback()


def watch_tenant(tenant_id: int, now: datetime) -> bool:
    """Look at one tenant's network and say what is new; tells whether this look counted."""
    db = flask_db.session()
    db.rollback()
    reach = Fitting(alert_rules.at_work(db, tenant_id)).reach()
    scope.narrow(db, scope.Scope(tenant_id))
    try:
        look = conditions.look(db, tenant_id, reach, now)
    finally:
        scope.narrow(db, None)
    desk_url = the_settings().desk_url
    with unit_of_work() as work:
        if not alerts.settle(work, tenant_id, alert_rules.at_work(work, tenant_id), look):
            return False
        alert_rules.tell(work, tenant_id, desk_url=desk_url, now=now)
    return True
