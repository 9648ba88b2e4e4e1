"""What comes of a record, in words: of one that is in a file, nothing before the end of its import is known."""

import pytest

from config.defaults import default_contact_mapping
from control.explain.explanation import Standing
from control.explain.verdict import Case, judged
from store.lifecycle import Life, State
from store.records import Lane, Leased
from store.whereabouts import Place, Whereabouts
from sync.streams import Send
from sync.tables.position import Position

NOW_MS = 1_795_000_000_000


def case(place: Place, state: State, placed_ms: int | None = NOW_MS) -> Case:
    """Of a record that would be created, if its turn came."""
    waits = Whereabouts(place, Lane.REPLAY, 7, NOW_MS - 60_000, 0, loaded_ms=NOW_MS, placed_ms=placed_ms)
    decision = Send(Leased("a", 8, NOW_MS, Lane.REPLAY, b"{}", 0, 0), {}, {"firstName": "Ann"}, None, False)
    return Case(
        "ingress", default_contact_mapping(), Life(state, 1, NOW_MS, "ann", "", 1), None, Position(), False,
        Standing(waits, None, None), 8, True, decision, None, None, (), "",
    )  # fmt: skip


@pytest.mark.parametrize(("state", "runs"), [(State.RUNNING, ""), (State.STOPPED, ", and ingress runs")])
def test_of_a_record_in_a_file_only_the_end_of_the_import_is_told(state: State, runs: str) -> None:
    assert judged(case(Place.LOADED, state)) == (
        "It waits in a file that Campaign imports, since 2026-11-18 11:06:40 UTC. "
        f"When the import has ended{runs}, it is confirmed or else written singly, and newer changes follow.",
        "wait",
    )
    assert judged(case(Place.LANE, state))[1] == "create"


@pytest.mark.parametrize("state", [State.STARTING, State.STOPPED, State.FAILED])
def test_a_file_that_is_not_in_its_place_when_ingress_is_off_is_not_told_as_imported(state: State) -> None:
    assert judged(case(Place.LOADED, state, None)) == (
        "It waits in a file that is not in its place yet, since 2026-11-18 11:06:40 UTC. "
        "When ingress starts, the file is given up, and it is written singly or travels in the next one.",
        "wait",
    )
    # But one that is about to come there is imported
    assert "When the import has ended, it is confirmed" in judged(case(Place.LOADED, State.RUNNING, None))[0]
