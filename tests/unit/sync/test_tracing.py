"""Traces: ids without OpenTelemetry, spans with it."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fakeredis import FakeRedis
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from store.store import Store, WorkflowStore
from sync import tracing


@pytest.fixture
def workflow() -> WorkflowStore:
    return Store(FakeRedis(version=(7,)), "production").workflow("ingress")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Somebody makes spans, and keeps them."""
    exporter = InMemorySpanExporter()
    with_spans = TracerProvider()
    with_spans.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(otel, "get_tracer_provider", lambda: with_spans)
    monkeypatch.setattr(otel, "get_tracer", lambda name: with_spans.get_tracer(name))
    yield exporter
    with_spans.shutdown()


def stored(workflow: WorkflowStore) -> str:
    """The trace of a page that was stored."""
    with tracing.page(workflow, "contact", 5) as at_ms:
        pass
    return workflow.pages("contact").find([at_ms])[at_ms].trace


def ids(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x} {context.span_id:016x}"


def test_without_opentelemetry_a_trace_is_an_id_and_nothing_else(workflow: WorkflowStore) -> None:
    # Given a page; nobody makes spans
    trace = stored(workflow)
    # When it is written in one batch, alone or with another page
    with tracing.batch("ingress", "contact", [trace]) as alone:
        pass
    with tracing.batch("ingress", "contact", [trace, "0" * 32 + " " + "1" * 16]) as together:
        pass
    with tracing.batch("ingress", "contact", []) as of_nobody:
        pass
    # Then the first goes on with its trace, and the second names both
    assert alone == {"trace_id": tracing.trace_id(trace)}
    assert together["of_traces"] == sorted(["0" * 32, tracing.trace_id(trace)])
    assert together["trace_id"] not in (together["of_traces"], tracing.trace_id(trace))
    assert set(of_nobody) == {"trace_id"}


def test_a_batch_of_many_pages_names_some_of_them(workflow: WorkflowStore) -> None:
    traces = [stored(workflow) for _ in range(tracing.MOST_TRACES + 3)]
    with tracing.batch("ingress", "contact", traces) as told:
        assert len(told["of_traces"]) == tracing.MOST_TRACES  # type: ignore[arg-type]


def test_with_opentelemetry_the_batch_of_a_page_is_a_span_of_its_trace(
    workflow: WorkflowStore, spans: InMemorySpanExporter
) -> None:
    # Given a page that was stored, and a batch of it
    trace = stored(workflow)
    with tracing.batch("ingress", "contact", [trace]) as told:
        pass
    # Then both are spans of one trace, the batch below the page, and the log names it
    page, batch = spans.get_finished_spans()
    assert (page.name, batch.name) == ("store page", "write batch")
    assert ids(page) == trace
    assert batch.parent is not None and f"{batch.parent.span_id:016x}" == trace.split()[1]
    assert told["trace_id"] == ids(page).split()[0] == ids(batch).split()[0]
    # And they say where that was, and nothing of any record
    assert dict(page.attributes or {}) == {"d365acs.workflow": "ingress", "d365acs.stream": "contact"}


def test_with_opentelemetry_a_batch_of_several_pages_links_to_them(
    workflow: WorkflowStore, spans: InMemorySpanExporter
) -> None:
    traces = [stored(workflow), stored(workflow)]
    with tracing.batch("ingress", "contact", traces):
        pass
    batch = spans.get_finished_spans()[-1]
    assert batch.parent is None
    linked = {f"{link.context.trace_id:032x} {link.context.span_id:016x}" for link in batch.links}
    assert linked == set(traces)


_WORK = """
from fakeredis import FakeRedis
from store.store import Store
from sync import tracing
from workers import telemetry
print("sent:", telemetry.set_up())
with tracing.page(Store(FakeRedis(version=(7,)), "production").workflow("ingress"), "contact", None):
    pass
"""


@pytest.mark.parametrize(
    ("environment", "answer", "exported"),
    [
        ({}, "sent: False", False),
        ({"OTEL_TRACES_EXPORTER": "none"}, "sent: False", False),
        ({"OTEL_TRACES_EXPORTER": "console"}, "sent: True", True),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, "sent: False", False),
        ({"OTEL_TRACES_EXPORTER": "no-such-thing"}, "No package has this exporter of spans.", False),
    ],
    ids=str,
)
def test_spans_leave_a_process_only_where_its_variables_say_so(
    environment: dict[str, str], answer: str, exported: bool
) -> None:
    # Given a worker process with these variables
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", _WORK], env={**kept, **environment}, capture_output=True, text=True, check=True
    )
    # When a page is stored, then its span is sent or not, under our name
    assert answer in done.stdout
    assert ('"name": "store page"' in done.stdout) is exported
    assert ('"service.name": "d365acs"' in done.stdout) is exported
