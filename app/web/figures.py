"""What the desk tells Prometheus: what waits in the rows, in Redis and for the tasks.

It is the same whichever process of the desk is asked, and kept for some seconds, so that asking
often costs nothing.  Whoever asks shows the token of AMPDESK_METRICS_TOKEN.
"""

import hmac
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from flask import abort, current_app, request
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import extensions
from app.domain.ground.clock import Times
from app.domain.office import housekeeping
from app.extensions import the_settings
from app.process.clock import utc_now
from app.process.queues import TASK_BOUNDS, did, queue_states
from app.queries.office import system as parts_of
from app.queries.office import system as queries
from app.web import kept, system

#: An answer is good for so long, in seconds.
KEPT_S = 5.0


def page() -> bytes:
    """All figures in the form of Prometheus; 404 without a token in the settings, 401 without it
    in the request."""
    token = the_settings().metrics_token.encode()
    if not token:
        abort(404)
    given = request.headers.get("Authorization", "").encode("latin-1", "replace")
    if not hmac.compare_digest(given, b"Bearer " + token):
        abort(401)
    return kept.get(0, "figures", KEPT_S, _page)


def _page() -> bytes:
    registry = CollectorRegistry()
    registry.register(_Families())
    return generate_latest(registry)


class _Families:
    """What is collected; where the database is away, that and what needs no database."""

    def collect(self) -> Iterator[Metric]:
        """All families."""
        db, now = extensions.db.session(), utc_now()
        try:
            found = [*_of_rows(db, now), *_of_parts(db, now)]
        except SQLAlchemyError:
            found = [_part_states({"Database": 2})]
        yield from found
        yield from _of_queues()
        yield from _of_tasks()


def _gauge(name: str, about: str, label: str, figures: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=[label])
    for kind, figure in figures.items():
        family.add_metric([kind], figure)
    return family


def _part_states(found: dict[str, float]) -> Metric:
    return _gauge("ampdesk_part_state", "How it fares: 0 ok, 1 warn, 2 bad", "part", found)


def _of_rows(db: Session, now: datetime) -> Iterator[Metric]:
    rows = queries.of_rows(db, now=now)
    waits_s = (now - rows.oldest_order).total_seconds() if rows.oldest_order else 0.0
    yield _gauge("ampdesk_orders", "Orders to chargers under way", "state", {**rows.orders})
    yield GaugeMetricFamily("ampdesk_order_oldest_seconds", "Wait of the first queued", waits_s)
    yield GaugeMetricFamily("ampdesk_bills_held", "Sessions whose bill is held", rows.held_bills)
    yield GaugeMetricFamily("ampdesk_bills_due", "Ended sessions without a bill", rows.unbilled)
    yield _gauge("ampdesk_mails", "Mails of the last day, by state", "state", {**rows.mails})
    oldest = parts_of.mail(db, now=now).oldest_unsent
    waits_s = (now - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily("ampdesk_mail_oldest_seconds", "Wait of the first unsent", waits_s)


def _of_parts(db: Session, now: datetime) -> Iterator[Metric]:
    states = {system.OK: 0, system.WARN: 1, system.BAD: 2}
    found = {part.name: float(states[part.state]) for part in system.parts(db, now=now)}
    yield _part_states(found)
    nodes = parts_of.nodes(db, now=now)
    yield GaugeMetricFamily("ampdesk_workers", "Workers that live", len(nodes))
    held = sum(node.stations for node in nodes)
    yield GaugeMetricFamily("ampdesk_stations_connected", "Stations that are connected", held)
    mark = parts_of.mark(db, housekeeping.SWEEP)
    if mark is not None:
        age_s = (now - mark.at).total_seconds()
        yield GaugeMetricFamily("ampdesk_sweep_age_seconds", "Since the last sweep", age_s)


def _of_queues() -> Iterator[Metric]:
    states = queue_states(current_app.extensions["celery"]) or []
    waiting: dict[str, float] = {state.name: state.waiting for state in states}
    yield _gauge("ampdesk_queue_tasks", "Tasks that wait", "queue", waiting)
    oldest = {state.name: state.oldest_s or 0.0 for state in states}
    yield _gauge("ampdesk_queue_oldest_seconds", "Wait of the first", "queue", oldest)


def _of_tasks() -> Iterator[Metric]:
    runs = CounterMetricFamily("ampdesk_tasks", "Tasks that ran", labels=["task", "outcome"])
    took: defaultdict[str, Times] = defaultdict(lambda: Times(TASK_BOUNDS))
    for field, figure in did(current_app.extensions["redis"]).items():
        task, what, *number = field.split()
        if what == "seconds":
            took[task].total = figure
        elif what == "class":
            took[task].counts[int(number[0])] = int(figure)
        else:
            runs.add_metric([task, what], figure)
    yield runs
    times = HistogramMetricFamily("ampdesk_task_seconds", "How long tasks took", labels=["task"])
    for task, one in took.items():
        times.add_metric([task], one.buckets(), one.total)
    yield times
