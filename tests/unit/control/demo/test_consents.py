"""The demonstration's comparison of consent sees every contact of which the two systems say different things."""

from typing import Any

from config.consent_flags import FlagPair
from control.demo.consents import Consents, compare_consents

PAIRS = (
    FlagPair(dynamics="donotemail", campaign="blackListEmail"),
    FlagPair(dynamics="followemail", campaign="blackListMobile", opted_out=False),
)


def row(id_: str, columns: tuple[bool | None, bool | None], *flags: tuple[bool, bool]) -> dict[str, Any]:
    """A contact as the sandbox tells it, and its profiles."""
    profiles = [{"flags": {"blackListEmail": email, "blackListMobile": mobile}} for email, mobile in flags]
    return {"id": id_, "dynamics": dict(zip(("donotemail", "followemail"), columns, strict=True)), "profiles": profiles}


def compared(*rows: dict[str, Any]) -> Consents:
    return compare_consents(PAIRS, rows)


def test_equal_consent_agrees_whichever_value_of_a_column_means_opted_out() -> None:
    found = compared(row("ann", (True, False), (True, True)), row("bob", (False, True), (False, False)))
    assert found.agrees
    assert [(one.contacts, one.opted_out) for one in found.flags] == [(2, 1), (2, 1)]
    assert found.sentence() == "All 2 contacts have the same consent in both systems."


def test_a_difference_is_told_by_flag() -> None:
    found = compared(row("ann", (True, False), (False, True)), row("bob", (None, True), (False, False)))
    assert not found.agrees
    assert [one.differing for one in found.flags] == [("ann",), ()]
    assert found.sentence() == "The systems differ: blackListEmail of 1 of 2 contacts."


def test_who_is_not_in_both_systems_exactly_once_is_nobodys_disagreement() -> None:
    without_profile = row("ann", (True, True))
    two_profiles = row("bob", (True, True), (False, False), (True, True))
    without_contact = {**row("eve", (None, None), (True, True)), "dynamics": None}
    assert [one.contacts for one in compared(without_profile, two_profiles, without_contact).flags] == [0, 0]
