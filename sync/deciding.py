"""What is to become of one record, given what the ledger says of it: asked by writers, and by whoever explains or
rehearses what they do."""

from store.ledger import Entry
from store.record_queue import Leased, Outcome, Unchanged
from sync.streams import DELETED, FOLLOWS, Send, Target, kind_of, version_of


def decision_on(target: Target, record: Leased, entry: Entry | None, repeats: bool = False) -> Send | Outcome:
    """What to send, or the outcome where nothing needs to be sent; asks nobody. `repeats`: whether it is replayed, and
    so written even if nothing differs. Raises Unmappable for a value that does not fit."""
    if (version := version_of(record.payload)) > record.version:
        record = record._replace(version=version)  # the ledger's version is that of what is sent
    if entry is not None and entry.version > record.version:
        return Unchanged(record.id, entry)  # a newer version was confirmed already
    if entry is not None and repeats:
        entry = entry._replace(fingerprint=b"")
    return target.prepare(record, entry)


def counts_anyway(record: Leased, repeats: bool) -> bool:
    """Whether a record is not simply passed over if the ledger has a newer version of it: a writer asks Dynamics then.

    What follows its parent, or is replayed, is to be written in any case; as it waits, it could be older. What is
    deleted may have been written ahead of reading, and the version of a deletion is made up.
    """
    kind = kind_of(record.payload)
    return kind == DELETED or (not kind and (repeats or record.payload.startswith(FOLLOWS)))
