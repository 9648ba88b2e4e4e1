"""Memory per waiting record: what the server counts (`used_memory`, without buffers) beyond the payload itself.

Measured at several sizes, because hash tables grow in steps; the dearest counts. Ids are GUIDs of 36 characters.
"""

from benchmarks.harness import Figure
from benchmarks.stage import PAYLOAD_BYTES, Stage, new_changes, stage
from store.record_queue import Lane

SIZES = (10_000, 20_000, 70_000, 100_000, 140_000)


def run(rounds: int) -> list[Figure]:
    return [_figure(lane, name) for lane, name in ((Lane.LIVE, "live"), (Lane.REPLAY, "replay"))]


def _figure(lane: Lane, name: str) -> Figure:
    with stage() as here:
        queue = here.queue("contact")
        empty, stored, beyond = _used(here), 0, []
        for size in SIZES:
            here.put(queue, new_changes(size - stored), lane=lane)
            stored = size
            beyond.append((_used(here) - empty) / size - PAYLOAD_BYTES)
    most = max(beyond)
    return Figure(
        f"memory, {name} record, beyond its payload",
        "bytes",
        most + PAYLOAD_BYTES,
        float(PAYLOAD_BYTES),
        most,
        min(beyond),
        most,
        250,
        "at most",
    )


def _used(here: Stage) -> int:
    """Buffers of connections and of the append-only file come and go, however many records wait."""
    memory = here.redis.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])
