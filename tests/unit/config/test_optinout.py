"""Opt-in/out: what its defaults are, both spellings of flags, and every mistake that can be made in it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.document import dump
from config.load import load, load_file
from config.optinout import (
    DIRECTIONS,
    FLAGS,
    ConsentColumns,
    ConsentFiles,
    ConsentPoll,
    ExportWorkflow,
    FlagPair,
    FlagTimes,
    OptinoutConfig,
)
from config.problems import ConfigProblems
from tests.unit.config.written import CONNECTIONS, SFTP

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"

INGRESS = """\
ingress:
  tables:
    - table: contact
      resource: profile
      key: {field: externalId}
      fields:
        - {from: firstname, to: firstName}
        - {from: donotbulkemail, to: blackListEmail}
"""
PAIR = "  flags: [{dynamics: donotemail, campaign: denyListEmail}]\n"

FULL_OF_MISTAKES = (
    CONNECTIONS
    + """\
optinout:
  direction: both
  flags:
    - {dynamics: donotemail, campaign: blackListEmail, policy: latest}
    - {dynamics: DoNotFax, campaign: blacklistFax}
    - {dynamics: donotemail, campaign: denyListEmail, opted_out: 1}
    - {dynamics: donotphone, campaign: phone}
  profile_key: {field: cusId}
  poll:
    filter: by last modified
    every_seconds: 0
    overlap_seconds: -1
    page_size: 1001
  files:
    folder: ../exports
    delimiter: ","
    quote: ","
    afterwards: archive
    true_values: [1, ja]
    false_values: [JA, "0"]
    columns:
      contact: blackListEmail
      flags: {denyListFax: a, blackListFax: b, phone: c}
    date_formats: ["%H:%M"]
  export_workflow:
    id: "WKF 1"
    start: false
    every_seconds: 60
  times:
    push: now
  contact_limit_seconds: -1
  retention_days: 0
"""
)

ITS_MISTAKES = """\
bad.yaml:5: optinout.direction: must be 'disabled', 'dynamics_to_campaign', 'campaign_to_dynamics' or 'bidirectional'
bad.yaml:7: optinout.flags.0.policy: must be 'documented', 'most_restrictive', 'newest', 'dynamics' or 'campaign'
bad.yaml:8: optinout.flags.1.dynamics: is not a logical name of Dynamics: those are made of lower-case letters, \
digits and underscores
bad.yaml:8: optinout.flags.1.campaign: is no consent flag of Campaign; did you mean blackListFax?
bad.yaml:9: optinout.flags.2.opted_out: must be true or false
bad.yaml:9: optinout.flags.2.dynamics: donotemail is paired twice: a column goes with one flag
bad.yaml:9: optinout.flags.2.campaign: blackListEmail is paired twice: a flag goes with one column
bad.yaml:10: optinout.flags.3.campaign: is no consent flag of Campaign; there are blackList, blackListEmail, \
blackListFax, blackListMobile, blackListPhone, blackListPostalMail, blackListPushnotification, ccpaOptOut
bad.yaml:11: optinout.profile_key: a key other than externalId must say how it is looked up: add filter and parameter
bad.yaml:13: optinout.poll.filter: is not a name of Campaign: those are made of letters, digits and underscores
bad.yaml:14: optinout.poll.every_seconds: must be more than 0
bad.yaml:15: optinout.poll.overlap_seconds: must be at least 0
bad.yaml:16: optinout.poll.page_size: must be at most 1000
bad.yaml:17: optinout.files.archive_folder: is missing: with afterwards: archive it says where the files are moved
bad.yaml:18: optinout.files.folder: must be a folder of the server, such as d365_loads/exports, without .., * and \
backslashes
bad.yaml:20: optinout.files.quote: must be '"' or "'"
bad.yaml:20: optinout.files.quote: must differ from the delimiter
bad.yaml:22: optinout.files.true_values.0: must be text: put it in quotes
bad.yaml:23: optinout.files.false_values.0: JA is listed under true_values, too: each value has one meaning
bad.yaml:25: optinout.files.columns.contact: blackListEmail is the column of the contact, too
bad.yaml:25: optinout.files.columns.contact: blackListEmail is the column of the contact, too
bad.yaml:26: optinout.files.columns.flags.phone: is no consent flag of Campaign; there are blackList, \
blackListEmail, blackListFax, blackListMobile, blackListPhone, blackListPostalMail, blackListPushnotification, \
ccpaOptOut
bad.yaml:26: optinout.files.columns.flags.blackListFax: blackListFax is listed twice, by both its spellings: keep one
bad.yaml:27: optinout.files.date_formats.0: must tell the whole date, %Y %m %d, and the hour by %H, or by %I with %p
bad.yaml:29: optinout.export_workflow.id: is not the ID of a workflow, such as WKF123: letters, digits, _ and -
bad.yaml:30: optinout.export_workflow.start: must be true where no signal is named: nothing else would be done with \
the workflow
bad.yaml:31: optinout.export_workflow.every_seconds: must be at least 600
bad.yaml:33: optinout.times.push: must be 'seen', 'modified' or 'none'
bad.yaml:34: optinout.contact_limit_seconds: must be at least 0
bad.yaml:35: optinout.retention_days: must be at least 1
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        load(text, "bad.yaml")
    return [str(problem) for problem in caught.value.problems]


def mistake_of(model: Any, **given: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(given)
    return "\n".join(error["msg"] for error in caught.value.errors())


def config(**given: Any) -> OptinoutConfig:
    pair = {"dynamics": "donotemail", "campaign": "blackListEmail"}
    return OptinoutConfig.model_validate({"direction": "bidirectional", "flags": [pair], **given})


def test_every_mistake_is_told_at_its_line() -> None:
    assert "\n".join(problems_of(FULL_OF_MISTAKES)) + "\n" == ITS_MISTAKES


@pytest.mark.parametrize("name", ["optinout.yaml", "optinout-files.yaml"])
def test_the_examples_say_what_they_are_for(name: str) -> None:
    # Given an example
    document = load_file(EXAMPLES / name)
    # Then it is opt-in/out alone, and reads back as it is written out
    assert list(document.workflows()) == ["optinout"]
    assert load(dump(document), name) == document
    assert document.optinout is not None
    assert document.optinout.reads_campaign
    # And what it repeats of the defaults is what they are
    if document.optinout.files:
        said = document.optinout.files
        assert said.model_copy(update={"columns": ConsentColumns(), "date_formats": ()}) == ConsentFiles(
            afterwards="archive", archive_folder="d365_loads/exports/done"
        )
    else:
        assert document.optinout.poll == ConsentPoll()
        assert document.optinout.times == FlagTimes()


def test_without_more_words_changed_profiles_are_polled_and_no_file_is_read() -> None:
    found = config()
    assert (found.poll, found.files, found.export_workflow) == (ConsentPoll(), None, None)
    assert (found.flags[0].opted_out, found.flags[0].policy) == (True, "documented")
    assert (found.contact_limit_seconds, found.retention_days) == (86_400, 730)


# -- flags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", FLAGS)
def test_both_spellings_of_a_flag_are_taken_and_saved_as_the_one_on_the_wire(flag: str) -> None:
    for spelling in (flag, flag.replace("blackList", "denyList")):
        found = FlagPair.model_validate({"dynamics": "donotemail", "campaign": spelling})
        assert found.campaign == flag
        assert f"campaign: {flag}\n" in dump(found)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("blacklistEmail", "is no consent flag of Campaign; did you mean blackListEmail?"),
        ("denyListPushNotification", "is no consent flag of Campaign; did you mean denyListPushnotification?"),
        ("phone", "is no consent flag of Campaign; there are blackList, blackListEmail, blackListFax"),
        (True, "must be the name of a consent flag of Campaign, such as blackListEmail"),
    ],
)
def test_what_is_no_flag_is_told_with_those_there_are(name: object, sentence: str) -> None:
    assert sentence in mistake_of(FlagPair, dynamics="donotemail", campaign=name)


def test_a_flag_stands_in_one_pair_whatever_its_spelling_and_so_does_a_column() -> None:
    # Given a flag by both its spellings, and a column twice
    pairs = [
        {"dynamics": "donotemail", "campaign": "blackListEmail"},
        {"dynamics": "donotbulkemail", "campaign": "denyListEmail"},
        {"dynamics": "donotemail", "campaign": "blackListFax"},
    ]
    # Then each is told where it stands the second time
    with pytest.raises(ValidationError) as caught:
        OptinoutConfig.model_validate({"direction": "disabled", "flags": pairs})
    assert [(error["loc"], error["msg"]) for error in caught.value.errors()] == [
        (("flags", 1, "campaign"), "blackListEmail is paired twice: a flag goes with one column"),
        (("flags", 2, "dynamics"), "donotemail is paired twice: a column goes with one flag"),
    ]


# -- directions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_only_directions_that_read_campaign_need_pairs_and_a_source(direction: str) -> None:
    given: dict[str, Any] = {"direction": direction, "poll": None}
    if direction in ("disabled", "dynamics_to_campaign"):
        found = OptinoutConfig.model_validate(given)
        assert (found.reads_campaign, found.both_ways) == (False, False)
        return
    assert mistake_of(OptinoutConfig, **given).splitlines() == [
        f"must hold a pair with direction: {direction}; or say direction: disabled",
        f"must not be null without files: direction: {direction} reads Campaign by one of them",
    ]


@pytest.mark.parametrize("policy", ["most_restrictive", "newest", "dynamics"])
def test_a_policy_that_one_direction_could_not_keep_is_a_mistake(policy: str) -> None:
    pair = {"dynamics": "donotemail", "campaign": "blackListEmail", "policy": policy}
    sentence = mistake_of(OptinoutConfig, direction="campaign_to_dynamics", flags=[pair])
    assert sentence.startswith("needs direction: bidirectional")
    assert config(flags=[pair]).flags[0].policy == policy


@pytest.mark.parametrize("direction", ["campaign_to_dynamics", "bidirectional"])
def test_a_flag_is_not_written_by_ingress_too(direction: str) -> None:
    # Given a file in which ingress maps a column to a flag that is paired, by its other spelling
    text = f"{CONNECTIONS}{INGRESS}optinout:\n  direction: {direction}\n{PAIR}"
    # Then this is told at the pair, with both ways out
    assert problems_of(text) == [
        "bad.yaml:14: optinout.flags.0.campaign: blackListEmail is written by ingress, too, from donotbulkemail of "
        "contact, and would be overwritten there: remove that field from the mapping of contact, or this pair from "
        "optinout"
    ]


@pytest.mark.parametrize("direction", ["disabled", "dynamics_to_campaign"])
def test_ingress_may_write_the_flags_where_this_workflow_moves_nothing(direction: str) -> None:
    document = load(f"{CONNECTIONS}{INGRESS}optinout:\n  direction: {direction}\n{PAIR}", "good.yaml")
    assert document.optinout is not None
    assert document.optinout.pair_of("blackListEmail") is not None


def test_a_custom_resource_may_have_a_field_of_the_same_name() -> None:
    text = INGRESS.replace("resource: profile", "resource: cusPerson")
    assert load(f"{CONNECTIONS}{text}optinout:\n  direction: bidirectional\n{PAIR}", "good.yaml").optinout


# -- sources -----------------------------------------------------------------------------------------------------------


def test_files_need_the_sftp_server_in_a_direction_that_reads_them() -> None:
    # Given files without a connection to their server
    text = CONNECTIONS + "optinout:\n  direction: bidirectional\n" + PAIR + "  files: {}\n"
    assert problems_of(text) == [
        "bad.yaml:7: optinout.files: needs connections.sftp: add it, or say files: null, and consent is polled alone"
    ]
    # When the connection is there, or nothing is read, then it is right
    assert load(text.replace("optinout:", f"{SFTP}optinout:"), "good.yaml")
    assert load(text.replace("bidirectional", "disabled"), "good.yaml")


def test_the_folder_and_delimiter_of_files_are_checked_as_those_of_logs_are() -> None:
    assert "must be a folder of the server" in mistake_of(ConsentFiles, folder="../x")
    assert "must differ from the delimiter" in mistake_of(ConsentFiles, delimiter='"')
    assert "is missing: with afterwards: archive" in mistake_of(ConsentFiles, afterwards="archive")
    assert "must be another folder" in mistake_of(
        ConsentFiles, afterwards="archive", archive_folder="d365_loads/exports/"
    )


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"true_values": ["NO"]}, ("true_values", 0)),
        ({"false_values": ["0", "Yes"]}, ("false_values", 1)),
        ({"true_values": ["x"], "false_values": ["0", "X"]}, ("false_values", 1)),
    ],
)
def test_a_value_of_a_flag_has_one_meaning(given: dict[str, Any], place: tuple[str, int]) -> None:
    with pytest.raises(ValidationError, match="each value has one meaning") as caught:
        ConsentFiles.model_validate(given)
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_columns_are_named_as_the_fields_of_a_profile_unless_the_file_says_otherwise() -> None:
    # Given a file with columns of other names
    files = {
        "columns": {
            "flags": {"denyListEmail": "No email"},
            "times": {"denyListEmail": "Since", "blackListFax": None},
        }
    }
    found = config(files=files)
    assert found.files is not None
    # Then these are read, and for what it does not say the names of the profile's fields
    assert [found.files.columns.of(flag) for flag in ("blackListEmail", "blackListFax")] == ["No email", "blackListFax"]
    assert found.time_columns("blackListEmail") == ("Since",)
    assert found.time_columns("blackListFax") == ()
    assert found.time_columns("ccpaOptOut") == ("ccpaOptOutLastModified",)


@pytest.mark.parametrize(
    ("all_channels", "fields"),
    [
        ("newer", ("blackListLastModified", "blackListAllLastModified")),
        ("blackListAllLastModified", ("blackListAllLastModified",)),
    ],
)
def test_the_time_of_all_channels_is_looked_for_where_it_is_said(all_channels: str, fields: tuple[str, ...]) -> None:
    times = FlagTimes.model_validate({"all_channels": all_channels})
    assert times.fields_of("blackList") == fields
    assert times.fields_of("blackListPushnotification") == ()
    assert times.fields_of("blackListEmail") == ("blackListEmailLastModified",)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"flags": {"blackListEmail": "externalId"}}, "externalId is the column of the contact, too"),
        ({"contact": "blackListEmail"}, "blackListEmail is the column of the contact, too"),
        ({"flags": {"blackListEmail": "a", "denyListFax": "a"}}, "a is the column of blackListEmail, too"),
    ],
)
def test_a_column_of_a_file_says_one_thing(columns: dict[str, Any], sentence: str) -> None:
    pairs = [{"dynamics": f"donot{flag.lower()}", "campaign": f"denyList{flag}"} for flag in ("Email", "Fax")]
    assert mistake_of(OptinoutConfig, direction="disabled", flags=pairs, files={"columns": columns}) == sentence


def test_a_column_is_not_given_to_a_flag_by_both_its_spellings() -> None:
    both = {"blackListFax": "a", "denyListFax": "b"}
    assert mistake_of(ConsentColumns, flags=both) == "blackListFax is listed twice, by both its spellings: keep one"
    assert mistake_of(ConsentColumns, times=both) == "blackListFax is listed twice, by both its spellings: keep one"


# -- the workflow that exports -----------------------------------------------------------------------------------------


def test_an_export_workflow_is_driven_only_where_its_files_are_read() -> None:
    assert "needs files" in mistake_of(OptinoutConfig, direction="disabled", export_workflow={"id": "WKF1"})
    assert config(files={}, export_workflow={"id": "WKF1"}).export_workflow == ExportWorkflow(id="WKF1")


def test_a_workflow_with_which_nothing_would_be_done_is_a_mistake() -> None:
    assert "nothing else would be done" in mistake_of(ExportWorkflow, id="WKF1", start=False)
    assert ExportWorkflow(id="WKF1", start=False, signal="signal1").every_seconds == 600


def test_a_signal_is_not_asked_for_more_often_than_campaign_lets_it_fire() -> None:
    assert "600" in mistake_of(ExportWorkflow, id="WKF1", every_seconds=599)


def test_an_id_that_leads_elsewhere_is_no_id() -> None:
    assert "is not the ID of a workflow" in mistake_of(ExportWorkflow, id="../WKF1")
