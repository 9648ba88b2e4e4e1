"""Dead letters go back to where they waited, and what comes of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from control.configuration import newest_document
from control.dead_letters.selection import Selection, by_stream, note
from control.dead_letters.whole_files import whole_files
from control.kinds import kind_of
from control.opening import workflow_of
from control.words import counted, listed
from store.lifecycle import State
from store.outcome_log import Ending
from store.record_queue import BATCH, RecordQueue
from store.store import Store, WorkflowStore
from sync.workflow import document_of
from sync.workflows import workflow_named

#: How often it is looked whether what was retried has come to its end, seconds.
LOOK_EVERY = 0.25

#: Told how many of how many are done.
Look = Callable[[int, int], object]


@dataclass(slots=True)
class Retried:
    """What became of the letters that were meant."""

    workflow: str
    since_ms: int  #: when it began
    retried: int = 0  #: records that wait on the queue again
    superseded: int = 0  #: only the letter went, if there was one: something newer was read since
    files: list[str] = field(default_factory=list)  #: that could not be read as a whole, and are read again
    left: int = 0  #: dead letters as before
    missing: list[str] = field(default_factory=list)  #: ids that were named, of which there is no letter
    notes: list[str] = field(default_factory=list)  #: sentences: why some are left, and what the others wait for
    ids: dict[str, list[str]] = field(default_factory=dict)  #: by stream, those that wait

    @property
    def is_nothing(self) -> bool:
        """Whether no letter was meant."""
        return not (self.retried or self.superseded or self.files or self.left)

    @property
    def sentence(self) -> str:
        """412 records wait on the queue again; of 3 something newer was read already."""
        told = ["no dead letter fits any more"] if self.is_nothing else []
        if self.retried:
            noun = kind_of(self.workflow).noun
            told.append(f"{counted(self.retried, noun)} {'waits' if self.retried == 1 else 'wait'} on the queue again")
        if self.files:
            told.append(f"{counted(len(self.files), 'file')} {'is' if len(self.files) == 1 else 'are'} read again")
        if self.superseded:
            told.append(f"of {self.superseded:,} something newer was read already")
        if self.left:
            told.append(f"{self.left:,} {'is a dead letter' if self.left == 1 else 'are dead letters'} as before")
        sentence = "; ".join(told)
        return f"{sentence[0].upper()}{sentence[1:]}."


@dataclass(frozen=True, slots=True)
class Ended:
    """How what was retried has ended."""

    done: int  #: written, or nothing was to be written
    refused: int  #: set aside again
    waiting: int  #: not there yet when the time was over


def retry(
    store: Store,
    selection: Selection,
    by: str,
    why: str = "",
    look: Look = lambda done, total: None,
    room: Callable[[RecordQueue], bool] = lambda queue: False,
) -> Retried:
    """Puts the letters that are meant, as they are now, back on the queue, in steps of 500. A file that could not be
    read as a whole is read again.

    It is entered into the history first. Nothing is put on a queue that has reached its high-water mark: then `room`
    may wait, and says whether to go on; if not, the rest stays. Raises UnknownWorkflow, ControlError.
    """
    workflow = workflow_of(store, selection.workflow)
    retried = Retried(workflow.name, store.now_ms())
    found = by_stream(store, selection)
    noted_ms = note(workflow, "retry", found, selection, by, why)
    _miss(workflow, found, selection, retried)
    total, before, mapped = sum(map(len, found.values())), 0, _mapped(workflow)
    for stream, letters in found.items():
        count = len(letters)
        if stream in mapped:
            _read_again(workflow, stream, letters, retried)
            noted = partial(workflow.outcomes(stream).note_deed, Ending.RETRIED, now_ms=noted_ms)
            _revive(workflow.queue(stream), list(letters), retried, room, noted, partial(_look_on, look, before, total))
        else:
            retried.left += count
            retried.notes.append(f"{stream} is not mapped any more: map it again, or drop its dead letters.")
        before += count
    _tell_state(workflow, retried)
    return retried


def await_retried(store: Store, retried: Retried, timeout: float, look: Look = lambda done, total: None) -> Ended:
    """Waits until nothing of it is on the queue any more, `timeout` seconds at most."""
    workflow, give_up = workflow_of(store, retried.workflow), time.monotonic() + timeout
    total = sum(map(len, retried.ids.values()))
    done = refused = waiting = 0
    for stream, ids in retried.ids.items():
        queue = workflow.queue(stream)
        for part in _parts(ids):
            while (waits := len(queue.waiting(part))) and time.monotonic() < give_up:
                look(done + refused + len(part) - waits, total)
                time.sleep(LOOK_EVERY)
            again = sum(one.dead_ms >= retried.since_ms for one in queue.set_aside_of(part))
            done, refused, waiting = done + len(part) - waits - again, refused + again, waiting + waits
            look(done + refused, total)
    return Ended(done, refused, waiting)


def _miss(workflow: WorkflowStore, found: dict[str, dict[str, int]], selection: Selection, retried: Retried) -> None:
    """Records that were named and have no letter: they have changed since, or never had one."""
    letters = {record_id for of_stream in found.values() for record_id in of_stream}
    named = [record_id for record_id in dict.fromkeys(selection.ids) if record_id not in letters]
    streams = [selection.stream] if selection.stream else workflow.lifecycle.streams()
    for stream in streams if named else []:
        waits = workflow.queue(stream).waiting(named)
        if waits:
            retried.superseded += len(waits)
            retried.ids.setdefault(stream, []).extend(sorted(waits))
            named = [record_id for record_id in named if record_id not in waits]
    retried.missing += named


def _read_again(workflow: WorkflowStore, stream: str, letters: dict[str, int], retried: Retried) -> None:
    """Takes the letters of whole files out: nothing that could be put on the queue is in them."""
    files, queue = workflow.files(stream), workflow.queue(stream)
    gone = []
    for record_id, file in whole_files(workflow, stream).items():
        if (dead_ms := letters.pop(record_id, None)) is None:
            continue
        if file.is_over:
            retried.superseded += len(queue.drop({record_id: dead_ms}))
        elif file.is_gone:
            gone.append(file.version.name)
        else:
            files.look_again(file.version)
            queue.drop({record_id: dead_ms})
            retried.files.append(file.version.name)
    if gone:
        retried.left += len(gone)
        are = (
            "is no longer in the folder: upload it, and it is"
            if len(gone) == 1
            else "are no longer in the folder: upload them, and they are"
        )
        retried.notes.append(f"{listed(sorted(set(gone)))} {are} read by itself.")


def _revive(
    queue: RecordQueue,
    ids: list[str],
    retried: Retried,
    room: Callable[[RecordQueue], bool],
    noted: Callable[[Sequence[str]], object],
    look: Callable[[int], object],
) -> None:
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        if queue.is_full() and not room(queue):
            left = len(ids) - start
            retried.left += left
            retried.notes.append(
                f"The queue of {queue.keys.stream} is at its high-water mark: retry the rest when it has gone down."
            )
            return
        # Before a writer can have written it again.
        noted(part)
        revived = queue.revive(part)
        retried.retried += len(revived.back)
        retried.superseded += len(revived.superseded)
        # What others have put back, or given up, just before is theirs.
        if took := revived.back + revived.superseded:
            retried.ids.setdefault(queue.keys.stream, []).extend(took)
        look(start + len(part))


def _look_on(look: Look, before: int, total: int, done: int) -> None:
    look(before + done, total)


def _mapped(workflow: WorkflowStore) -> set[str]:
    """The streams of the configuration that runs, and of the one that is saved."""
    documents = (document_of(workflow, workflow.lifecycle.read().revision), newest_document(workflow))
    return {name for one in documents if one for name in workflow_named(workflow.name).stream_names(one)}


def _tell_state(workflow: WorkflowStore, retried: Retried) -> None:
    state = workflow.lifecycle.read().state
    if state in (State.STOPPED, State.FAILED) and (retried.ids or retried.files):
        retried.notes.append(
            f"{workflow.name} is {state} and goes on with its next start: d365acs workflow start {workflow.name}"
        )


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
