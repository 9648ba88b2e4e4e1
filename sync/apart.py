"""One writer for each consent flag: ingress and opt-in/out never run at once under revisions that write the same one.

What is saved names no flag twice, yet a workflow runs under what was saved when it started. So each looks at how the
other one runs, once its own state is STARTING: of two that start together, at least the one that looks later sees the
other.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from config.document import WorkflowDocument, written_twice
from config.optinout import WireFlag
from config.problems import ConfigProblems
from connectors.errors import Stop, TryAgain
from store.acts import KEPT
from store.lifecycle import Life, State
from store.store import Store, WorkflowStore
from sync.workflow import document_of

_OTHERS = {"ingress": "optinout", "optinout": "ingress"}
_ON = (State.STARTING, State.RUNNING)

#: How soon it is looked again at another workflow that ends its work, or starts. Seconds.
LOOK_AGAIN = 1.0

#: Who starts a workflow has looked so long before, at most, which revision is the newest. Milliseconds.
START_MS = 10_000


@dataclass(frozen=True, slots=True)
class Clash:
    """Flags that a revision of one workflow writes, and the other one as it starts or runs."""

    workflow: str
    other: str
    flags: Sequence[WireFlag]
    revision: int  #: under which the other one starts or runs
    way: str  #: out

    @property
    def sentence(self) -> str:
        return (
            f"{self.workflow} would write {' and '.join(self.flags)}, which {self.other} writes under revision "
            f"{self.revision}, the one that is active there; {self.way}"
        )


def clash(store: Store, name: str, document: WorkflowDocument) -> Clash | None:
    """Between this revision of a workflow and the other one, which may stand beside it as it starts or runs."""
    if name not in _OTHERS:
        return None
    other = store.workflow(_OTHERS[name])
    return _clash(store.workflow(name), document, other, other.lifecycle.read())


def _clash(workflow: WorkflowStore, document: WorkflowDocument, other: WorkflowStore, life: Life) -> Clash | None:
    found = document_of(other, life.revision) if life.state in _ON else None
    if found is None or life.revision is None or not (flags := _written_by_both(document, found)):
        return None
    return Clash(workflow.name, other.name, flags, life.revision, _way_out(workflow, document, other))


def require_apart(store: Store, name: str, document: WorkflowDocument) -> None:
    """For a workflow whose state is STARTING, with its active revision.

    Raises TryAgain where the other one still ends work under an earlier revision, or has begun to start only after
    this one; Stop where only people can mend it.
    """
    workflow, other = store.workflow(name), store.workflow(_OTHERS[name])
    life = other.lifecycle.read()
    if found := _clash(workflow, document, other, life):
        mine = workflow.lifecycle.read()
        if life.state is State.STARTING and (mine.since_ms or 0, name) < (life.since_ms or 0, other.name):
            raise TryAgain("campaign", f"{found.sentence}. Whoever began to start later fails", wait=LOOK_AGAIN)
        raise Stop("campaign", f"{found.sentence}, then: d365acs workflow start {name}")
    # Once it runs, all its work is under the active revision.
    if life.state is not State.RUNNING:
        _require_rest(other, document, life.state)


def _require_rest(other: WorkflowStore, document: WorkflowDocument, state: State) -> None:
    """What the last run had begun may still write the flags. Raises TryAgain, Stop."""
    streams = other.lifecycle.streams()
    now_ms = other.now_ms()
    loaded = [stream for stream in streams if other.loads(stream).read() is not None]
    held = any(other.queue(stream).leases_run(now_ms) for stream in streams)
    if not (loaded or held) or not (flags := _left_to_both(other, document)):
        return
    still = f"may still write {' and '.join(flags)}"
    if loaded:
        words = f"An import of {loaded[0]} that {other.name} has left to Campaign {still}"
        if state is State.STARTING:
            raise TryAgain("campaign", f"{words}; {other.name} waits for its end", wait=LOOK_AGAIN)
        raise Stop("campaign", f"{words}; have its end awaited first with: d365acs workflow start {other.name}")
    raise TryAgain("campaign", f"Writers of the last run of {other.name} {still} until they end", wait=LOOK_AGAIN)


def _left_to_both(other: WorkflowStore, document: WorkflowDocument) -> list[WireFlag]:
    """Those that the last run of the other one wrote, too. None begins while work of the one before is under way."""
    for number in _revisions_of_last_run(other):
        with suppress(ConfigProblems):  # nothing ran under what cannot be read any more
            before = document_of(other, number)
            if before is not None and (flags := _written_by_both(document, before)):
                return flags
    return []


def _revisions_of_last_run(workflow: WorkflowStore) -> list[int]:
    """Among which is the one that it had; it may have been started again since, without coming to run."""
    revisions = workflow.revisions.all(workflow.revisions.newest())
    started_ms = _last_run_started_ms(workflow)
    if started_ms is None:
        return [one.number for one in revisions]
    found = [one for one in revisions if one.at_ms <= started_ms]
    is_sure = found and started_ms - found[0].at_ms > START_MS
    return [one.number for one in (found[:1] if is_sure else found[:2])]


def _last_run_started_ms(workflow: WorkflowStore) -> int | None:
    """None if that is so long ago that nobody knows any more."""
    generation: int | None = None
    for act in workflow.acts.newest(KEPT):
        if generation is None:
            generation = act.generation if act.action == "run" else None
        elif act.action == "start" and act.generation == generation:
            return act.at_ms
    return None


def _written_by_both(one: WorkflowDocument, other: WorkflowDocument) -> list[WireFlag]:
    """Of two documents, one of ingress and one of opt-in/out: the flags, in the order of the pairs."""
    return [twice.flag for twice in written_twice(one.ingress or other.ingress, one.optinout or other.optinout)]


def _way_out(workflow: WorkflowStore, document: WorkflowDocument, other: WorkflowStore) -> str:
    saved = document_of(other, other.revisions.newest())
    if saved is not None and _written_by_both(document, saved):
        return (
            "it is saved so, too: take it out of the mapping with: d365acs workflow edit ingress, or out of the pairs "
            f"with: d365acs workflow edit optinout; then: d365acs workflow restart {other.name}"
        )
    life = workflow.lifecycle.read()
    runs = document_of(workflow, life.revision) if life.state in _ON else None
    if runs is not None and runs != document and saved is not None and _written_by_both(runs, saved):
        # Each would take a flag from the other one, so that neither can go first.
        return f"stop it, and start it when this one runs: d365acs workflow stop {other.name}"
    return f"have it take up what is saved with: d365acs workflow restart {other.name}"
