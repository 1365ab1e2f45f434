"""Those who watch an installation from outside: a collector of traces, and a Sentry."""

import gzip
import json
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.webhook_receiver import Receiver


@dataclass(frozen=True)
class Span:
    """One span as it was told, with the service that told it."""

    service: str
    name: str
    trace: str
    number: str
    above: str
    about: dict[str, Any]
    failed: bool
    links: tuple[str, ...]


class Collector(Receiver):
    """Takes traces as OTLP over HTTP has them."""

    @property
    def endpoint(self) -> str:
        """What AMPDESK_TRACES_URL is set to."""
        return f"http://127.0.0.1:{self.port}/v1/traces"

    @property
    def spans(self) -> list[Span]:
        """All that were told by now."""
        found = []
        for taken in list(self.taken):
            whole = taken.headers.get("content-encoding") == "gzip"
            body = gzip.decompress(taken.body) if whole else taken.body
            for told in ExportTraceServiceRequest.FromString(body).resource_spans:
                resource = _values(told.resource.attributes)
                for scope in told.scope_spans:
                    found += [_span(str(resource["service.name"]), one) for one in scope.spans]
        return found


def _span(service: str, told: Any) -> Span:
    numbers = (told.trace_id.hex(), told.span_id.hex(), told.parent_span_id.hex())
    links = tuple(link.span_id.hex() for link in told.links)
    about = _values(told.attributes)
    return Span(service, told.name, *numbers, about, told.status.code == 2, links)


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class Sentry(Receiver):
    """Takes events as Sentry has them."""

    @property
    def dsn(self) -> str:
        """What AMPDESK_SENTRY_DSN is set to."""
        return f"http://key@127.0.0.1:{self.port}/7"

    @property
    def texts(self) -> list[str]:
        """All that was told by now, as it came."""
        bodies = [
            gzip.decompress(one.body) if one.body[:2] == b"\x1f\x8b" else one.body
            for one in list(self.taken)
        ]
        return [body.decode() for body in bodies]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of it."""
        found = [json.loads(line) for text in self.texts for line in text.splitlines() if line]
        return [one for one in found if "event_id" in one and "level" in one]
