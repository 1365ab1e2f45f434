"""The round that finds what webhooks listen to, and delivers it."""

import time
from collections.abc import Sequence
from datetime import datetime

from celery import shared_task

from app import reactions
from app.domain.office import deliveries
from app.domain.office.deliveries import Happening, Mark
from app.extensions import db as flask_db
from app.mails import hooks
from app.models import WebhookEndpoint
from app.process.clock import utc_now
from app.queries.office import happenings
from app.tasks.rounds import one_at_a_time
from app.uow import unit_of_work

#: A round goes home after so long, in seconds; beat asks for the next one.
PATIENCE_S = 45.0


@shared_task(name=reactions.HOOKS)
@one_at_a_time
def tell() -> None:
    """Queue what happened since the last round, and send what is due."""
    reactions.heard(reactions.HOOKS)
    until = time.monotonic() + PATIENCE_S
    db = flask_db.session()
    db.rollback()
    endpoints = deliveries.listening(db)
    if not endpoints:
        reactions.needless(reactions.HOOKS)
        return
    while gather(endpoints, utc_now()) and time.monotonic() < until:
        endpoints = deliveries.listening(flask_db.session())
    with unit_of_work() as work:
        deliveries.take_back_stale(work, now=utc_now())
    hooks.deliver_waiting(until)


def gather(endpoints: Sequence[WebhookEndpoint], now: datetime) -> bool:
    """Queue what happened since the last look; tells whether there is more."""
    db = flask_db.session()
    read, known = dict[str, Mark](), deliveries.marks(db)
    found: list[Happening] = []
    for source in happenings.SOURCES:
        began = [
            datetime.fromisoformat(one.events[source.event])
            for one in endpoints
            if source.event in one.events
        ]
        if not began:
            continue
        mark = known.get(source.event, Mark(min(began)))
        # A kind that nobody listened to for a while is read from when somebody began to.
        mark = Mark(max(mark.at, min(began)), mark.floor)
        tenants = {one.tenant_id for one in endpoints if source.event in one.events}
        rows, read[source.event] = happenings.since(db, source, mark, tenants, now)
        found += rows
    with unit_of_work() as work:
        deliveries.put(work, endpoints, found, read, now=now)
    return any(mark.more for mark in read.values())
