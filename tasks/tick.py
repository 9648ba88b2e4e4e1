"""tick: look at a workflow, once a second. Doubled, late or lost ticks do no harm."""

from dataclasses import dataclass

import structlog

from config.document import WorkflowDocument
from connectors.errors import Refused, TryAgain
from store.lifecycle import State
from store.record_queue import RecordQueue
from store.store import WorkflowStore
from sync.patience import Patience, asked_for
from sync.systems import Systems
from sync.workflow import Workflow
from sync.workflows import workflow_named
from tasks.alert import is_to_be_told
from tasks.await_loads import await_loads
from tasks.failing import HOPELESS, fail
from tasks.retention import reseal_memories, trim_record
from tasks.runtime import Runtime, active_document

log = structlog.get_logger()

#: Records for which one more writer is called, up to the number of seats.
RECORDS_PER_WRITER = 1000

#: How often counts that are older than an hour are dropped, and decisions about consent that are too old; and how often
#: memories of consent are sealed with the first key.
TRIM_EVERY_MS = 60_000

#: How often it is looked at whether people are to be told of anything.
ALERT_EVERY_MS = 5000

#: So many times in a tick a stream's records are taken back from dead workers, up to 500 at a time: a worker that dies
#: over a file for an import may hold a hundred thousand.
REAPS = 20

#: A start that nobody has looked at for so long, although it was time, has its patience anew: workers were away.
UNSEEN_MS = 30_000

#: How often a table is looked at whose target has refused what its schema allows.
DOUBT_EVERY_MS = 5000

#: Task slots that a process keeps for ticks and reading when it also serves those.
RESERVED_SLOTS = 2


@dataclass(frozen=True, slots=True)
class Nudge:
    """Have this stream read, and let this many writers look at its queue."""

    workflow: str
    stream: str
    generation: int
    writers: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Have the schemas of this generation compared with the live ones."""

    generation: int
    everything: bool  #: False: only tables that are doubted


@dataclass(frozen=True, slots=True)
class Work:
    """What a tick has found to do."""

    nudges: tuple[Nudge, ...] = ()
    watch: Watch | None = None
    logs: bool = False  #: whether to see if logs are to be exported
    alerts: bool = False  #: whether to see if people are to be told of anything


def tick(runtime: Runtime, workflow: str) -> Work:
    """What is to be done now: nothing unless the workflow is RUNNING, but to tell what has become of it."""
    store = runtime.workflow(workflow)
    now_ms = runtime.store.now_ms()
    before_ms = store.note_tick(now_ms)
    life = store.lifecycle.read()
    is_minute = before_ms is None or before_ms // TRIM_EVERY_MS != now_ms // TRIM_EVERY_MS
    if is_minute:
        # Also while the workflow is stopped: what is kept so long and no longer is personal data.
        trim_record(store, life.revision, now_ms)
        reseal_memories(store, now_ms)
    if store.samples.is_due(before_ms, now_ms):
        # Also while the workflow is stopped: its backlog is kept, and shown.
        store.samples.note(now_ms, _backlog(store))
    logs = is_minute and store.revisions.newest() > 0
    looks_for_alerts = before_ms is None or before_ms // ALERT_EVERY_MS != now_ms // ALERT_EVERY_MS
    alerts = looks_for_alerts and is_to_be_told(store, life)
    if life.state is State.STARTING:
        _start(runtime, store, life.generation)
        life = store.lifecycle.read()
    if life.state is not State.STARTING:
        runtime.end_awaiting(workflow)
    if life.state is not State.RUNNING:
        runtime.forget(workflow)
        return Work(logs=logs, alerts=alerts)
    seats = _seats(runtime, workflow)
    nudges = []
    for stream in store.lifecycle.streams():
        queue = store.queue(stream)
        if ended := _reap(queue, now_ms):
            log.warning("Took back records from a writer that died.", action="reaped", stream=stream, records=ended)
        if is_minute:
            store.trim(stream, now_ms)
        wanted = 1 + queue.total() // RECORDS_PER_WRITER
        nudges.append(Nudge(workflow, stream, life.generation, min(wanted, seats)))
    return Work(tuple(nudges), _watch(runtime, store, life.generation, before_ms, now_ms), logs, alerts)


def _reap(queue: RecordQueue, now_ms: int) -> int:
    """Takes back what dead workers held; a part is left to the next tick if it is very much. Answers how many."""
    ended = 0
    for _ in range(REAPS):
        reaped = queue.reap(now_ms)
        if not reaped:
            break
        ended += reaped
    return ended


def _backlog(store: WorkflowStore) -> int:
    backlogs = [store.queue(name).backlog() for name in store.lifecycle.streams()]
    return sum(one.waiting + one.leased for one in backlogs)


def _watch(runtime: Runtime, store: WorkflowStore, generation: int, before_ms: int | None, now_ms: int) -> Watch | None:
    """Whether schemas are to be looked at: all of them every few minutes, and after a look that failed; doubted
    ones every few seconds."""
    if before_ms is None:
        return None
    every_ms = int(runtime.settings.schema_check_seconds * 1000)
    if before_ms // every_ms != now_ms // every_ms:
        return Watch(generation, everything=True)
    if before_ms // DOUBT_EVERY_MS == now_ms // DOUBT_EVERY_MS:
        return None
    if store.troubles.get("schemas") is not None:
        return Watch(generation, everything=True)  # a look that failed is made up for once the system answers again
    return Watch(generation, everything=False) if store.holds.doubted() else None


def _start(runtime: Runtime, store: WorkflowStore, generation: int) -> None:
    """The start-up checks: RUNNING, FAILED, or STARTING for a while longer."""
    right = store.starting_right()
    with right as held:
        if not held:
            return
        patience = Patience(store.troubles.of_start(generation), "start")
        met: tuple[str, float | None] | None = None
        hopeless = ""
        try:
            if await_loads(runtime, store, generation):
                patience.end()  # it bears with whatever it meets after that as if it began then
                return
            if not patience.is_over():
                return
            began_ms = store.now_ms()
            if _writers_hold(store):
                met = "Waiting for writers of the run before to finish or to time out", 0
            else:
                streams = _check(runtime, store, generation)
        except (*HOPELESS, Refused) as error:
            hopeless = str(error)
        except TryAgain as error:
            met = error.sentence, asked_for(error)
        if not right.extend():
            return  # it took so long, or slept, that others look by now: what they find is newer
        if hopeless:
            fail(store, generation, hopeless, only_from=State.STARTING)
        elif met:
            _bear(runtime, store, generation, patience, began_ms, *met)
        else:
            store.lifecycle.add_streams(streams)
            store.replays.begin(store.now_ms(), generation)
            if store.lifecycle.run(generation, "start-up checks", "both systems answer, the configuration fits"):
                log.info("The workflow runs.", action="running", generation=generation)


def _writers_hold(store: WorkflowStore) -> bool:
    """Whether writers of the run before still hold records."""
    queues = [store.queue(stream) for stream in store.lifecycle.streams()]
    now_ms = store.now_ms()
    for queue in queues:
        _reap(queue, now_ms)
    return any(queue.leases_run(now_ms) for queue in queues)


def _check(runtime: Runtime, store: WorkflowStore, generation: int) -> list[str]:
    """The streams that are to run: both systems answer, the configuration fits. Raises what `_start` meets."""
    found = workflow_named(store.name)
    document = active_document(store)
    systems = Systems(document.connections, runtime.store)
    try:
        found.check(document, systems)
        known = _learnt(found, document, systems, store, generation)
        found.admit(document, known, systems)
        found.connect(document, known, systems, store, runtime.settings.read_page_size)
    finally:
        systems.close()
    return found.stream_names(document)


def _bear(
    runtime: Runtime,
    store: WorkflowStore,
    generation: int,
    patience: Patience,
    began_ms: int,
    sentence: str,
    wait: float | None,
) -> None:
    """Shows what a look that began then has met; it fails if every look has met something for too long."""
    before = patience.trouble
    if before is not None and before.until_ms + UNSEEN_MS < began_ms:
        patience.end()
    patience.note(sentence, wait)
    if patience.trouble is not None and store.now_ms() - patience.trouble.since_ms > start_patience_ms(runtime):
        fail(store, generation, f"{sentence}. Start again when that is over", only_from=State.STARTING)


def _learnt(
    found: Workflow, document: WorkflowDocument, systems: Systems, store: WorkflowStore, generation: int
) -> bytes:
    """What is known of both systems. Kept at once: a start that is tried again need not ask all of it again."""
    known = store.schemas(generation)
    if known is None:
        known = store.keep_first_schemas(generation, found.learn(document, systems))
    return known


def start_patience_ms(runtime: Runtime) -> int:
    """How long a start may look in vain for systems that answer, from the first look that met trouble."""
    return int((60 + runtime.settings.lease_seconds) * 1000)


def _seats(runtime: Runtime, workflow: str) -> int:
    """How many writers may work at a stream at once, all live worker processes together."""
    seats = 0
    for worker in runtime.store.heartbeats.alive():
        if f"{workflow}.write" in worker.queues:
            others = "control" in worker.queues or f"{workflow}.read" in worker.queues
            seats += max(1, worker.slots - RESERVED_SLOTS) if others else worker.slots
    return max(1, seats)
