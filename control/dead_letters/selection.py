"""Which dead letters are meant: those of a workflow, narrowed by stream, ids, cause and words of the reason."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from control.dead_letters.remedies import KINDS
from control.dead_letters.whole_files import KIND, whole_files
from control.errors import ControlError
from control.opening import workflow_of
from control.words import counted, listed, window
from store.outcomes import Reason
from store.records import SetAside
from store.store import Store, WorkflowStore
from sync.workflows import NAMES

#: So many ids are named in the history, more are counted.
IDS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that is named must fit; what is left out does not narrow."""

    workflow: str
    stream: str | None = None
    ids: tuple[str, ...] = ()
    cause: str | None = None  #: a kind of reason, such as unmappable
    containing: str = ""  #: words that stand in the reason, in capitals or not
    since_ms: int | None = None  #: set aside since then...
    until_ms: int | None = None  #: ...and before then; ms since 1970

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it but the workflow."""
        return self == Selection(self.workflow)

    def fits(self, kind: str, one: SetAside) -> bool:
        """Whether a letter of this kind is meant, as far as it tells without its stream and id."""
        return (
            self.cause in (None, kind)
            and self.containing.casefold() in one.reason.sentence.casefold()
            and (self.since_ms is None or one.dead_ms >= self.since_ms)
            and (self.until_ms is None or one.dead_ms < self.until_ms)
        )

    def words(self) -> str:
        """What narrows it beside the stream: unmappable, "too long"; empty if nothing does."""
        told = [
            *(self.ids if len(self.ids) <= IDS_TOLD else [f"{len(self.ids):,} ids"]),
            self.cause or "",
            f'"{self.containing}"' if self.containing else "",
            window(self.since_ms, self.until_ms),
        ]
        return ", ".join(word for word in told if word)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of a dead letter without its content."""

    workflow: str
    stream: str
    id: str
    kind: str
    reason: Reason
    attempts: int
    dead_ms: int  #: when it was set aside, ms since 1970

    @property
    def where(self) -> str:
        """Where the record was read, or else its id."""
        return self.reason.place or self.id


def streams_of(workflow: WorkflowStore, stream: str | None) -> list[str]:
    """The one that is meant, or all. Raises ControlError."""
    streams = workflow.lifecycle.streams()
    if stream is None:
        return streams
    if stream not in streams:
        there = f"there are {listed(streams)}" if len(streams) > 1 else f"there is {streams[0]}" if streams else ""
        raise ControlError(f"{workflow.name} has no stream {stream}; {there or 'it has never read anything'}.")
    return [stream]


def with_stream(store: Store, stream: str | None) -> list[str]:
    """The workflows that have a stream of this name; without a name, all. Raises ControlError where none has."""
    found = [name for name in NAMES if stream is None or stream in store.workflow(name).lifecycle.streams()]
    if not found:
        raise ControlError(f"No workflow has a stream {stream}; see what is set aside with: d365acs dlq ls")
    return found


def chosen(store: Store, selection: Selection, limit: int | None = None) -> Iterator[Letter]:
    """The letters that are meant, in no particular order, perhaps one twice. `limit`: so many of each stream are looked
    at. Raises UnknownWorkflow, ControlError."""
    workflow = workflow_of(store, selection.workflow)
    cause = selection.cause
    # Other causes may be there, too: those that nobody foresaw.
    if cause and cause not in KINDS and (near := difflib.get_close_matches(cause, KINDS, n=1)):
        raise ControlError(f"{cause} is no cause; did you mean {near[0]}?")
    return _chosen(workflow, streams_of(workflow, selection.stream), selection, limit)


def by_stream(store: Store, selection: Selection) -> dict[str, dict[str, int]]:
    """All letters that are meant, each once: by stream and id, when each was set aside. Raises UnknownWorkflow,
    ControlError."""
    found: dict[str, dict[str, int]] = {}
    for letter in chosen(store, selection):
        found.setdefault(letter.stream, {})[letter.id] = letter.dead_ms
    return found


def count(store: Store, selection: Selection) -> int:
    """How many letters are meant. Raises UnknownWorkflow, ControlError."""
    return sum(map(len, by_stream(store, selection).values()))


def note(
    workflow: WorkflowStore,
    action: str,
    found: Mapping[str, Mapping[str, int]],
    selection: Selection,
    by: str,
    why: str,
) -> int:
    """Enters what is about to be done with these letters into the history; answers under which time, ms since 1970."""
    now_ms = workflow.now_ms()
    words = f" ({told})" if (told := selection.words()) else ""
    for stream, letters in found.items():
        reason = f": {why}" if why else ""
        workflow.acts.note(action, by, f"{counted(len(letters), 'dead letter')}{words}{reason}", stream, now_ms)
    return now_ms


def _chosen(workflow: WorkflowStore, streams: list[str], selection: Selection, limit: int | None) -> Iterator[Letter]:
    for stream in streams:
        queue, files = workflow.queue(stream), whole_files(workflow, stream)
        found: Iterator[SetAside] = iter(queue.set_aside_of(selection.ids)) if selection.ids else queue.set_aside(limit)
        for one in found:
            kind = KIND if one.id in files else one.reason.kind
            if selection.fits(kind, one):
                yield Letter(workflow.name, stream, one.id, kind, one.reason, one.attempts, one.dead_ms)
