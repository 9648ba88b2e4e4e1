"""The end of a load: its records are settled by what Campaign says of them, batch by batch, as often as it takes."""

from collections.abc import Callable, Iterable

from connectors.sftp import Sftp
from store.loads import Load, LoadedRecord
from store.outcomes import Outcome, Unsent, Written
from store.records import Leased
from store.store import WorkflowStore
from sync.loading.names import rejects_of, written_of
from sync.loading.results import Unreadable, check_size, keys_of
from sync.provenance import Provenance
from sync.streams import Send

#: What the results say of a record: both, if its row was refused after all.
_WRITTEN, _REFUSED = 1, 2


class Concluding:
    """Settling twice does no harm: what is settled already is not believed again."""

    def __init__(
        self,
        store: WorkflowStore,
        stream: str,
        load: Load,
        sftp: Sftp,
        timeout: float,
        stopping: Callable[[], bool],
    ) -> None:
        self.confirmed = 0  #: records that Campaign holds now
        self.rejected = 0  #: rows that it has refused
        self.unreadable = ""  #: why its results cannot be read
        self._store = store
        self._stream = stream
        self._load = load
        self._loads = store.loads(stream)
        self._queue = store.queue(stream)
        self._sftp = sftp
        self._timeout = timeout
        self._stopping = stopping

    @property
    def poor(self) -> bool:
        """Whether Campaign has not even confirmed half of it: something is wrong with the import itself."""
        return 2 * self.confirmed < self._load.count

    def settle(self, with_rejects: bool) -> bool:
        """False: the process shuts down, and the next one goes on. Raises TryAgain."""
        told = self._told(with_rejects)
        for batch in self._load.batches:
            if self._stopping():
                return False
            records = self._loads.records(self._load, batch)
            confirmed = {record.id for record in records if told.get(record.id) == _WRITTEN}
            self.confirmed += len(confirmed)
            if self._loads.holds(batch):
                self._settle(batch, records, confirmed)
                return_batches(self._store, self._stream, [batch])
        return True

    def confirm_none(self) -> None:
        """Nothing of it is taken for written: all of its records wait again."""
        return_batches(self._store, self._stream, self._load.batches)

    def _told(self, with_rejects: bool) -> dict[str, int]:
        """By the id of each record, what the results say of it. One dict and no second copy of any id: a load may hold
        half a million."""
        loads, load = self._loads, self._load
        told = {one.id: 0 for batch in load.batches for one in loads.records(load, batch)}
        try:
            self._note(told, written_of(load), _WRITTEN)
            if with_rejects:
                self._note(told, rejects_of(load), _REFUSED)
        except Unreadable as why:
            # Nothing is believed then: each record is written singly.
            self.unreadable = str(why)
            return {}
        self.rejected = sum(state & _REFUSED != 0 for state in told.values())
        return told

    def _note(self, told: dict[str, int], path: str, state: int) -> None:
        reading = self._sftp.open(path, 0, self._timeout)
        try:
            check_size(reading.found.size, self._load.count)
            for key in keys_of(lambda: reading.read(self._timeout), self._load.facts["key"], told):
                told[key] |= state
        finally:
            reading.close()

    def _settle(self, batch: int, records: list[LoadedRecord], confirmed: set[str]) -> None:
        store, stream = self._store, self._stream
        leased = [Leased(one.id, one.entry.version, one.queued_ms, one.lane, b"", 0, 0) for one in records]
        provenance = Provenance(store, stream, leased)
        provenance.expect([Send(one, None, None, None, False) for one in leased])
        # What was not imported is written singly; there Campaign says of each record why.
        outcomes: list[Outcome] = [
            Written(one.id, one.entry, inserted=True) if one.id in confirmed else Unsent(one.id) for one in records
        ]
        doubted = self._queue.settle(batch, outcomes)
        provenance.measure(outcomes, doubted)
        store.outcomes(stream).note(outcomes, doubted, {})
        if repeated := {one.id for one in records if one.repeated and one.id in confirmed} - doubted:
            store.repeats(stream).clear(repeated)


def return_batches(store: WorkflowStore, stream: str, batches: Iterable[int]) -> None:
    """What these batches still hold waits again, also what the load does not know."""
    queue, loads = store.queue(stream), store.loads(stream)
    for batch in batches:
        queue.settle(batch, [Unsent(record_id) for record_id in loads.held(batch)])
