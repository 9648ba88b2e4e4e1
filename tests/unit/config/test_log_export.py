"""The export of logs to SFTP: its defaults, and every mistake that can be made in it."""

import pytest

from config.document import dump
from config.load import load
from config.problems import ConfigProblems
from tests.unit.config.egresses import FINGERPRINT

CONNECTIONS = f"""\
connections:
  dynamics: {{url: https://c.crm.dynamics.com, tenant: a.b, client_id: x, client_secret: "${{env:A}}"}}
  campaign: {{url: https://mc.adobe.io/c, client_id: x, client_secret: "${{env:A}}", org_id: A@AdobeOrg}}
  journal: {{url: https://events-va6.adobe.io/events/organizations/1/integrations/2/3}}
  sftp:
    host: sftp.example.com
    user: u
    private_key: "${{env:K}}"
    host_key: "{FINGERPRINT}"
"""
READING = "optinout: {direction: campaign_to_dynamics, flags: [{dynamics: donotemail, campaign: denyListEmail}], "


def mistakes(text: str) -> str:
    with pytest.raises(ConfigProblems) as found:
        load(text, "f")
    return str(found.value)


def test_nothing_is_exported_unless_it_is_switched_on() -> None:
    # Given a connection that says nothing of logs, then there are none
    document = load(CONNECTIONS + "egress: {}\n", "f")
    assert document.connections.sftp is not None and document.connections.sftp.logs is None
    # When it is switched on, then they appear hourly in a folder of their own
    document = load(CONNECTIONS + "    logs: {}\negress: {}\n", "f")
    assert document.connections.sftp is not None and document.connections.sftp.logs is not None
    logs = document.connections.sftp.logs
    assert (logs.folder, logs.every_seconds) == ("d365_loads/logs", 3600)
    # and what was switched on survives being written and read
    assert load(dump(document), "f") == document


def test_what_cannot_be_is_told_with_its_line() -> None:
    said = mistakes(CONNECTIONS + "    logs: {folder: ../logs, every_seconds: 59, hourly: true}\negress: {}\n")
    assert [line.split(" ")[1].removeprefix("connections.sftp.logs.") for line in said.splitlines()] == [
        "folder:",
        "every_seconds:",
        "hourly:",
    ]
    assert all(line.startswith("f:10: ") for line in said.splitlines())


@pytest.mark.parametrize(
    ("folder", "reading", "reader"),
    [
        ("d365_loads/exports/logs", "egress: {source: files}", "egress.files.folder"),
        ("out/", "egress: {source: files, files: {folder: ./out}}", "egress.files.folder"),
        ("d365_loads/exports", READING + "files: {}}", "optinout.files.folder"),
        ("in", READING + "files: {folder: in/}}", "optinout.files.folder"),
    ],
)
def test_logs_are_never_put_where_files_are_read(folder: str, reading: str, reader: str) -> None:
    said = mistakes(f"{CONNECTIONS}    logs: {{folder: {folder}}}\n{reading}\n")
    assert said == f"f:10: connections.sftp.logs.folder: must be another folder than {reader}, where files are read"


@pytest.mark.parametrize(
    "rest",
    [
        "egress: {source: journal, files: {folder: out}}",
        READING + "files: null}",
        "optinout: {direction: disabled, files: {folder: out}}",
        "egress: {source: files, files: {folder: elsewhere}}",
    ],
)
def test_a_folder_that_nobody_reads_takes_them(rest: str) -> None:
    assert load(f"{CONNECTIONS}    logs: {{folder: out}}\n{rest}\n", "f")
