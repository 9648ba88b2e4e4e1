"""What is decided of a record before its target is asked: an older version is over, a replayed one is not believed."""

import pytest

from store.ledger import Entry, Standing
from store.record_queue import Filtered, Lane, Leased, Outcome, Unchanged
from sync.deciding import decision_on
from sync.streams import Send

ENTRY = Entry(Standing.PRESENT, 10, 1, b"12345678")


class Asked:
    """A target that says of each record what it was told of it."""

    concurrency, remembers, together = 1, True, 1

    def __init__(self) -> None:
        self.entries: list[Entry | None] = []

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        self.entries.append(entry)
        return Filtered(record.id)


def record(version: int) -> Leased:
    return Leased("ann", version, 0, Lane.LIVE, b"{}", 0, 0)


def test_a_version_older_than_what_was_confirmed_is_over() -> None:
    target = Asked()
    assert decision_on(target, record(9), ENTRY) == Unchanged("ann", ENTRY)  # type: ignore[arg-type]
    # And so is that of a replay: what was confirmed is newer
    assert decision_on(target, record(9), ENTRY, repeats=True) == Unchanged("ann", ENTRY)  # type: ignore[arg-type]
    assert target.entries == []


@pytest.mark.parametrize("version", [10, 11])
def test_any_other_is_the_targets_to_decide(version: int) -> None:
    target = Asked()
    for entry in (ENTRY, None):
        assert decision_on(target, record(version), entry) == Filtered("ann")  # type: ignore[arg-type]
    assert target.entries == [ENTRY, None]


def test_what_was_confirmed_of_a_replayed_record_is_not_believed() -> None:
    target = Asked()
    decision_on(target, record(10), ENTRY, repeats=True)  # type: ignore[arg-type]
    decision_on(target, record(10), None, repeats=True)  # type: ignore[arg-type]
    assert target.entries == [ENTRY._replace(fingerprint=b""), None]
