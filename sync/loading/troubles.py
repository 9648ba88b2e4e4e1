"""Why a load waits, where operators see it. Records that are in no load are written meanwhile."""

from store.store import WorkflowStore


def place_of(stream: str) -> str:
    """Of the trouble with a stream's loads."""
    return f"{stream}.load"


class LoadTrouble:
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
