"""Takes away what a crash has left behind of loads that never came to one: it holds personal data."""

import posixpath
from datetime import UTC, datetime

import structlog

from connectors.sftp import Sftp
from store.store import WorkflowStore
from sync.loading import timing
from sync.loading.names import our_file
from sync.loading.timing import CALL_SECONDS

log = structlog.get_logger()


def is_due(store: WorkflowStore, stream: str) -> bool:
    """Whether nobody has looked for a while."""
    return store.now_ms() - store.loads(stream).tidied_ms() >= timing.TIDY_EVERY_MS


def tidy(store: WorkflowStore, stream: str, resource: str, folder: str, sftp: Sftp) -> None:
    """What was in its place is left alone: Campaign may have been told of it. Raises ConnectorError."""
    loads, now_ms = store.loads(stream), store.now_ms()
    # Before anything can fail: a server that is away is not asked in every slice.
    loads.note_tidied(now_ms)
    load = loads.read()
    before = datetime.fromtimestamp((now_ms - timing.LEFT_MS) / 1000, UTC)
    if sftp.file(folder, CALL_SECONDS) is None:
        return
    for file in sftp.files(folder, CALL_SECONDS):
        found = our_file(file.name, resource, store.instance)
        if found is None or not found.never_placed or found.made >= before or (load and load.name == found.load):
            continue
        sftp.remove(posixpath.join(folder, file.name), CALL_SECONDS)
        log.info(
            "What was left of an import that never was has been taken away.",
            action="load_tidied",
            workflow=store.name,
            stream=stream,
            file=found.load,
        )
