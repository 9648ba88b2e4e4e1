"""The name of a load's file tells whose it is, when it was made, and whether Campaign may have been told of it."""

from datetime import UTC, datetime

import pytest

from store.loads import Load
from sync.loading.names import file_of, given_up_file_of, new_name, our_file, rejects_of, written_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def load(name: str) -> Load:
    return Load(name, 1, (1,), {"folder": "in", "results_folder": "in/results"}, committed_ms=1)


def test_each_file_of_a_load_is_known_again_by_its_name() -> None:
    name = new_name("cus_store", "stage-2", int(NOON.timestamp() * 1000))
    assert name.startswith("cus_store_stage-2_20261122T120000_")
    for path, never_placed in [
        (file_of(load(name)), False),
        (written_of(load(name)), False),
        (rejects_of(load(name)), False),
        (f"in/.{name}.csv.part", True),
        (given_up_file_of(load(name)), True),
    ]:
        file = our_file(path.rpartition("/")[2], "cus_store", "stage-2")
        assert file is not None and file == (name, NOON, never_placed)


@pytest.mark.parametrize(
    "name",
    [
        "store_stage-2_20261122T120000_000001.csv",
        "cus_store_stage_20261122T120000_000001.csv",
        "cus_store_20261122T120000_000001.csv",
        "cus_store_stage-2_20261322T120000_000001.csv",
        "cus_store_stage-2_20261122T120000_000001.csv.gz",
        "cus_store_stage-2.csv",
    ],
)
def test_what_another_has_named_is_none_of_ours(name: str) -> None:
    assert our_file(name, "cus_store", "stage-2") is None
