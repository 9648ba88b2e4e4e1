"""One writer at work on a stream of a scripted target."""

from store.record_queue import Change, RecordQueue
from store.store import WorkflowStore
from sync.streams import Slice, Stream
from sync.tables.position import Position
from sync.writing import WriteEnd, write_slice

LEASE = 60.0


def put(workflow: WorkflowStore, **versions: int) -> RecordQueue:
    """Records with these versions; the payload is the version."""
    queue = workflow.queue("contact")
    changes = [Change(name, version, str(version).encode()) for name, version in versions.items()]
    queue.put_page(1, workflow.cursor("contact").number, changes, Position().dump())
    return queue


def write(workflow: WorkflowStore, stream: Stream, piece: Slice, lease: float = LEASE) -> WriteEnd:
    return write_slice(stream, {stream.name: stream}, workflow, 1, 0, piece, lease, batch_size=100)
