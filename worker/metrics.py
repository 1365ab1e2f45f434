"""What this worker counts, and how Prometheus reads it: `GET /metrics` on a port of its own.

The loop alone counts, so a count is an addition without a lock.  What Prometheus sees is made when
it asks.  No label names a station, a site or a person: there are as many as there are kinds.
"""

import hmac
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.config import Settings
from app.domain.ground.clock import Times
from worker.dialects import DIALECTS
from worker.ocpp.events import Answered, Refused, Settled
from worker.ocpp.versions import Version
from worker.pace import LAG

log = logging.getLogger(__name__)

#: Classes of how many works share a commit.
WORKS = (1, 2, 5, 10, 20, 50, 100, 200, 400)
#: What is said of an action that no version of OCPP has.
OTHER = "other"


class Counts:
    """All counts of this process."""

    def __init__(self) -> None:
        self._messages: dict[tuple[Version, str, str], Times] = {}
        self.handshakes: Counter[str] = Counter()
        self.commits = Times()
        self.works = Times(WORKS)
        self.failed_commits = 0
        self._calls: defaultdict[str, Times] = defaultdict(Times)

    def message(self, version: Version, action: str, text: str | None, took_s: float) -> None:
        """Count a charger's message by what it was answered, None: nothing."""
        outcome = "unanswered" if text is None else "refused" if text[:2] == "[4" else "answered"
        times = self._messages.get((version, action, outcome))
        if times is None:
            known = action if action in DIALECTS[version].routes else OTHER
            times = self._messages.setdefault((version, known, outcome), Times())
        times.add(took_s)

    def committed(self, works: int, took_s: float) -> None:
        """Count a commit."""
        self.works.add(works)
        self.commits.add(took_s)

    def call(self, event: Settled) -> None:
        """Count a call of ours by how it ended."""
        took_s = event.latency_s if isinstance(event, Answered | Refused) else 0.0
        self._calls[type(event).__name__.lower()].add(took_s)

    def families(self) -> Iterator[Metric]:
        """All of it, as Prometheus wants it."""
        messages = CounterMetricFamily(
            "ampdesk_messages",
            "Messages of chargers, by how they were answered",
            labels=["version", "action", "outcome"],
        )
        by_action: defaultdict[str, Times] = defaultdict(Times)
        for (version, action, outcome), times in list(self._messages.items()):
            messages.add_metric([version.value, action, outcome], times.count)
            by_action[action].merge(times)
        yield messages
        about = "From a message read to its answer, which is after its commit"
        yield histogram("ampdesk_message_seconds", about, "action", by_action)
        shaken = CounterMetricFamily(
            "ampdesk_handshakes", "Handshakes of chargers, by what came of them", labels=["outcome"]
        )
        for reason, count in self.handshakes.items():
            shaken.add_metric([reason], count)
        yield shaken
        about = "Calls to chargers by how they ended, and how long the answered ones took"
        yield histogram("ampdesk_call_seconds", about, "outcome", self._calls)
        yield histogram("ampdesk_commit_seconds", "Time of a commit", "", {"": self.commits})
        yield histogram("ampdesk_commit_works", "Works in a commit", "", {"": self.works})
        yield CounterMetricFamily(
            "ampdesk_commits_failed", "Commits that the database refused", self.failed_commits
        )


#: Of this process.
COUNTS = Counts()


def histogram(
    name: str, about: str, label: str, kinds: dict[str, Times] | defaultdict[str, Times]
) -> HistogramMetricFamily:
    """A histogram of each kind, told apart by a label unless there is only one."""
    family = HistogramMetricFamily(name, about, labels=[label] if label else [])
    for kind, times in list(kinds.items()):
        family.add_metric([kind] if label else [], times.buckets(), times.total)
    return family


class Exporter:
    """The port on which Prometheus asks for the counts, and for what the worker is at now."""

    def __init__(self, settings: Settings, server: Any, switchboard: Any) -> None:
        self._settings = settings
        self._server = server
        self._switchboard = switchboard
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def start(self) -> None:
        """Listen, if that is set, on the first free port of as many as there are workers."""
        host, first = self._settings.metrics_host, self._settings.metrics_port
        for port in range(first, first + self._settings.ocpp_processes) if first else ():
            try:
                WSGIServer((host, port), self._answer, log=None, error_log=log).start()
            except OSError as error:
                log.warning("no figures on %s:%d: %s", host, port, error.strerror)
                continue
            log.info("figures for Prometheus are at http://%s:%d/metrics", host, port)
            return

    def collect(self) -> Iterator[Metric]:
        """The counts, then what is so now."""
        yield from COUNTS.families()
        connections = GaugeMetricFamily(
            "ampdesk_connections", "Chargers that are connected here", labels=["version"]
        )
        here = Counter(link.version for link in list(self._server.links))
        for version in Version:
            connections.add_metric([version.value], here[version])
        yield connections
        waiting, age_s = self._switchboard.batch.load()
        health = self._switchboard.health()
        spool = health.get("spool") or {}
        for name, about, figure in (
            ("unfinished_handshakes", "Connections before their handshake", self._server.doorstep),
            ("handshakes_in_line", "Chargers that wait for their turn", self._server.turnstile),
            ("works_waiting", "Works that wait for a commit", waiting),
            ("commit_age_seconds", "How long the commit in hand has taken", age_s),
            ("loop_lag_seconds", "How late the loop is of late", LAG.now_s),
            ("clock_ahead_seconds", "How far its clock is off", health.get("clock_ahead_s")),
            ("draining", "1 while the worker is being stopped", self._server.draining),
            ("spool_frames", "Messages that wait for the database", spool.get("frames")),
            ("spool_bytes", "Their size", spool.get("bytes")),
            ("spool_oldest_seconds", "How long the first waits", spool.get("oldest_s")),
        ):
            size = figure if isinstance(figure, int | float) else len(figure or ())
            yield GaugeMetricFamily(f"ampdesk_{name}", about, size)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        token = self._settings.metrics_token.encode()
        if token and not hmac.compare_digest(given, b"Bearer " + token):
            start("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
            return [b""]
        if environ.get("PATH_INFO") != "/metrics" or environ.get("REQUEST_METHOD") != "GET":
            start("404 Not Found", [])
            return [b""]
        start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [generate_latest(self._registry)]
