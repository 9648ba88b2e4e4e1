"""Takes away what a crash has left behind of loads that never came to one: it holds personal data."""

import posixpath
from datetime import UTC, datetime

import structlog

from connectors.errors import AccessDenied, NotFound, Unavailable
from connectors.sftp import Sftp
from store.store import WorkflowStore
from sync.loading import timing
from sync.loading.names import our_file
from sync.loading.timing import CALL_SECONDS

log = structlog.get_logger()


def is_due(store: WorkflowStore, stream: str) -> bool:
    """Whether nobody has looked for a while."""
    return store.now_ms() - store.loads(stream).tidied_ms() >= timing.TIDY_EVERY_MS


def names_under_way(store: WorkflowStore, stream: str) -> set[str]:
    """Names of the loads of this stream and of all others that the workflow ever had: tables that are mapped to one
    resource may share a folder."""
    streams = {stream, *store.lifecycle.streams()}
    return {load.name for one in streams if (load := store.loads(one).read())}


def tidy(store: WorkflowStore, stream: str, resource: str, folder: str, sftp: Sftp) -> None:
    """What was in its place is left alone: Campaign may have been told of it. A file that cannot be taken away keeps no
    other one there. Raises ConnectorError."""
    now_ms = store.now_ms()
    # Before anything can fail: a server that is away is not asked in every slice.
    store.loads(stream).note_tidied(now_ms)
    before = datetime.fromtimestamp((now_ms - timing.LEFT_MS) / 1000, UTC)
    if sftp.file(folder, CALL_SECONDS) is None:
        return
    listed = sftp.files(folder, CALL_SECONDS)
    # Not before the listing: what has become a load meanwhile is one.
    known = names_under_way(store, stream)
    for file in listed:
        found = our_file(file.name, resource, store.instance)
        if found and found.never_placed and found.made < before and found.load not in known:
            _remove(store, stream, posixpath.join(folder, file.name), found.load, sftp)


def _remove(store: WorkflowStore, stream: str, path: str, load: str, sftp: Sftp) -> None:
    """Raises ConnectorError for what concerns the others, too."""
    about = {"workflow": store.name, "stream": stream, "file": load}
    try:
        sftp.remove(path, CALL_SECONDS)
    except NotFound:
        return  # somebody else was faster
    except (AccessDenied, Unavailable) as refused:
        log.warning(
            "What was left of an import that never was cannot be taken away; it holds personal data.",
            action="load_tidy_refused",
            **about,
            why=refused.sentence,
        )
        return
    log.info("What was left of an import that never was has been taken away.", action="load_tidied", **about)
