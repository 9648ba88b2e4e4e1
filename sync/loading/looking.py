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

import structlog

from connectors.campaign_workflows import Standing, Workflows
from connectors.errors import CoolingDown, NotFound, Refused, TableMissing
from connectors.sftp import Sftp
from connectors.sftp_writing import hidden
from store.loads import Load
from store.store import WorkflowStore
from sync.loading import timing
from sync.loading.ending import Ending
from sync.loading.names import file_of, given_up_file_of
from sync.loading.timing import CALL_SECONDS
from sync.loading.troubles import LoadTrouble, import_words, told_of, workflow_of
from sync.patience import asked_for

log = structlog.get_logger()


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
        self._ending = Ending(store, stream, sftp, generation, stopping)
        self._trouble = LoadTrouble(store, stream)

    def look(self, load: Load) -> bool:
        """Goes on as far as it can; whether a load is still under way. Raises ConnectorError."""
        if not self._looked_after(load):
            return True
        self._trouble.clear()
        return self._loads.read() is not None

    def _looked_after(self, load: Load) -> bool:
        """Whether it is over."""
        if load.ended_ms:
            return self._ending.over(load)
        results = self._ending.results(load)
        if results is not None:
            return self._ending.conclude(load, results)
        now_ms = self._store.now_ms()
        there = self._in_place(load, now_ms)
        now = self._loads.again(load)
        if there is None or now is None:
            return now is None
        load = now
        standing = self._standing(load, there, now_ms)
        if standing is Standing.STOPPED:
            return self._stopped(load, there, now_ms)
        if standing is not None and load.stopped_ms:
            self._loads.note(load, stopped_ms=0)
        if standing is Standing.PAUSED:
            self._trouble.say(
                f"{self._import(load)} waits: Campaign's workflow {workflow_of(load)} is paused; resume it there"
            )
        elif standing is not None:
            # Not every instance tells how a workflow stands: one that does not run refuses the signal.
            self._running(load, there, now_ms, standing)
        return False

    def _may_go_on(self) -> bool:
        """Whether Campaign may be given something to do: not after an operator's stop."""
        return self._generation is None or self._store.lifecycle.is_running(self._generation)

    # Its file.

    def _in_place(self, load: Load, now_ms: int) -> bool | None:
        """Whether the file stands in its place; False: Campaign has taken it; None: it is not to be looked at yet."""
        path = file_of(load)
        # In this order: between the two it may come into place, but not leave it.
        part = self._sftp.file(hidden(path), CALL_SECONDS)
        there = self._sftp.file(path, CALL_SECONDS) is not None
        if part is None or there:
            if not there and not load.placed_ms and self._sftp.file(given_up_file_of(load), CALL_SECONDS) is not None:
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
        if now_ms - load.committed_ms < timing.SURE_MS:
            return None
        self._announce(load)
        if not self._may_go_on() or self._loads.again(load) is None:
            return None
        with suppress(NotFound):  # somebody else was quicker
            self._sftp.move(hidden(path), path, CALL_SECONDS)
            if not self._loads.note(load, placed_ms=now_ms):
                # It was given up while this process slept: its records are written by others by now.
                self._ending.remove(path)
                return None
            self._log("A file for Campaign's import is in its place.", "load_placed", load)
        return self._sftp.file(path, CALL_SECONDS) is not None

    def _announce(self, load: Load) -> None:
        """From here on the target may hold them, and nobody knows until the end."""
        for batch in load.batches:
            self._queue.sending(batch, self._loads.held(batch))

    def _give_up(self, load: Load) -> None:
        """Of a file that was never in place. Under a third name it can never come there, and whoever looks after a
        crash sees that it was not."""
        if self._sftp.file(given_up_file_of(load), CALL_SECONDS) is None:
            with suppress(NotFound):
                self._sftp.move(hidden(file_of(load)), given_up_file_of(load), CALL_SECONDS)
        if self._sftp.file(given_up_file_of(load), CALL_SECONDS) is not None:
            for batch in load.batches:
                self._queue.not_sent(batch, self._loads.held(batch))
            self._ending.withdraw(load, "The workflow was stopped before the file was in place")

    # Campaign's workflow.

    def _standing(self, load: Load, there: bool, now_ms: int) -> Standing | None:
        """How it stands; None if it is too early to ask."""
        to_be_told = there and load.facts["trigger"] != "none" and now_ms >= load.retry_ms
        if not to_be_told and now_ms - load.asked_ms < timing.STATE_EVERY_MS:
            return None
        try:
            found = self._workflows.state(workflow_of(load), CALL_SECONDS)
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
                wait = asked_for(cooling) or load.facts["cool_down_seconds"]
                self._loads.note(load, retry_ms=now_ms + int(1000 * wait))
            except (TableMissing, Refused) as error:
                self._loads.note(load, retry_ms=now_ms + timing.AGAIN_MS)
                self._trouble.say(error.sentence)
                return
            else:
                # Again only if it does not take the file.
                cool_down_s = max(load.facts["cool_down_seconds"], timing.AGAIN_MS / 1000)
                self._loads.note(load, triggered_ms=now_ms, retry_ms=now_ms + int(1000 * cool_down_s))
                self._loads.note_trigger(now_ms)
                self._log("Campaign's workflow was told to import a file.", "load_triggered", load)
        if now_ms - load.committed_ms > timing.LONG_MS:
            way_out = "stopped there, it is given up, and its records are written singly"
            if standing is Standing.UNKNOWN:
                # It can never be seen that nobody imports any more: people have to say so.
                name = posixpath.basename(file_of(load))
                way_out = f"once nothing imports {name} any more, give it up with: d365acs load abandon {self._stream}"
            self._trouble.say(
                f"{self._import(load)} has not ended; look at the workflow {workflow_of(load)} in Campaign: {way_out}"
            )
        else:
            self._trouble.clear()

    def _signal(self, load: Load) -> None:
        facts = load.facts
        parameters = {facts["parameter"]: posixpath.basename(file_of(load))} if facts["parameter"] else {}
        self._workflows.signal(workflow_of(load), facts["signal"], parameters, CALL_SECONDS)

    def _start(self, load: Load, now_ms: int) -> None:
        if not self._may_go_on():
            return
        self._workflows.command(workflow_of(load), "start", CALL_SECONDS)
        self._loads.note(load, triggered_ms=now_ms, retry_ms=now_ms + timing.AGAIN_MS)
        self._log("Campaign's workflow was started to import.", "load_triggered", load)

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
        if now_ms - load.stopped_ms < timing.STOPPED_MS:
            return False
        return self._withdrawn(load)

    def _withdrawn(self, load: Load) -> bool:
        # Its hidden name is gone since it came into place: nobody can put it there any more.
        was_there = self._ending.remove(file_of(load))
        with suppress(TableMissing):
            if self._workflows.state(workflow_of(load), CALL_SECONDS).standing is not Standing.STOPPED:
                return False  # it was started just now, and may have read the file
        if self._ending.results(load) is not None:
            return False  # it had ended well
        how = "did not take the file" if was_there else "took the file, and said nothing of what became of it"
        workflow = f"Campaign's workflow {workflow_of(load)}"
        sentence = f"{self._import(load)} was given up: {workflow} is stopped and {how}"
        if self._generation is not None:
            self._loads.switch_off(self._generation, sentence)
        return self._ending.withdraw(load, sentence)

    def _import(self, load: Load) -> str:
        return import_words(load, self._stream)

    def _log(self, event: str, action: str, load: Load) -> None:
        log.info(event, action=action, **told_of(self._store, self._stream, load))
