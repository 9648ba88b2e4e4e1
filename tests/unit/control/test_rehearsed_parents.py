"""Which parents a rehearsal takes for written, and what Campaign shows of what was written."""

import uuid

import pytest

from control.explain.differing import same
from control.rehearsal.counting import MOST_REASONS, Fate, Tally
from control.rehearsal.parents import Parents


def test_only_parents_that_were_added_are_there_however_they_came() -> None:
    # Given parents in two parts, looked at in between
    ids = [str(uuid.UUID(int=number)) for number in range(2000)]
    parents = Parents()
    parents.add("contact", ids[:500])
    assert parents.has("contact", ids[499])
    parents.add("contact", ids[500:1000])
    # Then all of them are there, the others are not, and another table has none of them
    assert all(parents.has("contact", one) for one in ids[:1000])
    assert not any(parents.has("contact", one) for one in ids[1000:])
    assert not parents.has("account", ids[0])


def test_a_tally_keeps_few_examples_and_few_reasons_and_counts_all() -> None:
    tally = Tally("contact", "profile", "everything")
    for number in range(1000):
        tally.count(Fate.INVALID, str(number), f"reason {number % 100}")
    assert (tally.fates[Fate.INVALID], tally.examples[Fate.INVALID]) == (1000, ["0", "1", "2"])
    assert len(tally.reasons) == MOST_REASONS
    assert set(tally.reasons.values()) == {10}


def test_engine_calls_are_one_two_and_one() -> None:
    tally = Tally("contact", "profile", "everything")
    for fate in Fate:
        tally.count(fate, "id")
    assert tally.engine_calls == 1 + 2 + 1


@pytest.mark.parametrize(
    ("ours", "theirs", "type_", "equal"),
    [
        ("", None, "string", True),
        ("Ann", "", "string", False),
        (0, 0, "long", True),
        (False, 0, "boolean", False),
        (True, True, "boolean", True),
        (0.1, 0.10000000149011612, "float", True),
        (0.1, 0.10000000149011612, "double", False),
        ("2026-11-20 00:00:00.000Z", "2026-11-20T00:00:00Z", "datetime", True),
        ("2026-11-20 00:00:00.000Z", "2026-11-20T00:00:01Z", "datetime", False),
        ("2026-11-20", "yesterday", "datetime", False),
        ("Ann", "ann", "string", False),
    ],
)
def test_a_value_is_the_same_if_campaign_shows_what_was_written(
    ours: object, theirs: object, type_: str, equal: bool
) -> None:
    assert same(ours, theirs, type_) is equal
