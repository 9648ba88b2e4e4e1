"""A table's loads in a writer's slice: the one that is under way is looked after, or the next one begun."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from config.file_import import FileImport
from config.ingress import TableMapping
from connectors.campaign import Campaign
from connectors.campaign_workflows import Standing, Workflows, WorkflowState
from connectors.errors import ConnectorError, TableMissing
from connectors.sftp import Sftp
from store.record_queue import GenerationOver
from store.store import WorkflowStore
from sync.batch_writer import Writing
from sync.loading import tidying
from sync.loading.collecting import Collector
from sync.loading.looking import LoadWatch
from sync.loading.timing import CALL_SECONDS
from sync.loading.troubles import LoadTrouble, place_of
from sync.patience import Patience
from sync.streams import NextLook
from sync.tables.position import Phase, Position

log = structlog.get_logger()

#: How long no load is begun after one that could not be, or was not worth it. Milliseconds.
PAUSE_MS = 60_000


class FileLoader:
    def __init__(self, mapping: TableMapping, settings: FileImport, sftp: Sftp, campaign: Campaign) -> None:
        self._mapping = mapping
        self._settings = settings
        self._sftp = sftp
        self._workflows = workflows_of(campaign, mapping.table)

    def look(self, store: WorkflowStore, generation: int, stopping: Callable[[], bool]) -> NextLook:
        """Goes on with the load that is under way; whether there still is one. Troubles are told, and wait: it is
        looked at ever more seldom then."""
        stream = self._mapping.stream
        self._tidy(store)
        load = store.loads(stream).read()
        if load is None:
            return NextLook.NONE
        patience = Patience(store.troubles, place_of(stream))
        if not patience.is_over():
            return NextLook.LATER
        try:
            goes_on = LoadWatch(store, stream, self._sftp, self._workflows, generation, stopping).look(load)
        except ConnectorError as error:
            patience.failed(error)
            return NextLook.LATER
        return NextLook.SOON if goes_on else NextLook.NONE

    def is_near(self, store: WorkflowStore, generation: int) -> bool:
        """While a table is read in full, the queue fills within seconds."""
        return _is_read_in_full(store, self._mapping.stream) and not self._is_kept_back(store, generation)

    def collect(self, writing: Writing) -> bool:
        """Begins a load if enough waits; whether one is under way then. Raises what writing singly raises."""
        store, stream = writing.store, self._mapping.stream
        loads, trouble = store.loads(stream), LoadTrouble(store, stream)
        if not self._is_due(store, writing.generation):
            return False
        loads.wait_until(store.now_ms() + PAUSE_MS)
        if why := self._unready():
            trouble.say(f"{why.rstrip('.')}; meanwhile records of {self._mapping.table} are written singly")
            return False
        collector = Collector(writing, self._mapping, self._settings, self._sftp, self._facts())
        try:
            committed = collector.collect()
        except GenerationOver:
            return False
        except ConnectorError as error:
            trouble.say(f"{error.sentence.rstrip('.')}; meanwhile records of {self._mapping.table} are written singly")
            return False
        trouble.clear()
        if committed:
            loads.wait_until(0)
        return committed

    def _tidy(self, store: WorkflowStore) -> None:
        """Now and then. What hinders it hinders loads, too, and is told there."""
        stream = self._mapping.stream
        if tidying.is_due(store, stream):
            with suppress(ConnectorError):
                tidying.tidy(store, stream, self._mapping.resource, self._settings.folder, self._sftp)

    def _is_due(self, store: WorkflowStore, generation: int) -> bool:
        """Enough waits, what is still being read has filled the queue, and the workflow may be told of a file."""
        settings, stream = self._settings, self._mapping.stream
        queue = store.queue(stream)
        backlog = queue.backlog()
        waiting = backlog.waiting - backlog.delayed
        if backlog.parked and queue.has_released():
            waiting += backlog.parked  # they return to their lane as they are leased; how many is not known before
        if waiting < settings.threshold:
            LoadTrouble(store, stream).clear()  # nothing waits for it
            return False
        if self._is_kept_back(store, generation) or store.holds.get(stream, generation):
            return False
        # As long as reading goes on, the file could hold more: it is one signal for each.
        full = waiting >= settings.at_most or queue.is_nearly_full()
        return full or not _is_read_in_full(store, stream)

    def _is_kept_back(self, store: WorkflowStore, generation: int) -> bool:
        """No load is begun for now, however many wait."""
        loads, settings = store.loads(self._mapping.stream), self._settings
        cool_ms = int(1000 * settings.cool_down_seconds) if settings.trigger == "signal" else 0
        until_ms = max(loads.later_ms(), loads.triggered_ms() + cool_ms)
        return store.now_ms() < until_ms or loads.off(generation) is not None

    def _unready(self) -> str:
        """Why Campaign would not take a file now; empty if it would."""
        id_ = self._settings.workflow
        try:
            found = self._workflows.state(id_, CALL_SECONDS)
            check_signal(self._mapping, found)
        except ConnectorError as error:
            return error.sentence
        standing = found.standing
        if standing is Standing.PAUSED or (standing is Standing.STOPPED and self._settings.trigger != "start"):
            return f"Campaign's workflow {id_} is {standing.value} and imports nothing: let it run there"
        return ""

    def _facts(self) -> dict[str, Any]:
        """What is to be known of a load whatever the configuration says later."""
        settings = self._settings
        return {
            "server": self._sftp.connection.model_dump(mode="json", exclude={"logs"}),
            "folder": settings.folder,
            "results_folder": settings.results_folder,
            "workflow": settings.workflow,
            "trigger": settings.trigger,
            "signal": settings.signal,
            "parameter": settings.file_parameter,
            "settled_seconds": settings.settled_seconds,
            "cool_down_seconds": settings.cool_down_seconds,
            "key": self._mapping.key.field,
        }


def _is_read_in_full(store: WorkflowStore, stream: str) -> bool:
    return Position.load(store.cursor(stream).value).phase is Phase.FULL


def workflows_of(campaign: Campaign, table: str) -> Workflows:
    """Campaign's workflows, with sentences that lead to this table's configuration."""
    return campaign.workflows.named_by(f"ingress.tables[{table}].file_import", "workflow")


def check(mapping: TableMapping, sftp: Sftp, campaign: Campaign, timeout: float) -> None:
    """Whether files can be left and results be read, and whether the workflow is there, with its signal. Raises
    TryAgain, Stop, Refused."""
    missing_folders(mapping, sftp, timeout)
    check_workflow(mapping, campaign, timeout)


def missing_folders(mapping: TableMapping, sftp: Sftp, timeout: float) -> dict[str, str]:
    """The folders that are not there yet, by what names them in `file_import`: the first load makes them. Leaves an
    empty file in each for a moment, or where it would be made. Raises TryAgain, Stop, Refused."""
    settings = _settings_of(mapping)
    named = {"folder": settings.folder, "results_folder": settings.results_folder}
    return {key: folder for key, folder in named.items() if not sftp.try_folder(folder, timeout)}


def check_workflow(mapping: TableMapping, campaign: Campaign, timeout: float) -> None:
    """Raises TryAgain, Stop, Refused."""
    found = workflows_of(campaign, mapping.table).state(_settings_of(mapping).workflow, timeout)
    check_signal(mapping, found)


def check_signal(mapping: TableMapping, found: WorkflowState) -> None:
    """Whether the workflow can be told of a file. Raises TableMissing. Not every instance says which signals it has."""
    settings = _settings_of(mapping)
    if settings.trigger == "signal" and found.signals and settings.signal not in found.signals:
        raise TableMissing(
            "campaign",
            f"Campaign's workflow {settings.workflow} has no external signal {settings.signal} (it has: "
            f"{', '.join(found.signals)}); correct ingress.tables[{mapping.table}].file_import.signal",
        )


def _settings_of(mapping: TableMapping) -> FileImport:
    assert mapping.file_import is not None
    return mapping.file_import
