"""export_logs: the logs of a workflow, as files on the SFTP server, for those who look there."""

import posixpath

import structlog

from config.sftp_connection import LogExport, SftpConnection
from connectors.errors import ConnectorError
from connectors.sftp import Sftp
from store.lifecycle import Life, State
from store.log_export import Told
from store.store import WorkflowStore
from store.trouble import LOGS
from sync.patience import Patience, asked_for
from sync.workflow import document_of
from tasks.log_lines import collect, day_of
from tasks.runtime import Runtime

log = structlog.get_logger()

#: Seconds that the server may be silent, and that one file may take.
SILENCE_SECONDS = 10.0
FILE_SECONDS = 40.0

#: After a failure it is tried again so many seconds later: a server that is silent holds a slot of a worker for
#: `SILENCE_SECONDS` each time.
TRY_AGAIN_SECONDS = 300.0

#: Days whose files wait to be written, as long as the server is away; then nothing more is put together until it is
#: back, and the counts span a longer time.
DAYS_KEPT = 31


def export_logs(runtime: Runtime, workflow: str) -> None:
    """Tells what is new, if it is time to, and writes the files of all days that have news. Nothing is told unless the
    configuration says where. What fails is a trouble of its own and disturbs nothing."""
    store = runtime.workflow(workflow)
    patience = Patience(store.troubles, LOGS)
    life = store.lifecycle.read()
    connection = _connection(store, life)
    if connection is None or connection.logs is None:
        store.log_lines.forget()
        patience.end()
        return
    told = store.log_lines.told()
    is_due = _is_due(connection.logs, told, store.now_ms())
    if not is_due and not (told and told.waits and patience.is_over()):
        return
    with store.exporting_right() as held:
        if not held:
            return
        if is_due:
            told = _tell(store, runtime.settings.instance, life, store.log_lines.told())
        if told is None or not patience.is_over():
            return
        try:
            _write(store, connection, runtime.settings.instance, told)
        except ConnectorError as error:
            patience.note(error.sentence, max(asked_for(error) or 0.0, TRY_AGAIN_SECONDS))
        else:
            patience.end()


def _connection(store: WorkflowStore, life: Life) -> SftpConnection | None:
    """Under the configuration that runs, or else under the one that is saved."""
    is_on = life.state in (State.STARTING, State.RUNNING)
    document = document_of(store, life.revision if is_on else store.revisions.newest())
    return document.connections.sftp if document else None


def _is_due(logs: LogExport, told: Told | None, now_ms: int) -> bool:
    """By the clock: every hour is told when it is over."""
    every_ms = logs.every_seconds * 1000
    return told is None or told.until_ms // every_ms < now_ms // every_ms


def _tell(store: WorkflowStore, instance: str, life: Life, told: Told | None) -> Told | None:
    """Keeps what is new to be written. Answers how far everything is told then."""
    if told and len(told.days) > DAYS_KEPT:
        return told
    now = store.log_lines.moment(store.lifecycle.streams())
    if told and now.at_ms <= told.until_ms:
        return told  # the server's clock was set back
    found = collect(store, life, told, now)
    lines = found.packed(instance, store.name)
    store.log_lines.keep(told.number if told else 0, now.at_ms, now.totals, lines, found.aside)
    return store.log_lines.told()


def _write(store: WorkflowStore, connection: SftpConnection, instance: str, told: Told) -> None:
    """Raises ConnectorError."""
    logs, present = connection.logs, day_of(told.until_ms)
    assert logs is not None
    sftp = Sftp(connection)
    try:
        if told.waits:
            sftp.make_folder(logs.folder, SILENCE_SECONDS)
        for day, known in told.days.items():
            if known.written < known.parts:
                name = f"d365acs_{instance}_{store.name}_{day}.jsonl"
                content = store.log_lines.content(day, known.parts)
                sftp.write(posixpath.join(logs.folder, name), content, SILENCE_SECONDS, FILE_SECONDS)
                store.log_lines.note_written(day, known.parts)
                log.info("Logs were exported.", action="logs_exported", file=name, bytes=len(content))
            if day < present:
                store.log_lines.drop(day)
    finally:
        sftp.close()
