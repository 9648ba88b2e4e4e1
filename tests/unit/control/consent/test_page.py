"""The page about consent says what is true today."""

from pathlib import Path

from config.consent_flags import FLAGS, POLICIES
from config.optinout import DIRECTIONS
from control.consent.record import COLUMNS
from sync.consent.truth_table import table

PAGE = Path(__file__, "../../../../../docs/consent.md").resolve().read_text()


def test_the_table_of_the_rule_is_fresh() -> None:
    assert table() in PAGE, "put in what python -m sync.consent.truth_table writes"


def test_every_column_of_an_export_every_flag_policy_and_direction_is_described() -> None:
    lines = PAGE.splitlines()
    described = {word for line in lines if line.startswith("| `") for word in line.split("|")[1].split("`")[1::2]}
    assert not {*COLUMNS, *FLAGS, *POLICIES, *DIRECTIONS} - described
