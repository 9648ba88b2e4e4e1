"""What is known of the workflows, as families of metrics. Labels are names of workflows, streams, systems and reasons:
few, and never a record's."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from config.objectives import COUNTED_SECONDS
from connectors.requests_made import EDGES
from control.dead_letters.causes import LOOKED_AT, causes
from control.status.stream import StreamStatus
from control.status.workflow import WorkflowStatus
from store.freshness import FRESHNESS, OPTOUT, Histogram
from store.lifecycle import State
from store.requests import RequestTotals
from store.store import Store
from sync.token_life import DAY

#: Totals of a stream: what the store counts, the name of the counter, and what it says.
_TOTALS = (
    ("read", "records_read", "Records that were read, those that the filter kept back included."),
    ("filtered", "records_filtered", "Records that the filter kept back."),
    ("written", "records_written", "Records whose writing or deletion was confirmed."),
    ("unchanged", "records_unchanged", "Records that needed no request: the target had them already."),
    ("refused", "records_rejected", "Records that were refused and set aside as dead letters."),
    ("again", "retry", "Attempts that failed and are to be repeated."),
)

WORKFLOW, STREAM = "workflow", "stream"


def workflow_families(statuses: Sequence[WorkflowStatus]) -> Iterator[Metric]:
    """Of each workflow as a whole."""
    states = _gauge("workflow_state", "In which state a workflow is: 1 for that one, 0 for the others.", WORKFLOW,
                    "state")  # fmt: skip
    revisions = InfoMetricFamily(
        "d365acs_config_version", "The revisions of its configuration: active, and saved last.", labels=[WORKFLOW]
    )
    since = _gauge("workflow_state_since_timestamp_seconds", "Since when it is in this state.", WORKFLOW)
    unapplied = _gauge("config_unapplied", "1 while saved changes wait for a stop and a start.", WORKFLOW)
    ticked = _gauge("tick_age_seconds", "Since workers last looked at the workflow, as they do each second.", WORKFLOW)
    unserved = _gauge("queues_unserved", "Celery queues of the workflow that no worker listens to.", WORKFLOW)
    trouble = _gauge("trouble_age_seconds", "How long it has waited at this place for its trouble to end.", WORKFLOW,
                     "place")  # fmt: skip
    target = _gauge("freshness_objective_seconds", "Within how many seconds changes shall have arrived.", WORKFLOW)
    share = _gauge("freshness_objective_ratio", "Which part of the changes shall have.", WORKFLOW)
    engine = CounterMetricFamily(
        "d365acs_engine_calls", "Engine calls, Campaign's licence metric: an update counts twice.", labels=[WORKFLOW]
    )
    conflicts = CounterMetricFamily(
        "d365acs_conflict", "Decisions about consent flags, by the rule that decided.", labels=[WORKFLOW, "rule"]
    )
    for status in statuses:
        name = [status.workflow]
        for state in State:
            states.add_metric([*name, state.value], int(state is status.state))
        numbers = {"active": str(status.active_revision or ""), "newest": str(status.newest_revision or "")}
        revisions.add_metric(name, numbers)
        unapplied.add_metric(name, int(status.unapplied))
        unserved.add_metric(name, len(status.presence.unserved))
        if status.since_ms is not None:
            since.add_metric(name, status.since_ms / 1000)
        if status.presence.ticked_seconds is not None:
            ticked.add_metric(name, status.presence.ticked_seconds)
        for one in status.told_troubles:
            trouble.add_metric([*name, one.where], max(0, status.at_ms - one.since_ms) / 1000)
        if status.freshness:
            target.add_metric(name, status.freshness.objectives.freshness_seconds)
            share.add_metric(name, status.freshness.objectives.share)
        if status.engine:
            engine.add_metric(name, status.engine.ever)
        for rule, many in sorted(status.consent.stats.rules.items() if status.consent else ()):
            conflicts.add_metric([*name, rule], many)
    yield from (states, revisions, since, unapplied, ticked, unserved, trouble, target, share, engine, conflicts)


def stream_families(statuses: Sequence[WorkflowStatus]) -> Iterator[Metric]:
    """Of each stream: its totals, and what waits."""
    streams = [(status, stream) for status in statuses for stream in status.streams]
    for what, name, words in _TOTALS:
        total = CounterMetricFamily(f"d365acs_{name}", words, labels=[WORKFLOW, STREAM])
        for status, stream in streams:
            total.add_metric([status.workflow, stream.stream], stream.totals[what])
        yield total
    backlog = _gauge("backlog_records", "Records that wait to be written, or are being written.", WORKFLOW, STREAM)
    oldest = _gauge("backlog_oldest_age_seconds", "How long the oldest of them has waited; 0: none does.", WORKFLOW,
                    STREAM)  # fmt: skip
    parked = _gauge("records_parked", "Records that wait for another one, or for their contact.", WORKFLOW, STREAM)
    dead = _gauge("dlq_records", "Dead letters: records that were refused and set aside.", WORKFLOW, STREAM)
    held = _gauge("schema_drift", "1 while a stream is held, since a schema no longer fits the configuration.",
                  WORKFLOW, STREAM)  # fmt: skip
    for status, stream in streams:
        labels = [status.workflow, stream.stream]
        backlog.add_metric(labels, stream.backlog)
        oldest.add_metric(labels, stream.oldest_seconds or 0)
        parked.add_metric(labels, stream.parked)
        dead.add_metric(labels, stream.dead)
        held.add_metric(labels, int(stream.hold is not None))
    yield from (backlog, oldest, parked, dead, held)
    yield from _reading(streams)


def _reading(streams: Iterable[tuple[WorkflowStatus, StreamStatus]]) -> Iterator[Metric]:
    token = _gauge("change_token_age_seconds", "Age of the change token of a table.", WORKFLOW, STREAM)
    life = _gauge("change_token_life_seconds", "How long Dynamics keeps that token.", WORKFLOW, STREAM)
    read = _gauge("last_read_timestamp_seconds", "When the reading position was stored last.", WORKFLOW, STREAM)
    for status, stream in streams:
        labels, reading = [status.workflow, stream.stream], stream.reading
        if reading.token and stream.mapped:
            token.add_metric(labels, reading.token.age_seconds)
            life.add_metric(labels, reading.token.life_days * DAY)
        if reading.read_ms is not None:
            read.add_metric(labels, reading.read_ms / 1000)
    yield from (token, life, read)


def cause_families(store: Store) -> Iterator[Metric]:
    """Of dead letters, by the kind of their reason."""
    found = _gauge(
        "dlq_cause_records",
        f"Dead letters by the kind of their reason, of {LOOKED_AT:,} that are looked at in each stream.",
        WORKFLOW,
        STREAM,
        "reason",
    )
    for cause in causes(store, limit=LOOKED_AT):
        found.add_metric([cause.workflow, cause.stream, cause.kind], cause.count)
    yield found


def freshness_families(store: Store, statuses: Sequence[WorkflowStatus]) -> Iterator[Metric]:
    """How long changes took to arrive."""
    fresh = HistogramMetricFamily(
        "d365acs_freshness_seconds",
        "From a change to its confirmed write; changes alone, no full reads and no replays.",
        labels=[WORKFLOW, STREAM],
    )
    optout = HistogramMetricFamily(
        "d365acs_optout_propagation_seconds",
        "From an opt-out in one system to its confirmed write in the other, by that other one.",
        labels=[WORKFLOW, "to"],
    )
    to_system = {measure: system for system, measure in OPTOUT.items()}
    for status in statuses:
        for stream in status.streams:
            for measure, histogram in store.workflow(status.workflow).freshness(stream.stream).since_ever().items():
                if measure == FRESHNESS:
                    fresh.add_metric([status.workflow, stream.stream], _buckets(histogram), histogram.seconds)
                elif measure in to_system:
                    optout.add_metric([status.workflow, to_system[measure]], _buckets(histogram), histogram.seconds)
    yield from (fresh, optout)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    return _cumulated(COUNTED_SECONDS, histogram.counts)


def _cumulated(edges: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus has them: each bucket with all before it."""
    names = [*(str(float(edge)) for edge in edges), "+Inf"]
    return [(name, sum(counts[: place + 1])) for place, name in enumerate(names)]


def request_families(totals: RequestTotals) -> Iterator[Metric]:
    """Of the workers' requests to the systems."""
    answers = CounterMetricFamily(
        "d365acs_api_requests",
        "Requests of the workers by the status of their answer; none: no answer came.",
        labels=["system", "method", "code"],
    )
    for (system, method, code), many in totals.answers.items():
        answers.add_metric([system, method, code], many)
    took = HistogramMetricFamily(
        "d365acs_api_request_duration_seconds", "How long these requests took.", labels=["system"]
    )
    for system in sorted({system for system, _ in totals.durations}):
        counts = [totals.durations.get((system, place), 0) for place in range(len(EDGES) + 1)]
        took.add_metric([system], _cumulated(EDGES, counts), totals.seconds.get(system, 0.0))
    pauses = CounterMetricFamily("d365acs_api_throttled", "Answers that asked all workers to wait.", labels=["system"])
    for system, many in totals.pauses.items():
        pauses.add_metric([system], many)
    paused = CounterMetricFamily(
        "d365acs_api_retry_after_seconds", "The seconds that they asked for, in sum.", labels=["system"]
    )
    for system, seconds in totals.paused_seconds.items():
        paused.add_metric([system], seconds)
    yield from (answers, took, pauses, paused)


def process_families(store: Store, version: str, instance: str) -> Iterator[Metric]:
    """Of the processes of this instance."""
    alive = store.heartbeats.alive()
    workers = [one for one in alive if one.role == "worker"]
    build = InfoMetricFamily("d365acs_build", "Which version tells this, of which instance.")
    build.add_metric([], {"version": version, "d365acs_instance": instance})
    counts = (
        ("workers", "Worker processes that were heard of lately.", len(workers)),
        ("worker_slots", "Tasks that all of them together can work on at once.", sum(one.slots for one in workers)),
        ("beats", "Beat processes that were heard of lately.", sum(one.role == "beat" for one in alive)),
    )
    yield build
    for name, words, value in counts:
        family = _gauge(name, words)
        family.add_metric([], value)
        yield family


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"d365acs_{name}", words, labels=list(labels))
