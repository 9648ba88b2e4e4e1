"""What rows of the export say of profiles: strictly, and never more than they tell."""

from typing import Any

import pytest

from config.consent_flags import WireFlag
from config.optinout import OptinoutConfig
from sync.consent.export_files import ConsentRows, consent_columns
from sync.consent.page import Told, Unusable
from sync.consent.rule import NEVER_MS, Seen
from sync.consent.states import ProfileState
from sync.pages import RawRecord

ANN, BOB = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"
EMAIL: WireFlag = "blackListEmail"
TIME = "blackListEmailLastModified"
NOON_MS, READ_MS = 1_793_361_600_000, 1_793_400_000_000
PUSH = {"dynamics": "donotpush", "campaign": "blackListPushnotification"}


def config(flags: tuple[dict[str, Any], ...] = (), times: dict[str, str] | None = None, **files: Any) -> OptinoutConfig:
    pairs = [{"dynamics": "donotemail", "campaign": EMAIL}, *flags]
    return OptinoutConfig.model_validate(
        {"direction": "bidirectional", "flags": pairs, "files": files, "times": times or {}}
    )


def row(line: int = 2, contact: str = ANN, /, **cells: str) -> RawRecord:
    value: dict[str, object] = {"externalId": contact, EMAIL: "1", TIME: "2026-10-30 12:00:00.000Z", **cells}
    return RawRecord(value, file="optout_1.csv", line=line)


def told(*rows: RawRecord, **given: Any) -> tuple[list[Told], list[str]]:
    return ConsentRows(config(**given)).told(list(rows), READ_MS)


def seen(row: RawRecord, flag: WireFlag = EMAIL, /, **given: Any) -> Seen:
    """What one row says of a flag."""
    [(_, state)], _ = told(row, **given)
    assert isinstance(state, ProfileState)
    return state.flags[flag]


def test_a_row_says_who_has_opted_out_since_when() -> None:
    [one], doubts = told(row(2, "{3F2504E0-4F89-41D3-9A0C-0305E82C3301}", lastModified="2026-10-30 13:00:00.000Z"))
    assert one == Told(ANN, ProfileState({EMAIL: Seen(True, NOON_MS)}, NOON_MS + 3_600_000, READ_MS))
    assert doubts == []


@pytest.mark.parametrize(
    ("token", "opted_out"),
    [("1", True), ("TRUE", True), (" yes ", True), ("0", False), ("No", False), ("false", False)],
)
def test_tokens_are_read_whatever_their_capitals(token: str, opted_out: bool) -> None:
    assert seen(row(**{EMAIL: token})).opted_out is opted_out


@pytest.mark.parametrize("token", ["", "maybe", "2", "oui", "truefalse"])
def test_a_token_that_is_not_known_makes_the_flag_not_told_and_is_shown(token: str) -> None:
    # Given two rows with a value that is not understood, and a good one
    found, doubts = told(row(3, **{EMAIL: token}), row(4, BOB, **{EMAIL: token}), row(5, BOB[:-1] + "3"))
    # Then nothing is said of the two, nothing of what stands there is repeated, and the third is read
    values = [one.state.flags[EMAIL].opted_out for one in found if isinstance(one.state, ProfileState)]
    assert values == [None, None, True]
    assert doubts == [
        "The file optout_1.csv has 2 values of blackListEmail, first on its line 3, that were not understood: "
        "nothing is changed by that, and what the profile itself says is looked up in Campaign; check optinout.files."
    ]


def test_words_of_ones_own_are_taken() -> None:
    own: dict[str, Any] = {"true_values": ["nein"], "false_values": ["ja"]}
    assert seen(row(**{EMAIL: "NEIN"}), **own).opted_out is True
    assert seen(row(**{EMAIL: "1"}), **own).opted_out is None


def test_a_time_that_is_not_told_or_not_understood_is_none() -> None:
    # Not told
    assert seen(row(**{TIME: ""})) == Seen(True, None)
    assert seen(RawRecord({"externalId": ANN, EMAIL: "1"}, file="f", line=2)) == Seen(True, None)
    # Left blank for a flag that is not set: it never was
    assert seen(row(**{TIME: "", EMAIL: "0"})) == Seen(False, NEVER_MS)
    # Not understood: no guess, and shown
    [(_, state)], doubts = told(row(**{TIME: "yesterday", EMAIL: "0"}))
    assert isinstance(state, ProfileState) and state.flags[EMAIL] == Seen(False, None)
    assert "1 value of blackListEmailLastModified, first on its line 2, that was not" in doubts[0]


def test_times_are_read_in_formats_of_ones_own() -> None:
    assert seen(row(**{TIME: "30/10/2026 12:00"}), date_formats=["%d/%m/%Y %H:%M"]) == Seen(True, NOON_MS)


def test_of_the_two_times_of_all_channels_the_newer_counts_unless_one_is_named() -> None:
    pair = {"dynamics": "donotbulkemail", "campaign": "blackList"}
    cells = {
        "blackList": "1",
        "blackListLastModified": "2026-10-30 12:00:00.000Z",
        "blackListAllLastModified": "2026-10-30 12:00:01.000Z",
    }
    assert seen(row(**cells), "blackList", flags=(pair,)).at_ms == NOON_MS + 1000
    one = {"all_channels": "blackListLastModified"}
    assert seen(row(**cells), "blackList", flags=(pair,), times=one).at_ms == NOON_MS


@pytest.mark.parametrize(("choice", "at_ms"), [("seen", READ_MS), ("modified", NOON_MS), ("none", None)])
def test_push_has_the_time_that_is_chosen(choice: str, at_ms: int | None) -> None:
    cells = {"blackListPushnotification": "1", "lastModified": "2026-10-30 12:00:00.000Z"}
    assert seen(row(**cells), "blackListPushnotification", flags=(PUSH,), times={"push": choice}) == Seen(True, at_ms)


@pytest.mark.parametrize(
    ("contact", "flaw"), [("", "is empty"), (" ", "is empty"), ("17", "is not the id of a contact")]
)
def test_a_row_without_a_contact_is_set_aside_with_its_place(contact: str, flaw: str) -> None:
    found, _ = told(row(17, contact), row(18))
    assert isinstance(found[0].state, Unusable) and isinstance(found[1].state, ProfileState)
    assert found[0].state.where.startswith("optout_1.csv line 17 (")
    assert found[0].state.flaw == f"The row's externalId {flaw}."
    # The same each time, and not that of another version's row
    assert told(row(17, contact))[0] == found[:1]
    assert told(row(17, contact, **{EMAIL: "0"}))[0][0].id != found[0].id


def test_a_line_that_is_no_row_is_set_aside_with_its_place() -> None:
    flaw = RawRecord(None, "optout_1.csv line 5 (ab)", "The row has 2 columns, the first line of the file 4.", "x,y")
    [one], _ = told(flaw)
    assert one.state == Unusable(one.id, *flaw[1:4])


@pytest.mark.parametrize("first_is_newer", [True, False])
def test_of_two_rows_of_one_profile_the_newer_one_counts_by_the_flags_own_time(first_is_newer: bool) -> None:
    newer = row(2, **{EMAIL: "0", TIME: "2026-10-30 12:00:01.000Z"})
    older = row(3, **{EMAIL: "1"})
    [one], _ = told(*((newer, older) if first_is_newer else (older, newer)))
    assert isinstance(one.state, ProfileState) and one.state.flags[EMAIL] == Seen(False, NOON_MS + 1000)


@pytest.mark.parametrize("times", [("", ""), ("2026-10-30 12:00:00.000Z",) * 2, ("", "2026-10-30 12:00:00.000Z")])
@pytest.mark.parametrize("values", [("0", "1"), ("1", "0"), ("?", "1"), ("1", "?")])
def test_two_rows_that_cannot_be_told_apart_leave_the_profile_opted_out(
    times: tuple[str, str], values: tuple[str, str]
) -> None:
    found, _ = told(*(row(2 + n, **{EMAIL: values[n], TIME: times[n]}) for n in range(2)))
    [(_, state)] = found
    # A blank time of a flag that is not set says that it never was: only then the two are told apart
    assert isinstance(state, ProfileState) and state.flags[EMAIL].opted_out is True


def test_the_columns_that_every_file_must_have_are_the_contacts_and_the_flags() -> None:
    found = consent_columns(config(flags=(PUSH,), columns={"flags": {"blackListEmail": "noEmail"}, "contact": "crm"}))
    assert found.section == "optinout.files"
    assert {key: found.named[key] for key in found.needed} == {
        "columns.contact": "crm",
        "columns.flags.blackListEmail": "noEmail",
        "columns.flags.blackListPushnotification": "blackListPushnotification",
    }
    assert set(found.named.values()) >= {"lastModified", TIME}
