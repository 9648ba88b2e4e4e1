"""One trace from a page that was read to the batches that wrote it: its id in their log lines, and spans if wanted.

A page begins a trace. Its id waits beside the queue, not on it (`store/pages.py`): a batch whose records came with one
page goes on with that page's trace, one of several pages begins its own and links to theirs. Spans are made where
OpenTelemetry is installed and set up, see `workers/telemetry.py`; without it a trace is a random id, nothing more.
Neither names records or values.
"""

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import structlog

from store.pages import Page
from store.store import WorkflowStore

try:
    from opentelemetry import trace as otel
except ImportError:  # it is an extra
    otel = None  # type: ignore[assignment]

#: The name of our spans' maker.
NAME = "d365acs"
#: Traces that a log line names, and a span links to; a batch of crumbs from many pages names the first.
MOST_TRACES = 5


@contextmanager
def page(store: WorkflowStore, stream: str, since_ms: int | None) -> Iterator[int]:
    """Around the storing of a page: answers the time at which it is to be stored.

    `since_ms`: everything on the page happened after this time, by the store's clock; None: that is not known.
    """
    bound = structlog.contextvars.bound_contextvars
    with _span("store page", store.name, stream, ()) as trace, bound(trace_id=trace_id(trace)):
        yield store.pages(stream).note(Page(since_ms, trace))


@contextmanager
def batch(workflow: str, stream: str, traces: Collection[str]) -> Iterator[dict[str, object]]:
    """Around the writing of a batch whose records came with the pages of these traces: answers what a log line says of
    them."""
    known = sorted(traces)[:MOST_TRACES]
    with _span("write batch", workflow, stream, known) as trace:
        told: dict[str, object] = {"trace_id": trace_id(trace)}
        if len(known) > 1:
            told["of_traces"] = [trace_id(one) for one in known]
        yield told


def trace_id(trace: str) -> str:
    """What stands for a trace in log lines, as in OpenTelemetry: 32 hexadecimal digits."""
    return trace.partition(" ")[0]


@contextmanager
def _span(name: str, workflow: str, stream: str, of: Collection[str]) -> Iterator[str]:
    """Answers the trace and the span. What came of one trace goes on with it; of several, it links to them."""
    if otel is None or not _is_set_up():
        yield next(iter(of)) if len(of) == 1 else f"{secrets.token_hex(16)} {secrets.token_hex(8)}"
        return
    contexts = [_context(one) for one in of]
    parent = otel.set_span_in_context(otel.NonRecordingSpan(contexts[0])) if len(contexts) == 1 else None
    links = [otel.Link(one) for one in contexts] if parent is None else []
    attributes: Mapping[str, str] = {"d365acs.workflow": workflow, "d365acs.stream": stream}
    with otel.get_tracer(NAME).start_as_current_span(name, parent, attributes=attributes, links=links) as span:
        own = span.get_span_context()
        yield f"{own.trace_id:032x} {own.span_id:016x}"


def _is_set_up() -> bool:
    """Whether somebody makes spans; the maker that comes with the interface does not."""
    return not isinstance(otel.get_tracer_provider(), otel.ProxyTracerProvider | otel.NoOpTracerProvider)


def _context(trace: str) -> "otel.SpanContext":
    of, _, span = trace.partition(" ")
    return otel.SpanContext(int(of, 16), int(span, 16), is_remote=True, trace_flags=otel.TraceFlags(1))
