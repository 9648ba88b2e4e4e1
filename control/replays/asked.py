"""A request for a replay as it was put, or found to be pending already."""

from dataclasses import dataclass

from control.errors import ControlError
from store.replays import Only
from store.store import WorkflowStore


@dataclass(frozen=True, slots=True)
class Asked:
    name: str  #: the table, or the workflow that is replayed by time
    workflow: str
    window: str  #: what it is confined to, in words; empty for everything
    new: bool  #: False: it was pending already
    is_on: bool  #: the workflow starts or runs: the replay waits for its stop and start, unless it has begun
    warnings: tuple[str, ...] = ()  #: sentences: what it will not find, and what it takes in
    began: bool = False  #: it is being read from now on

    @property
    def sentence(self) -> str:
        which = f" ({self.window})" if self.window else ""
        if self.began:
            return f"The replay of {self.name}{which} begins now."
        verb, already = "restart" if self.is_on else "start", "" if self.new else " already"
        return (
            f"The replay of {self.name}{which} is pending{already}; begin it with: "
            f"d365acs workflow {verb} {self.workflow}"
        )


def put(workflow: WorkflowStore, stream: str, by: str, why: str, only: Only) -> bool:
    return workflow.replays.ask(
        *(stream, by, why),
        since_ms=only.since_ms,
        until_ms=only.until_ms,
        where=only.where,
        ids=only.ids,
        rate=only.rate,
    )


def other_pending(name: str, noun: str, of: str) -> ControlError:
    what = f"{noun} {of or 'of all times'}".strip() if noun else of or "all of it"
    return ControlError(
        f"A replay of {name} is pending already, for {what}, and there is one at a time; take it back first: "
        f"d365acs replay cancel {name}"
    )
