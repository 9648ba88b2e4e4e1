"""How soon changes arrive, against what the configuration promises."""

from dataclasses import dataclass

from config.document import WorkflowDocument
from config.objectives import Objectives
from control.words import counted, duration
from store.store import WorkflowStore
from sync.objective import FEWEST, Arrivals, arrivals, objectives_of


@dataclass(frozen=True, slots=True)
class FreshnessStatus:
    objectives: Objectives
    hour: Arrivals  #: of the last hour

    @property
    def missed(self) -> bool:
        return self.hour.is_missed(self.objectives)

    @property
    def share(self) -> float | None:
        """Of the changes of the last hour; None: there was none."""
        return self.hour.within / self.hour.measured if self.hour.measured else None

    @property
    def sentence(self) -> str:
        """98.7 % of 1,204 changes within 1 min in the last hour; the objective is 99 %."""
        within = f"within {duration(self.objectives.freshness_seconds)}"
        aim = f"the objective is {_percent(self.objectives.share)}"
        if self.share is None:
            return f"no change in the last hour; {aim} {within}"
        few = ", too few to judge" if self.hour.measured < FEWEST else ""
        missed = ": missed" if self.missed else ""
        measured = counted(self.hour.measured, "change")
        return f"{_percent(self.share)} of {measured} {within} in the last hour{few}; {aim}{missed}"


def freshness_status(workflow: WorkflowStore, document: WorkflowDocument | None, now_ms: int) -> FreshnessStatus | None:
    """None where nothing is promised."""
    objectives = objectives_of(document)
    if objectives is None:
        return None
    return FreshnessStatus(objectives, arrivals(workflow, workflow.lifecycle.streams(), objectives, now_ms))


def _percent(share: float) -> str:
    """99 %, 99.9 %; never rounded up to what it is not."""
    return f"{int(share * 100_000 + 1e-6) / 1000:g} %"
