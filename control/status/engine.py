"""Engine calls, Campaign's licence metric, as a workflow has made them: an insert 1, an update 2, a delete 1."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.store import WorkflowStore

#: Days that are summed up.
PERIOD_DAYS = 30


@dataclass(frozen=True, slots=True)
class EngineCalls:
    today: int  #: of the UTC day
    period: int  #: the last 30 UTC days, today included
    ever: int = 0  #: since the workflow began


def engine_calls(workflow: WorkflowStore, now_ms: int) -> EngineCalls:
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    first = today - timedelta(days=PERIOD_DAYS - 1)
    counted = {day.day: day.engine_calls for day in workflow.engine_calls.days(PERIOD_DAYS) if day.day >= first}
    return EngineCalls(counted.get(today, 0), sum(counted.values()), workflow.engine_calls.ever())
