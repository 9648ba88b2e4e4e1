"""Why records were set aside: by kind, with the newest of each. Dead letters say it without their content."""

from dataclasses import dataclass

from store.outcomes import Reason
from store.store import WorkflowStore

#: So many dead letters of a stream are looked at; where there are more, the counts are those of these.
LOOKED_AT = 10_000


@dataclass(frozen=True, slots=True)
class Refusal:
    stream: str
    kind: str
    count: int
    newest_ms: int
    record: str  #: the newest one's id
    newest: Reason  #: why that was set aside


def refusals(workflow: WorkflowStore, streams: list[str]) -> list[Refusal]:
    """Of each stream, the kind with the newest one first."""
    found = []
    for stream in streams:
        of_stream: dict[str, Refusal] = {}
        for record, dead_ms, reason in workflow.queue(stream).dead_reasons(LOOKED_AT):
            known = of_stream.get(reason.kind)
            count = known.count + 1 if known else 1
            if known is None or (dead_ms, record) > (known.newest_ms, known.record):
                of_stream[reason.kind] = Refusal(stream, reason.kind, count, dead_ms, record, reason)
            else:
                of_stream[reason.kind] = Refusal(stream, known.kind, count, known.newest_ms, known.record, known.newest)
        found += sorted(of_stream.values(), key=lambda one: (-one.newest_ms, one.kind))
    return found
