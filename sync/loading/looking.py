"""Looks after the load that is under way until its end is known: whoever looks goes on where the last one was.

    committed -> announced, and put into place -> triggered -> taken by Campaign -> results -> settled -> over
                                                           '-> withdrawn, if nobody imports it any more

Redis may lose its last second: a file that says how a load has ended stays until that cannot be forgotten any more.

A file in place may be imported at any time. So its records stay with the load until the results are there, or until
Campaign's workflow has been found stopped, and the file is gone: nothing older can come into Campaign after that.
"""

import posixpath
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from connectors.campaign_workflows import Standing, Workflows
from connectors.errors import CoolingDown, NotFound, Refused, TableMissing
from connectors.sftp import RemoteFile, Sftp
from connectors.sftp_writing import hidden
from store.loads import Load
from store.store import WorkflowStore
from sync.loading.concluding import Concluding
from sync.loading.names import file_of
from sync.loading.results import rejects_name, written_name
from sync.loading.troubles import LoadTrouble

log = structlog.get_logger()

#: The longest that one call may take. Seconds.
CALL_SECONDS = 20.0
#: Before a file is put into place its load is this old, and before files are removed its end: by then a server that
#: crashes does not forget it.
SURE_MS = 2_000
#: How often Campaign is asked how the workflow stands.
STATE_EVERY_MS = 15_000
#: How long the workflow must have been stopped, whenever it was asked, before nobody is taken to import the file.
STOPPED_MS = 30_000
#: How soon a workflow that was started must have taken the file; and how soon a refused signal is tried again.
AGAIN_MS = 60_000
#: After so long operators are told that an import has not ended.
LONG_MS = 3_600_000


class LoadWatch:
    """`generation`: None where the workflow is still to start. A file that is not in place yet is then given up."""

    def __init__(
        self,
        store: WorkflowStore,
        stream: str,
        sftp: Sftp,
        workflows: Workflows,
        generation: int | None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._stream = stream
        self._queue = store.queue(stream)
        self._loads = store.loads(stream)
        self._sftp = sftp
        self._workflows = workflows
        self._generation = generation
        self._stopping = stopping
        self._trouble = LoadTrouble(store, stream)

    def look(self) -> bool:
        """Goes on as far as it can; whether a load is still under way. Raises ConnectorError."""
        load = self._loads.read()
        if load is None:
            return False
        if not self._looked_after(load):
            return True
        self._trouble.clear()
        return self._loads.read() is not None

    def _looked_after(self, load: Load) -> bool:
        """Whether it is over."""
        if load.ended_ms:
            return self._over(load)
        results = self._results(load)
        if results is not None:
            return self._concluded(load, results)
        now_ms = self._store.now_ms()
        there = self._in_place(load, now_ms)
        now = self._again(load)
        if there is None or now is None:
            return now is None
        load = now
        standing = self._standing(load, there, now_ms)
        if standing is Standing.STOPPED:
            return self._stopped(load, there, now_ms)
        if standing is not None and load.stopped_ms:
            self._loads.note(load, stopped_ms=0)
        if standing is Standing.PAUSED:
            self._trouble.say(f"{self._import(load)} waits: Campaign's workflow {_id(load)} is paused; resume it there")
        elif standing is not None:
            # Not every instance tells how a workflow stands: one that does not run refuses the signal.
            self._running(load, there, now_ms, standing)
        return False

    def _again(self, load: Load) -> Load | None:
        """As it is kept by now; None if it is over, whatever came after it."""
        now = self._loads.read()
        return now if now is not None and now.name == load.name else None

    def _may_go_on(self) -> bool:
        """Whether Campaign may be given something to do: not after an operator's stop."""
        return self._generation is None or self._store.lifecycle.is_running(self._generation)

    # Its results.

    def _results(self, load: Load) -> tuple[RemoteFile, RemoteFile | None] | None:
        """Which keys were written, and which rows were refused; None while the first is not there."""
        written = self._sftp.file(_result(load, written_name(load.name)), CALL_SECONDS)
        if written is None:
            return None
        return written, self._sftp.file(_result(load, rejects_name(load.name)), CALL_SECONDS)

    def _concluded(self, load: Load, results: tuple[RemoteFile, RemoteFile | None]) -> bool:
        now_ms = self._store.now_ms()
        seen = " ".join(f"{one.size}:{one.mtime}" if one else "-" for one in results)
        if load.seen != seen:
            self._loads.note(load, seen=seen, settling_ms=now_ms)
            load = replace(load, seen=seen, settling_ms=now_ms)
        if now_ms - load.settling_ms < 1000 * load.facts["settled_seconds"]:
            return False
        ended = self._settled(load, with_rejects=results[1] is not None)
        return self._over(ended) if ended is not None else self._again(load) is None

    def _settled(self, load: Load, with_rejects: bool) -> Load | None:
        """None: it is not settled yet, or somebody else was quicker."""
        concluding = self._concluding(load)
        try:
            if not concluding.settle(with_rejects):
                return None
        except NotFound:
            if self._again(load) is not None:
                raise
            return None
        if self._again(load) is None:
            return None  # what others have forgotten meanwhile was not counted
        if concluding.poor and self._generation is not None:
            self._loads.switch_off(
                self._generation,
                f"{self._import(load)} had only {concluding.confirmed:,} of them confirmed by Campaign; "
                + (f"its results could not be read, since {concluding.unreadable}; " if concluding.unreadable else "")
                + f"look at the workflow {_id(load)} there",
            )
        log.info(
            "An import by Campaign has ended.",
            action="load_concluded",
            **self._of(load),
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

    def _over(self, load: Load) -> bool:
        """Every record is settled: what is left of it on the server is personal data, and goes."""
        if self._store.now_ms() - load.ended_ms < SURE_MS:
            return False
        if any(self._loads.holds(batch) for batch in load.batches):
            # By its files, as long as they are there: an import is under way no more.
            results = self._results(load)
            if results is not None:
                self._settled(load, with_rejects=results[1] is not None)
            else:
                self._concluding(load).give_back()
                self._ended(load)
            return False
        for path in (hidden(file_of(load)), _given_up(load), file_of(load), *self._result_paths(load)):
            self._remove(path)
        return self._loads.forget(load) or self._again(load) is None

    def _result_paths(self, load: Load) -> tuple[str, ...]:
        return _result(load, rejects_name(load.name)), _result(load, written_name(load.name))

    def _remove(self, path: str) -> bool:
        try:
            self._sftp.remove(path, CALL_SECONDS)
        except NotFound:
            return False
        return True

    # Its file.

    def _in_place(self, load: Load, now_ms: int) -> bool | None:
        """Whether the file stands in its place; False: Campaign has taken it; None: it is not to be looked at yet."""
        path = file_of(load)
        # In this order: between the two it may come into place, but not leave it.
        part = self._sftp.file(hidden(path), CALL_SECONDS)
        there = self._sftp.file(path, CALL_SECONDS) is not None
        if part is None or there:
            if not there and not load.placed_ms and self._sftp.file(_given_up(load), CALL_SECONDS) is not None:
                self._give_up(load)
                return None
            if not load.placed_ms:
                # Who has put it there died before it was noted; what was announced may be forgotten with it.
                self._announce(load)
                self._loads.note(load, placed_ms=now_ms)
            if not there and not load.taken_ms:
                self._loads.note(load, taken_ms=now_ms)
            return there
        if self._generation is None:
            self._give_up(load)
            return None
        if now_ms - load.committed_ms < SURE_MS:
            return None
        self._announce(load)
        if not self._may_go_on() or self._again(load) is None:
            return None
        with suppress(NotFound):  # somebody else was quicker
            self._sftp.move(hidden(path), path, CALL_SECONDS)
            self._loads.note(load, placed_ms=now_ms)
            log.info("A file for Campaign's import is in its place.", action="load_placed", **self._of(load))
        return self._sftp.file(path, CALL_SECONDS) is not None

    def _announce(self, load: Load) -> None:
        """From here on the target may hold them, and nobody knows until the end."""
        for batch in load.batches:
            self._queue.sending(batch, self._loads.held(batch))

    def _give_up(self, load: Load) -> None:
        """Of a file that was never in place. Under a third name it can never come there, and whoever looks after a
        crash sees that it was not."""
        if self._sftp.file(_given_up(load), CALL_SECONDS) is None:
            with suppress(NotFound):
                self._sftp.move(hidden(file_of(load)), _given_up(load), CALL_SECONDS)
        if self._sftp.file(_given_up(load), CALL_SECONDS) is not None:
            for batch in load.batches:
                self._queue.not_sent(batch, self._loads.held(batch))
            self._give_back(load, "The workflow was stopped before the file was in place")

    def _give_back(self, load: Load, why: str) -> bool:
        """Nothing of it is taken for written; whether it is over."""
        self._concluding(load).give_back()
        log.warning(
            "An import was given up; its records are written singly.",
            action="load_withdrawn",
            **self._of(load),
            why=why,
        )
        return self._over(self._ended(load))

    # Campaign's workflow.

    def _standing(self, load: Load, there: bool, now_ms: int) -> Standing | None:
        """How it stands; None if it is too early to ask."""
        to_be_told = there and load.facts["trigger"] != "none" and now_ms >= load.retry_ms
        if not to_be_told and now_ms - load.asked_ms < STATE_EVERY_MS:
            return None
        try:
            found = self._workflows.state(_id(load), CALL_SECONDS)
        except TableMissing:
            # Nobody imports with a workflow that is not there any more.
            self._loads.note(load, asked_ms=now_ms, state="not there")
            return Standing.STOPPED
        self._loads.note(load, asked_ms=now_ms, state=found.state)
        return found.standing

    def _running(self, load: Load, there: bool, now_ms: int, standing: Standing) -> None:
        if there and load.facts["trigger"] == "start" and standing is Standing.UNKNOWN and not load.triggered_ms:
            self._start(load, now_ms)
        if there and load.facts["trigger"] == "signal" and now_ms >= load.retry_ms and self._may_go_on():
            try:
                self._signal(load)
            except CoolingDown as cooling:
                self._loads.note(load, retry_ms=now_ms + int(1000 * (cooling.wait or load.facts["cool_down_seconds"])))
            except (TableMissing, Refused) as error:
                self._loads.note(load, retry_ms=now_ms + AGAIN_MS)
                self._trouble.say(error.sentence)
                return
            else:
                # Again only if it does not take the file.
                cool_down_s = max(load.facts["cool_down_seconds"], AGAIN_MS / 1000)
                self._loads.note(load, triggered_ms=now_ms, retry_ms=now_ms + int(1000 * cool_down_s))
                self._loads.note_trigger(now_ms)
                log.info("Campaign's workflow was told to import a file.", action="load_triggered", **self._of(load))
        if now_ms - load.committed_ms > LONG_MS:
            way_out = "stopped there, it is given up, and its records are written singly"
            if standing is Standing.UNKNOWN:
                # It can never be seen that nobody imports any more: people have to say so.
                name = posixpath.basename(file_of(load))
                way_out = (
                    f"if nothing imports {name} any more, take it away, and leave {written_name(load.name)} with the "
                    f"line {load.facts['key']} in {load.facts['results_folder']}: its records are written singly then"
                )
            self._trouble.say(
                f"{self._import(load)} has not ended; look at the workflow {_id(load)} in Campaign: {way_out}"
            )
        else:
            self._trouble.clear()

    def _signal(self, load: Load) -> None:
        facts = load.facts
        parameters = {facts["parameter"]: posixpath.basename(file_of(load))} if facts["parameter"] else {}
        self._workflows.signal(_id(load), facts["signal"], parameters, CALL_SECONDS)

    def _start(self, load: Load, now_ms: int) -> None:
        if not self._may_go_on():
            return
        self._workflows.command(_id(load), "start", CALL_SECONDS)
        self._loads.note(load, triggered_ms=now_ms, retry_ms=now_ms + AGAIN_MS)
        log.info("Campaign's workflow was started to import.", action="load_triggered", **self._of(load))

    def _stopped(self, load: Load, there: bool, now_ms: int) -> bool:
        """Nobody imports now; whether the load is over."""
        if load.facts["trigger"] == "start" and there:
            if not load.triggered_ms:
                self._start(load, now_ms)
                return False
            if now_ms < load.retry_ms:
                return False
        if not load.stopped_ms:
            self._loads.note(load, stopped_ms=now_ms)
            return False
        if now_ms - load.stopped_ms < STOPPED_MS:
            return False
        return self._withdrawn(load)

    def _withdrawn(self, load: Load) -> bool:
        # Its hidden name is gone since it came into place: nobody can put it there any more.
        was_there = self._remove(file_of(load))
        with suppress(TableMissing):
            if self._workflows.state(_id(load), CALL_SECONDS).standing is not Standing.STOPPED:
                return False  # it was started just now, and may have read the file
        if self._results(load) is not None:
            return False  # it had ended well
        how = "did not take the file" if was_there else "took the file, and said nothing of what became of it"
        sentence = f"{self._import(load)} was given up: Campaign's workflow {_id(load)} is stopped and {how}"
        if self._generation is not None:
            self._loads.switch_off(self._generation, sentence)
        return self._give_back(load, sentence)

    def _import(self, load: Load) -> str:
        return import_words(load, self._stream)

    def _of(self, load: Load) -> dict[str, Any]:
        return {"workflow": self._store.name, "stream": self._stream, "file": load.name, "records": load.count}


def import_words(load: Load, stream: str) -> str:
    return f"An import of {load.count:,} records of {stream}"


def _id(load: Load) -> str:
    return str(load.facts["workflow"])


def _given_up(load: Load) -> str:
    return posixpath.join(load.facts["folder"], f".{load.name}.given-up")


def _result(load: Load, name: str) -> str:
    return posixpath.join(load.facts["results_folder"], name)
