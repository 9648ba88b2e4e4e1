"""Exported logs of a campaign on the sandbox's SFTP server, read whole, with and without faults."""

import base64
import csv
import gzip
import io
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from config.event_files import FileEvents
from config.sftp_connection import SftpConnection
from connectors.errors import CredentialsRefused, Stop, TryAgain
from connectors.sftp import Sftp
from store.client import SURE_MS
from store.files import Files
from store.keys import InstanceKeys
from sync.egress import file_columns
from sync.files.source import FileSource
from tests.integration.sync.log_folder import ClockedFiles
from tests.sandboxes import Sandbox


@pytest.fixture
def sftp(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sftp]:
    given = sandbox.info["sftp"]
    monkeypatch.setenv("SFTP_KEY", given["private_key"])
    known: dict[str, Any] = {name: given[name] for name in ("host", "user", "host_key")}
    sftp = Sftp(SftpConnection(**known, port=sandbox.sftp_port, private_key="${env:SFTP_KEY}"))
    yield sftp
    sftp.close()


def source(sftp: Sftp, files: Files, **given: Any) -> FileSource:
    settings = FileEvents(settled_seconds=0, **given)
    return FileSource(sftp, settings, file_columns(settings), files)


@pytest.fixture
def files(redis: Redis) -> ClockedFiles:
    return ClockedFiles(redis, InstanceKeys("test").workflow("egress").stream("events"))


def exported(sandbox: Sandbox, **form: Any) -> list[dict[str, str]]:
    """Every row of every file, in the order of their names, as another reader has them."""
    rows: list[dict[str, str]] = []
    for file in sorted(sandbox.admin.get("/sftp/files")["value"], key=lambda file: file["path"]):
        content = base64.b64decode(sandbox.admin.get(f"/sftp/files/{file['path']}")["base64"])
        if file["path"].endswith(".gz"):
            content = gzip.decompress(content)
        rows += csv.DictReader(io.StringIO(content.decode(form["encoding"]), newline=""), delimiter=form["delimiter"])
    return rows


def read(source: FileSource) -> list[dict[str, object] | None]:
    """All events, whatever befalls: what was stored counts, and a trouble is met with another try."""
    position, found, troubles = source.beginning(None), [], 0
    while True:
        try:
            page = source.fetch(position, 10)
        except TryAgain:
            troubles += 1
            assert troubles < 2_000
            continue
        found += [event.value for event in page.records]
        position = page.behind
        if not page.more:
            return found


@pytest.mark.parametrize(
    "form",
    [
        {"gzip": False, "encoding": "utf-8", "delimiter": "\t", "quote": None, "newline": "\n"},
        {"gzip": True, "encoding": "windows-1252", "delimiter": ";", "quote": '"', "newline": "\r\n"},
    ],
)
def test_every_row_of_a_campaign_is_read_as_it_was_exported(
    sandbox: Sandbox, sftp: Sftp, files: ClockedFiles, form: dict[str, Any]
) -> None:
    sandbox.campaign(sends=400, into="files", files={**form, "other_rows": 0.1, "overlap": 5})
    settings = {name: form[name] for name in ("encoding", "delimiter", "quote")}
    expected = exported(sandbox, **form)
    assert len(expected) > 400
    assert read(source(sftp, files, **settings)) == expected


@pytest.mark.parametrize("packed", [False, True])
def test_faults_of_all_kinds_neither_lose_nor_double_a_row(
    sandbox: Sandbox, sftp: Sftp, files: ClockedFiles, packed: bool
) -> None:
    # Given files of a campaign on a server that fails, and tears connections in the middle of files
    form = {"encoding": "utf-8", "delimiter": "\t"}
    sandbox.campaign(sends=600, into="files", files={"count": 10, "gzip": packed, **form})
    expected = exported(sandbox, **form)
    sandbox.admin.put("/faults", {"sftp": {"rate_reset": 0.08, "rate_reset_after": 0.08, "rate_500": 0.08}})
    sandbox.admin.put("/switches", {"sftp_drop_after_bytes": 60_000})
    # When they are read, and removed once they are
    reading = source(sftp, files, afterwards="delete")
    assert read(reading) == expected
    files.at_ms += SURE_MS
    assert read(reading) == []
    # Then faults were met, and no file is left
    dealt = sandbox.admin.get("/faults")["sftp"]["dealt"]
    assert {"reset", "reset_after", "500"} <= dealt.keys()
    assert sandbox.admin.get("/sftp/files")["value"] == []


def test_another_host_key_and_a_refused_login_stop_the_reading(
    sandbox: Sandbox, sftp: Sftp, files: ClockedFiles
) -> None:
    reading = source(sftp, files)
    sandbox.admin.put("/switches", {"sftp_authentication": "refused"})
    with pytest.raises(CredentialsRefused, match="does not let the user d365acs in"):
        reading.fetch(reading.beginning(None), 10)
    sandbox.admin.put("/switches", {"sftp_host_key": "other"})
    with pytest.raises(Stop, match=r"connections\.sftp\.host_key"):
        reading.fetch(reading.beginning(None), 10)
