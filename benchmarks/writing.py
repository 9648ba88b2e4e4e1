"""Writing profiles against bare loops of client libraries with the same number of connections.

Ours is `write_slice`, the body of a write task, over a filled queue: rights, leases, mapping, fingerprints, throttle,
deadlines, settling and the ledger included. The bare loops post bodies made beforehand, and nothing else
(`bare_writes`). All of them in this process, in turns; the pretend Campaign serves them from another process. They are
compared by the clock, and by the processor time that this process takes.

One line is a whole worker process as the Procfile starts it, with one child, from the nudge's message to the empty
queue. Its start-up and its reading of the schemas are not counted.
"""

import time
from collections.abc import Callable

import orjson

from benchmarks.bare_writes import BareLoop, CurlMulti, CurlThreads, RequestsThreads
from benchmarks.connected import connected
from benchmarks.harness import Contestant, Figure, ratio, take_turns
from benchmarks.people import contacts
from benchmarks.pretend import pretend
from benchmarks.stage import WORKFLOW, Stage, stage
from benchmarks.workers import PATIENCE_SECONDS, Nudge, worker_process
from config.settings import Settings
from store.record_queue import Change, Lane, Leased
from sync.streams import Send, Slice, Stream
from sync.writing import WriteEnd, write_slice

PROFILES = 2_000


def run(rounds: int) -> list[Figure]:
    with (
        pretend(contacts=0) as there,
        stage() as here,
        connected(here, there.document().workflows()[WORKFLOW]) as stream,
    ):
        settings = Settings(home=here.home, instance=here.instance)
        with worker_process(here, settings, WORKFLOW, [stream.name], ("write",)) as nudge:
            found = take_turns(
                rounds,
                in_this_process("requests", RequestsThreads(there), stream),
                in_this_process("curl", CurlThreads(there), stream),
                in_this_process("multi", CurlMulti(there), stream),
                lambda: _ours(here, stream, settings),
                lambda: _process(here, stream, nudge),
            )
    used = {name: found[f"{name}, processor"] for name in ("ours", "requests", "curl", "multi")}
    return [
        ratio("write_slice : bare loop of requests", "profiles/s", found["ours"], found["requests"], 0.8),
        ratio("worker process : bare loop of requests", "profiles/s", found["process"], found["requests"], 0.8),
        ratio("write_slice : libcurl's multi interface", "profiles/CPU s", used["ours"], used["multi"], 0.7),
        ratio("write_slice : threads of libcurl", "profiles/CPU s", used["ours"], used["curl"], None),
        ratio("write_slice : threads of requests", "profiles/CPU s", used["ours"], used["requests"], None),
    ]


def _ours(here: Stage, stream: Stream, settings: Settings) -> dict[str, float]:
    here.put(here.queue(stream.name), contacts(PROFILES))
    piece = Slice(PATIENCE_SECONDS, lambda: False)
    lease_s, batch_size = settings.lease_seconds, settings.batch_size

    def write() -> None:
        end = write_slice(stream, {}, here.workflow, here.generation, 0, piece, lease_s, batch_size)
        assert end is WriteEnd.DRAINED

    return _measured("ours", write)


def _process(here: Stage, stream: Stream, nudge: Nudge) -> dict[str, float]:
    queue = here.queue(stream.name)
    here.put(queue, contacts(PROFILES))
    begun = time.perf_counter()
    nudge()
    while queue.backlog().total:
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            raise RuntimeError(f"The worker process left records behind; its log is {here.home}/worker.log.")
        time.sleep(0.005)
    return {"process": PROFILES / (time.perf_counter() - begun)}


def in_this_process(name: str, loop: BareLoop, stream: Stream) -> Contestant:
    """The loop with the bodies that our own writer would send, each time those of other profiles: profiles/s, and
    profiles for each second of processor time."""

    def turn() -> dict[str, float]:
        prepared = bodies(stream, PROFILES)
        return _measured(name, lambda: loop.write(prepared))

    return turn


def bodies(stream: Stream, count: int) -> list[bytes]:
    """What inserts so many profiles, as our own writer would send it."""
    return [_body(stream, change) for change in contacts(count)]


def _body(stream: Stream, change: Change) -> bytes:
    record = Leased(change.id, change.version, 0, Lane.LIVE, change.payload, 0, 0)
    send = stream.target.prepare(record, None)
    assert isinstance(send, Send)
    return orjson.dumps(send.insert)


def _measured(name: str, work: Callable[[], object]) -> dict[str, float]:
    """Profiles/s, and profiles for each second of this process's own processor time."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    used, took = time.process_time() - used, time.perf_counter() - begun
    return {name: PROFILES / took, f"{name}, processor": PROFILES / used}
