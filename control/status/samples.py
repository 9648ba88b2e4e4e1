"""How a workflow's backlog has moved in the last hour."""

from store.samples import EVERY_MS, KEPT, Sample
from store.store import Store

#: Where samples are further apart nobody looked: no worker answered. Milliseconds.
GAP_MS = 3 * EVERY_MS
#: How far back samples reach. Milliseconds.
SPAN_MS = KEPT * EVERY_MS


def samples_of(store: Store, workflow: str, now_ms: int) -> list[list[Sample]]:
    """Those of the last hour, the oldest first; a new list begins where nobody had looked for a while."""
    runs: list[list[Sample]] = []
    for sample in store.workflow(workflow).samples.all():
        if sample.at_ms <= now_ms - SPAN_MS:
            continue
        if not runs or sample.at_ms - runs[-1][-1].at_ms > GAP_MS:
            runs.append([])
        runs[-1].append(sample)
    return runs
