"""Makes a load: leases records batch by batch, writes those that can travel so into a file under a hidden name, and
leaves them to the load in one step. Until then they are leased like any others, and come back like any others.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog

from config.file_import import FileImport
from config.ingress import TableMapping
from connectors.errors import ConnectorError
from connectors.sftp import Sftp
from connectors.sftp_writing import RemoteWriting, hidden
from connectors.uptime import uptime
from store.loads import LoadedRecord
from store.record_queue import BATCH, GenerationOver, Leased, Unsent
from sync.batch_writer import RENEW_AFTER, Writing
from sync.deciding import decision_on
from sync.loading.content import Columns, NotLoadable
from sync.loading.names import new_name, path_of
from sync.loading.timing import CALL_SECONDS
from sync.streams import Send, kind_of
from sync.tables.relatives import awaiting_parents

log = structlog.get_logger()

#: The longest that records are collected for one file, however many are ready. Seconds.
COLLECT_SECONDS = 60.0
#: After so many leased records it is judged whether they are worth a file: less than half of them loadable is not.
SAMPLE = 4 * BATCH


class Divided(NamedTuple):
    """What became of a leased batch."""

    loaded: list[tuple[LoadedRecord, bytes]]  #: with their lines
    rest: list[Leased]  #: those that go back, to be written singly


@dataclass(slots=True)
class Collected:
    name: str
    count: int = 0
    leased: int = 0
    renewed: float = 0.0  #: when every batch had been renewed, by `uptime`

    @property
    def worthless(self) -> bool:
        """Whether most of what waits cannot travel in a file."""
        return self.leased >= SAMPLE and 2 * self.count < self.leased


class Collector:
    """One attempt at a load, in one writer's slice."""

    def __init__(
        self, writing: Writing, mapping: TableMapping, settings: FileImport, sftp: Sftp, facts: dict[str, Any]
    ) -> None:
        self._writing = writing
        self._stream = writing.stream
        self._store = writing.store
        self._queue = writing.store.queue(writing.stream.name)
        self._loads = writing.store.loads(writing.stream.name)
        self._settings = settings
        self._columns = Columns(mapping)
        self._resource = mapping.resource
        self._sftp = sftp
        self._facts = facts
        self._ids: dict[int, list[str]] = {}  #: by number of the batch, what is in the file
        self._rest: dict[int, list[str]] = {}  #: and what is not

    def collect(self) -> bool:
        """Whether a load was committed; if not, all is as it was. Raises ConnectorError, GenerationOver, Stop."""
        for folder in (self._settings.folder, self._settings.results_folder):
            self._sftp.make_folder(folder, CALL_SECONDS)
        collected = Collected(new_name(self._resource, self._store.instance, self._store.now_ms()))
        part = hidden(path_of(self._settings.folder, collected.name))
        writing = self._sftp.create(part, CALL_SECONDS)
        try:
            writing.write(self._columns.header, CALL_SECONDS)
            self._fill(collected, writing)
            enough = collected.count >= max(1, self._settings.threshold // 2) and not collected.worthless
            enough = enough and not self._is_over
            if enough:
                writing.close(CALL_SECONDS)
        except BaseException:
            self._abandon(collected, writing, part)
            raise
        if not enough:
            log.info(
                "No file was made for Campaign's import.",
                action="load_dropped",
                workflow=self._store.name,
                stream=self._stream.name,
                leased=collected.leased,
                loadable=collected.count,
            )
            self._abandon(collected, writing, part)
            return False
        self._return_the_rest()
        # What fails from here on may have happened: then the load has the records, or their leases run out.
        if not self._committed(collected):
            log.warning("A file for Campaign's import came too late.", action="load_too_late", stream=self._stream.name)
            self._abandon(collected, None, part)
            return False
        return True

    @property
    def _is_over(self) -> bool:
        """Whether nothing is to be sent any more: the process shuts down, or the table is held."""
        stopping = self._writing.piece.stopping()
        return stopping or self._store.holds.get(self._stream.name, self._writing.generation) is not None

    def _committed(self, collected: Collected) -> bool:
        drafted = {number: len(ids) for number, ids in self._ids.items() if ids}
        try:
            return self._loads.commit(self._writing.generation, collected.name, drafted, self._facts)
        except GenerationOver:
            return False

    def _fill(self, collected: Collected, file: RemoteWriting) -> None:
        writing, ends = self._writing, time.monotonic() + COLLECT_SECONDS
        collected.renewed = uptime()
        while collected.count < self._settings.at_most and not collected.worthless and time.monotonic() < ends:
            if self._is_over:
                return
            if not writing.may_begin:
                return
            wanted = min(BATCH, self._settings.at_most - collected.count)
            batch = self._queue.lease(writing.generation, wanted, int(writing.lease_s * 1000))
            if not batch.records:
                return
            self._ids[batch.number] = [record.id for record in batch.records]
            divided = self._divided(batch.records)
            if divided.loaded:
                self._loads.draft(collected.name, batch.number, [record for record, _ in divided.loaded])
                file.write(b"".join(line for _, line in divided.loaded), CALL_SECONDS)
            self._ids[batch.number] = [record.id for record, _ in divided.loaded]
            self._rest[batch.number] = [record.id for record in divided.rest]
            collected.count += len(divided.loaded)
            collected.leased += len(batch.records)
            self._renew(collected)

    def _return_the_rest(self) -> None:
        """Not before the file is whole: they stand in front, and would be leased again at once."""
        self._return_records(self._rest)
        self._rest.clear()

    def _return_records(self, held: Mapping[int, list[str]]) -> None:
        for number, ids in held.items():
            if ids:
                self._queue.settle(number, [Unsent(record_id) for record_id in ids])

    def _divided(self, records: Sequence[Leased]) -> Divided:
        """Loadable is what Campaign has never been sent, and what has all its parents there."""
        store, stream = self._store, self._stream
        ids = [record.id for record in records]
        repeated = store.repeats(stream.name).among(ids)
        returning = store.leaving(stream.name).among(ids)
        sends: list[Send] = []
        for record, entry in zip(records, self._queue.ledger.entries(ids), strict=True):
            told = entry is not None or record.attempts or record.id in returning or kind_of(record.payload)
            if told or stream.table.is_outdated(record.payload):
                continue
            with suppress(Exception):  # what becomes of a record that we cannot digest is decided where it is sent
                decision = decision_on(stream.target, record, None, record.id in repeated)
                if isinstance(decision, Send) and not decision.follows and decision.insert is not None:
                    sends.append(decision)
        if stream.parents:
            sends = awaiting_parents(store, sends).ready
        loaded: dict[str, tuple[LoadedRecord, bytes]] = {}
        for send in sends:
            one = send.record
            assert send.insert is not None
            assert send.entry is not None
            with suppress(NotLoadable):
                line = self._columns.line(send.insert)
                kept = LoadedRecord(one.id, send.entry, one.queued_ms, one.lane, one.id in repeated)
                loaded[one.id] = kept, line
        return Divided(list(loaded.values()), [record for record in records if record.id not in loaded])

    def _renew(self, collected: Collected) -> None:
        """All batches before the first of them runs out. One that has run out is found at the commit."""
        if uptime() < collected.renewed + RENEW_AFTER * self._writing.lease_s:
            return
        asked = uptime()
        for number, ids in self._ids.items():
            if ids or self._rest.get(number):
                self._queue.renew(self._writing.generation, number, int(self._writing.lease_s * 1000))
        collected.renewed = asked

    def _abandon(self, collected: Collected, writing: RemoteWriting | None, part: str) -> None:
        """Nothing was promised yet: the file goes away, and the records back."""
        if writing is not None:
            writing.give_up()
        with suppress(ConnectorError):
            self._sftp.remove(part, CALL_SECONDS)
        self._loads.drop_draft(collected.name)
        self._return_the_rest()
        self._return_records(self._ids)
