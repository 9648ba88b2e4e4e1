"""Who did what, when, from where and why: the history of one workflow or of all."""

from dataclasses import dataclass

from control.opening import workflow_of
from store.acts import Event
from store.store import Store
from sync.workflows import NAMES


@dataclass(frozen=True, slots=True)
class Act:
    workflow: str
    event: Event

    @property
    def what(self) -> str:
        """What it was about, in words: STOPPED -> STARTING, revision 3, contact; empty where the action says all."""
        event = self.event
        if event.to_state:
            return f"{event.from_state} -> {event.to_state}"
        return event.stream or ("" if event.revision is None else f"revision {event.revision}")


def acts(store: Store, workflow: str | None, since_ms: int | None, limit: int) -> list[Act]:
    """Of one workflow or of all, the newest first, `limit` at most. The last 10,000 of each are kept.

    Raises UnknownWorkflow.
    """
    names = [workflow] if workflow else NAMES
    found = [Act(name, event) for name in names for event in workflow_of(store, name).acts.newest(limit, since_ms)]
    # Sorting is stable: of one workflow, what came later stays in front.
    return sorted(found, key=lambda act: act.event.at_ms, reverse=True)[:limit]
