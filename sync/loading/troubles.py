"""What operators are told of a load. Records that are in no load are written while it waits."""

from typing import Any

from store.loads import Load
from store.store import WorkflowStore


def place_of(stream: str) -> str:
    """Of the trouble with a stream's loads."""
    return f"{stream}.load"


def import_words(load: Load, stream: str) -> str:
    return f"An import of {load.count:,} records of {stream}"


def workflow_of(load: Load) -> str:
    """Campaign's workflow that imports it."""
    return str(load.facts["workflow"])


def told_of(store: WorkflowStore, stream: str, load: Load) -> dict[str, Any]:
    """What a line of the log says of it."""
    return {"workflow": store.name, "stream": stream, "file": load.name, "records": load.count}


class LoadTrouble:
    """Why it waits."""

    def __init__(self, store: WorkflowStore, stream: str) -> None:
        self._troubles = store.troubles
        self._where = place_of(stream)

    @property
    def sentence(self) -> str:
        """Empty if there is none."""
        known = self._troubles.get(self._where)
        return known.sentence if known else ""

    def say(self, sentence: str) -> None:
        """It is told once, with its beginning, however often it is found."""
        if self.sentence != sentence:
            now_ms = self._troubles.now_ms()
            self._troubles.note(self._where, sentence, now_ms, now_ms)

    def clear(self) -> None:
        self._troubles.clear(self._where)
