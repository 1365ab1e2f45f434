"""Traces (OpenTelemetry): what one request, message or order set in motion, through every process.

Off unless AMPDESK_TRACES_URL names a collector: then nothing of the library is imported, and a span
costs a call that returns at once.  A span holds names and the numbers of rows, never what a
charger, a driver or a person wrote.  What was begun elsewhere is carried as one line
(`traceparent`) in Redis' messages of orders and in the headers of tasks.
"""

import os
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import Any

from flask import Flask, g, request

from app.config import Settings

#: The header that carries a trace, as the W3C names it.
TRACEPARENT = "traceparent"
#: Spans that wait to be told, and those of one message: making it must not hold the loop.
_WAITING, _AT_ONCE = 4096, 200
#: For so long a collector may keep the thread that tells it, in seconds: also when we end.
_PATIENCE_S = 3.0

_NOTHING: AbstractContextManager[Any] = nullcontext()
_settings: Settings | None = None
_tracer: Any = None
#: What this process is called in traces.
_process = "desk"


def configure(settings: Settings) -> None:
    """Have spans told to the collector that the settings name, if they do."""
    global _settings, _tracer
    _settings, _tracer = (settings if settings.traces_url else None), None
    if _settings is not None:  # not with the first span: loading takes some tenths of a second
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace.export  # noqa: F401


def name_process(name: str) -> None:
    """Say what this process is: the desk, a worker, or the tasks."""
    global _process
    _process = name


def register(app: Flask) -> None:
    """Give each request of the desk a span.

    What a request says of traces is not taken: else whoever asks would decide what is kept.
    """
    if _settings is not None:
        app.before_request_funcs.setdefault(None, []).insert(0, _begin_request)
        app.after_request(_note_status)
        app.teardown_request(_end_request)


def _begin_request() -> None:
    about = f"{request.method} {request.url_rule.rule if request.url_rule else 'unknown'}"
    rows = {key: value for key, value in (request.view_args or {}).items() if type(value) is int}
    g.span = span(about, None, rows, kind="server")
    g.traced = g.span.__enter__()


def _note_status(response: Any) -> Any:
    if "traced" in g:
        g.traced.set_attribute("http.response.status_code", response.status_code)
        if response.status_code >= 500:
            _fail(g.traced, "")
    return response


def _end_request(error: BaseException | None) -> None:
    if (entered := g.pop("span", None)) is not None:
        entered.__exit__(None, None, None)


# Spans


def span(
    name: str,
    carried: str | None = None,
    about: Mapping[str, int | str] = MappingProxyType({}),
    **given: Any,
) -> AbstractContextManager[Any]:
    """A span for what is done meanwhile; what is begun in it belongs to it.

    Arguments: as of `begin`.
    """
    if _settings is None:
        return _NOTHING
    return _current(begin(name, carried, about, **given))


def unit(causes: Collection[Any]) -> AbstractContextManager[Any]:
    """The span of a unit of work, where something that is traced needs it.

    `causes` are the contexts of what shares it (`here`): it belongs to the first one's trace.
    """
    if _settings is None:
        return _NOTHING
    first, *others = causes or (here(),)
    if first is None:
        return _NOTHING
    return span("unit of work", about={"causes": len(causes) or 1}, within=first, links=others)


def begin(
    name: str,
    carried: str | None = None,
    about: Mapping[str, int | str] = MappingProxyType({}),
    *,
    kind: str = "internal",
    within: Any = None,
    links: Iterable[Any] = (),
    began: float | None = None,
) -> Any:
    """A span that somebody ends (`end`); None while nothing is traced.

    Arguments: its name, one of few; what another process `carried` over; names and numbers that it
    is `about`; or else the span or the context that it is `within` (default: the present one);
    contexts that it is told beside; and when it `began`, in seconds since 1970.
    """
    if _settings is None:
        return None
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = None
    if carried:
        context = TraceContextTextMapPropagator().extract({TRACEPARENT: carried})
    elif within is not None:
        above = within if hasattr(within, "end") else trace.NonRecordingSpan(within)
        context = trace.set_span_in_context(above)
    return _the_tracer().start_span(
        name,
        context,
        kind=trace.SpanKind[kind.upper()],
        links=[trace.Link(one) for one in links],
        attributes={f"ampdesk.{key}": value for key, value in about.items()},
        start_time=None if began is None else round(began * 1e9),
    )


def end(begun: Any, outcome: str = "", *, failed: bool = False) -> None:
    """End a span of `begin`, and say what came of it."""
    if begun is None:
        return
    if outcome:
        begun.set_attribute("ampdesk.outcome", outcome)
    if failed:
        _fail(begun, outcome)
    begun.end()


def past(name: str, within: Any, took_s: float) -> None:
    """A span of what ended just now and took so many seconds, within another one."""
    if within is not None:
        end(begin(name, kind="client", within=within, began=time.time() - took_s))


def here() -> Any:
    """The context of the present span, for what goes on elsewhere; None where nothing is traced."""
    if _settings is None:
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return context if context.is_valid else None


def context_of(begun: Any) -> Any:
    """The same of a span of `begin`."""
    return None if begun is None else begun.get_span_context()


def carried() -> str | None:
    """The present span as a line that another process goes on from; None where nothing is."""
    if _settings is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(TRACEPARENT)


def headers() -> dict[str, str]:
    """The same as the header of a task: none where nothing is traced."""
    line = carried()
    return {TRACEPARENT: line} if line else {}


@contextmanager
def _current(begun: Any) -> Iterator[Any]:
    from opentelemetry import trace

    with trace.use_span(begun, record_exception=False, set_status_on_exception=False):
        try:
            yield begun
        except BaseException as error:
            _fail(begun, type(error).__name__)  # its text may hold what nobody else is to read
            raise
        finally:
            begun.end()


def _fail(begun: Any, why: str) -> None:
    from opentelemetry.trace import StatusCode

    begun.set_status(StatusCode.ERROR, why)


def _the_tracer() -> Any:
    """The tracer, made with the first span: processes fork before they work."""
    global _tracer
    if _tracer is None:
        assert _settings is not None
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        about = {
            "service.name": f"ampdesk-{_process}",
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
        sampler = ParentBased(TraceIdRatioBased(_settings.traces_percent / 100))
        provider = TracerProvider(sampler=sampler, resource=Resource.create(about))
        exporter = OTLPSpanExporter(_settings.traces_url, timeout=_PATIENCE_S)
        provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=_WAITING, max_export_batch_size=_AT_ONCE)
        )
        _tracer = provider.get_tracer("ampdesk")
    return _tracer
