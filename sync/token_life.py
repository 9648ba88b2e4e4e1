"""How long change tokens live, and from which part of that life on their age is to be told."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from store.lifecycle import Life
from store.store import WorkflowStore
from sync.schemas import TOKEN_DAYS

DAY = 86_400.0

#: Shares of a life after which an age is warned about.
HALF, LATE = 0.5, 0.8


class _Known(Protocol):
    """What a run has learnt of its systems."""

    @property
    def token_days(self) -> float: ...


def token_days(workflow: WorkflowStore, life: Life, load: Callable[[bytes], _Known]) -> float:
    """How long the tokens of this workflow live, in days, as its last run has learnt; `load` unpacks that."""
    # A stop and a start each raise the generation; what the run before has learnt still holds.
    for generation in range(life.generation, max(-1, life.generation - 3), -1):
        packed = workflow.schemas(generation)
        if packed is not None:
            return _days(load, packed)
    return TOKEN_DAYS


@lru_cache(maxsize=8)
def _days(load: Callable[[bytes], _Known], packed: bytes) -> float:
    return load(packed).token_days
