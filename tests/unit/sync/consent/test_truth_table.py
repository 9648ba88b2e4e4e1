"""The rule's table in Markdown: it is the rule, and a page that holds another one is told."""

from pathlib import Path

import pytest

from sync.consent.rule import Rule
from sync.consent.truth_table import main, table


def test_the_table_has_every_combination_of_values_and_every_rule() -> None:
    rows = [line.strip("| ").split(" | ") for line in table().splitlines()[2:]]
    assert {(row[0], row[1]) for row in rows} == {
        (one, other) for one in ("out", "in", "not told") for other in ("out", "in", "in, untouched", "not told")
    }
    assert all(len(row) == 9 for row in rows)
    # To be held back does not depend on values and times.
    assert all(f"({rule})" in table() for rule in Rule if rule is not Rule.HELD)


def test_the_table_says_the_documented_rule() -> None:
    [campaign_newer] = [line for line in table().splitlines() if line.startswith("| out | in | Campaign |")]
    [record_newer] = [line for line in table().splitlines() if line.startswith("| out | in | Dynamics |")]
    assert campaign_newer.split(" | ")[3] == "in (campaign-newer)"
    assert record_newer.split(" | ")[3] == "**out** (opted-out-wins)"


def test_a_page_with_another_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a page that holds the table, and one that holds an older one
    main([])
    fresh, old = tmp_path / "fresh.md", tmp_path / "old.md"
    fresh.write_text(f"# Consent\n\n{capsys.readouterr().out}\nMore.\n")
    old.write_text(table().replace("one-way", "another"))
    # When they are checked, then only the older one is told
    main(["--check", str(fresh)])
    with pytest.raises(SystemExit, match="not fresh"):
        main(["--check", str(old)])
