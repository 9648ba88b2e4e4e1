"""How a load ends: its results are read once they are whole, its records settled, and its files taken away."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import structlog

from connectors.errors import NotFound
from connectors.sftp import RemoteFile, Sftp
from connectors.sftp_writing import hidden
from store.loads import Load
from store.store import WorkflowStore
from sync.loading import timing
from sync.loading.concluding import Concluding
from sync.loading.names import file_of, given_up_file_of, rejects_of, written_of
from sync.loading.timing import CALL_SECONDS
from sync.loading.troubles import import_words, told_of, workflow_of

log = structlog.get_logger()


class Results(NamedTuple):
    """Which keys were written, and which rows were refused, if any."""

    written: RemoteFile
    rejects: RemoteFile | None


class Ending:
    """`generation`: None where the workflow is still to start."""

    def __init__(
        self, store: WorkflowStore, stream: str, sftp: Sftp, generation: int | None, stopping: Callable[[], bool]
    ) -> None:
        self._store = store
        self._stream = stream
        self._loads = store.loads(stream)
        self._sftp = sftp
        self._generation = generation
        self._stopping = stopping

    def results(self, load: Load) -> Results | None:
        """None while it is not said which keys were written."""
        written = self._sftp.file(written_of(load), CALL_SECONDS)
        return Results(written, self._sftp.file(rejects_of(load), CALL_SECONDS)) if written else None

    def conclude(self, load: Load, results: Results) -> bool:
        """Settles the load once its results change no more; whether it is over."""
        now_ms = self._store.now_ms()
        seen = " ".join(f"{one.size}:{one.mtime}" if one else "-" for one in results)
        if load.seen != seen:
            self._loads.note(load, seen=seen, settling_ms=now_ms)
            load = replace(load, seen=seen, settling_ms=now_ms)
        if now_ms - load.settling_ms < 1000 * load.facts["settled_seconds"]:
            return False
        ended = self._settled(load, results)
        return self.over(ended) if ended is not None else self._loads.again(load) is None

    def withdraw(self, load: Load, why: str) -> bool:
        """Nothing of it is taken for written, and that is logged with the reason; whether it is over."""
        self._concluding(load).confirm_none()
        log.warning(
            "An import was given up; its records are written singly.",
            action="load_withdrawn",
            **told_of(self._store, self._stream, load),
            why=why,
        )
        return self.over(self._ended(load))

    def over(self, load: Load) -> bool:
        """Every record is settled: what is left of it on the server is personal data, and goes."""
        if self._store.now_ms() - load.ended_ms < timing.SURE_MS:
            return False
        if any(self._loads.holds(batch) for batch in load.batches):
            # By its files, as long as they are there: an import is under way no more.
            results = self.results(load)
            if results is not None:
                self._settled(load, results)
            else:
                self._concluding(load).confirm_none()
                self._ended(load)
            return False
        for path in (
            hidden(file_of(load)), given_up_file_of(load), file_of(load), rejects_of(load), written_of(load)
        ):  # fmt: skip
            self.remove(path)
        return self._loads.forget(load) or self._loads.again(load) is None

    def remove(self, path: str) -> bool:
        """Whether it was there."""
        try:
            self._sftp.remove(path, CALL_SECONDS)
        except NotFound:
            return False
        return True

    def _settled(self, load: Load, results: Results) -> Load | None:
        """None: it is not settled yet, or somebody else was quicker."""
        concluding = self._concluding(load)
        try:
            if not concluding.settle(with_rejects=results.rejects is not None):
                return None
        except NotFound:
            if self._loads.again(load) is not None:
                raise
            return None
        if self._loads.again(load) is None:
            return None  # what others have forgotten meanwhile was not counted
        if concluding.poor and self._generation is not None:
            self._loads.switch_off(
                self._generation,
                f"{import_words(load, self._stream)} had only {concluding.confirmed:,} of them confirmed by Campaign; "
                + (f"its results could not be read, since {concluding.unreadable}; " if concluding.unreadable else "")
                + f"look at the workflow {workflow_of(load)} there",
            )
        log.info(
            "An import by Campaign has ended.",
            action="load_concluded",
            **told_of(self._store, self._stream, load),
            written=concluding.confirmed,
            rejected=concluding.rejected,
            singly=load.count - concluding.confirmed,
        )
        return self._ended(load)

    def _concluding(self, load: Load) -> Concluding:
        return Concluding(self._store, self._stream, load, self._sftp, CALL_SECONDS, self._stopping)

    def _ended(self, load: Load) -> Load:
        now_ms = self._store.now_ms()
        self._loads.note(load, ended_ms=now_ms)
        return replace(load, ended_ms=now_ms)
