"""Files for Campaign's import: what a mapping must say of them, and what it must not."""

import pytest

from config.document import dump
from config.file_import import FileImport
from config.load import load
from config.problems import ConfigProblems
from tests.unit.config.written import CONNECTIONS, SFTP

CONTACTS = """\
ingress:
  tables:
    - table: contact
      resource: profile
      key: {field: externalId}
      file_import: {workflow: WKF201}
"""
OTHERS = """\
    - table: account
      resource: cusCompany
      key: {field: crmId, filter: byCrmId, parameter: crmId_parameter}
      file_import: {workflow: WKF201, folder: d365_loads/others, results_folder: d365_loads/others/results}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as raised:
        load(text, "f")
    return str(raised.value).splitlines()


def test_a_workflow_is_enough_and_everything_is_written_out() -> None:
    document = load(CONNECTIONS + SFTP + CONTACTS, "f")
    assert document.ingress is not None
    settings = document.ingress.tables[0].file_import
    assert settings == FileImport(workflow="WKF201")
    assert (settings.trigger, settings.signal, settings.file_parameter) == ("signal", "signal1", "file")
    assert load(dump(document), "f") == document


def test_records_are_written_singly_unless_something_else_is_said() -> None:
    text = CONNECTIONS + CONTACTS.replace("      file_import: {workflow: WKF201}\n", "")
    document = load(text, "f")
    assert document.ingress is not None and document.ingress.tables[0].file_import is None
    assert "file_import" not in dump(document)


def test_files_need_the_sftp_server() -> None:
    assert problems(CONNECTIONS + CONTACTS) == [
        "f:9: ingress.tables.0.file_import: needs connections.sftp: add it, or take this away, and records are "
        "written singly"
    ]


def test_each_table_has_a_workflow_of_its_own_and_may_share_the_folders() -> None:
    [problem] = problems(CONNECTIONS + SFTP + CONTACTS + OTHERS)
    assert problem.endswith("WKF201 imports contact already: build a workflow of its own for each table")
    assert load(CONNECTIONS + SFTP + CONTACTS + OTHERS.replace("{workflow: WKF201", "{workflow: WKF202"), "f")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("results_folder: d365_loads/imports/", "must be another folder than the one where the files are left"),
        ("threshold: 200000", "must not be more than at_most, 100,000"),
        ("at_most: 500001", "500000"),
        ("trigger: always", "signal"),
        ("workflow: WKF 201", "is not the ID of a workflow"),
        ("folder: ../elsewhere", "must be a folder of the server"),
    ],
)
def test_what_does_not_go_together_is_told(given: str, said: str) -> None:
    text = CONTACTS.replace("workflow: WKF201", given if "workflow:" in given else f"workflow: WKF201, {given}")
    [problem] = problems(CONNECTIONS + SFTP + text)
    assert said in problem


def test_no_other_workflow_reads_what_is_left_there() -> None:
    # Given results in the folder from which consent is read
    text = CONTACTS.replace("WKF201", "WKF201, results_folder: d365_loads/exports")
    consent = "optinout:\n  direction: bidirectional\n  flags: [{dynamics: donotemail, campaign: blackListEmail}]\n"
    [problem] = problems(CONNECTIONS + SFTP + text + consent + "  files: {}\n")
    assert problem.endswith("must be another folder than optinout.files.folder, where files are read")
