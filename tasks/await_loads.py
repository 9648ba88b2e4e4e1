"""A start waits until no import of an earlier run is under way: what is in a file may still come into Campaign."""

from connectors.errors import Stop, TryAgain
from store.loads import Load
from store.store import WorkflowStore
from store.trouble import AWAITED
from sync.loading.loader import workflows_of
from sync.loading.looking import LoadWatch
from sync.loading.troubles import LoadTrouble, import_words
from sync.patience import Patience
from tasks.runtime import Awaiting, Runtime

#: How often the imports are looked at. Seconds.
EVERY_SECONDS = 2.0


def await_loads(runtime: Runtime, store: WorkflowStore, generation: int) -> bool:
    """Looks after them; whether any is under way. An import takes as long as it takes. Raises Stop, NotConfigured."""
    loads = {stream: load for stream in store.lifecycle.streams() if (load := store.loads(stream).read())}
    patience = Patience(store.troubles.of_start(generation), AWAITED)
    if not loads:
        patience.end()
        runtime.end_awaiting(store.name)
        return False
    if not patience.is_over():
        return True
    awaiting = runtime.awaiting(store.name, generation)
    looked = [_look(runtime, store, stream, load, awaiting) for stream, load in loads.items()]
    if waits := [sentence for sentence in looked if sentence]:
        patience.note("; ".join(waits), wait=EVERY_SECONDS)
        return True
    patience.end()
    runtime.end_awaiting(store.name)
    return False


def _look(runtime: Runtime, store: WorkflowStore, stream: str, load: Load, awaiting: Awaiting) -> str:
    """What is waited for; empty if it is over."""
    workflows = workflows_of(awaiting.systems.campaign, stream)
    waits = f"{import_words(load, stream)} in Campaign is to end first"
    try:
        watch = LoadWatch(store, stream, awaiting.server(load), workflows, None, runtime.stopping)
        if not watch.look(load):
            return ""
    except TryAgain as error:
        return f"{waits}: {error.sentence}"
    except Stop as error:
        why = str(error).rstrip(".")
        raise Stop(
            "sftp", f"{import_words(load, stream)} is under way, and its end cannot be looked for: {why}"
        ) from None
    trouble = LoadTrouble(store, stream).sentence
    return f"{waits}: {trouble}" if trouble else waits
