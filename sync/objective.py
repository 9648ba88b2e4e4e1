"""Whether changes arrive as soon as their workflow's objective says."""

from collections.abc import Iterable
from typing import NamedTuple

from config.document import WorkflowDocument
from config.objectives import Objectives
from store.store import WorkflowStore

#: Fewer changes than these in an hour say nothing: one slow one would be a large share of them.
FEWEST = 20


class Arrivals(NamedTuple):
    """Changes that arrived in the last hour."""

    measured: int
    within: int  #: as soon as the objective says

    def is_missed(self, objectives: Objectives) -> bool:
        return self.measured >= FEWEST and self.within < objectives.share * self.measured


def objectives_of(document: WorkflowDocument | None) -> Objectives | None:
    """What a workflow's configuration promises, if anything."""
    if document is None:
        return None
    part = document.ingress or document.egress or document.optinout
    return part.objectives if part else None


def arrivals(workflow: WorkflowStore, streams: Iterable[str], objectives: Objectives, now_ms: int) -> Arrivals:
    """Of all these streams together."""
    hours = [workflow.freshness(stream).last_hour(now_ms) for stream in streams]
    within = sum(hour.within(objectives.freshness_seconds) for hour in hours)
    return Arrivals(sum(hour.total for hour in hours), within)
