"""A start waits until no import of an earlier run is under way: what is in a file may still come into Campaign."""

from config.sftp_connection import SftpConnection
from connectors.errors import Stop, TryAgain
from connectors.sftp import Sftp
from store.loads import Load
from store.store import WorkflowStore
from store.trouble import AWAITED
from sync.loading.loader import workflows_of
from sync.loading.looking import LoadWatch
from sync.loading.troubles import LoadTrouble, import_words
from sync.patience import Patience
from sync.systems import Systems
from tasks.runtime import Runtime, active_document

#: How often the imports are looked at. Seconds.
EVERY_SECONDS = 2.0


def await_loads(runtime: Runtime, store: WorkflowStore) -> bool:
    """Looks after them; whether any is under way. An import takes as long as it takes. Raises Stop, NotConfigured."""
    loads = {stream: load for stream in store.lifecycle.streams() if (load := store.loads(stream).read())}
    patience = Patience(store.troubles, AWAITED)
    if not loads:
        patience.end()
        return False
    if not patience.is_over():
        return True
    systems = Systems(active_document(store).connections, runtime.store)
    try:
        looked = [_look(runtime, store, stream, load, systems) for stream, load in loads.items()]
    finally:
        systems.close()
    if waits := [sentence for sentence in looked if sentence]:
        patience.note("; ".join(waits), wait=EVERY_SECONDS)
        return True
    patience.end()
    return False


def last_awaited_ms(store: WorkflowStore) -> int:
    """When a start last waited for an import; 0: never. Its patience with systems begins after that."""
    return max((store.loads(stream).awaited_ms() for stream in store.lifecycle.streams()), default=0)


def _server(load: Load, systems: Systems) -> Sftp:
    """Where its files are, whatever the configuration says now; if it leads there, with what it says of the way."""
    connection = SftpConnection.model_validate(load.facts["server"])
    before = Sftp(connection)
    return systems.sftp if systems.sftp is not None and systems.sftp.about == before.about else before


def _look(runtime: Runtime, store: WorkflowStore, stream: str, load: Load, systems: Systems) -> str:
    """What is waited for; empty if it is over."""
    workflows = workflows_of(systems.campaign, stream)
    store.loads(stream).note_awaited(store.now_ms())
    waits = f"{import_words(load, stream)} in Campaign is to end first"
    sftp = _server(load, systems)
    try:
        if not LoadWatch(store, stream, sftp, workflows, None, runtime.stopping).look():
            return ""
    except TryAgain as error:
        return f"{waits}: {error.sentence}"
    except Stop as error:
        why = str(error).rstrip(".")
        raise Stop(
            "sftp", f"{import_words(load, stream)} is under way, and its end cannot be looked for: {why}"
        ) from None
    finally:
        if sftp is not systems.sftp:
            sftp.close()
    trouble = LoadTrouble(store, stream).sentence
    return f"{waits}: {trouble}" if trouble else waits
