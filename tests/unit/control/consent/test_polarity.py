"""A column whose name says the opposite of what its pair says is told; others are not."""

import pytest

from config.consent_flags import FlagPair
from control.consent.polarity import doubtful, doubtful_pairs


def pair(column: str, opted_out: bool = True) -> FlagPair:
    return FlagPair(dynamics=column, campaign="blackListEmail", opted_out=opted_out)


@pytest.mark.parametrize("column", ["followemail", "new_allowemail", "msdyn_optin", "new_emailconsent", "subscribed"])
def test_a_column_that_says_who_wants_it_is_doubtful_as_an_opt_out(column: str) -> None:
    said = doubtful(pair(column))
    assert said is not None and "say opted_out: false" in said and "d365acs consent preview" in said
    assert doubtful(pair(column, opted_out=False)) is None


@pytest.mark.parametrize("column", ["donotemail", "donotallowemail", "new_optout", "msdyn_gdproptout", "unsubscribed"])
def test_a_column_that_says_who_does_not_is_doubtful_the_other_way_round(column: str) -> None:
    said = doubtful(pair(column, opted_out=False))
    assert said is not None and "take opted_out: false away" in said
    assert doubtful(pair(column)) is None


@pytest.mark.parametrize("column", ["new_flag1", "creditonhold", "new_followup", "new_option"])
def test_a_name_that_says_neither_is_left_alone(column: str) -> None:
    assert doubtful(pair(column)) is None and doubtful(pair(column, opted_out=False)) is None


def test_a_pair_is_told_when_it_is_new_or_turned_round() -> None:
    wrong = pair("followemail")
    assert len(doubtful_pairs([wrong], [])) == 1
    assert doubtful_pairs([wrong], [wrong]) == []
    assert len(doubtful_pairs([wrong], [pair("followemail", opted_out=False)])) == 1
