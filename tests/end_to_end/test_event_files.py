"""Events from log files on SFTP: each file once, in order, when it is whole, whatever befalls the connection."""

import json
from typing import Any

import pytest

from store.lifecycle import State
from tests.end_to_end import documents
from tests.end_to_end.conftest import OpenEvents
from tests.end_to_end.event_stage import EventStage

FOLDER, DONE = "d365_loads/exports/logs", "d365_loads/exports/done"
#: A campaign that is told by files alone, in bounces of every kind.
IN_FILES: dict[str, Any] = {"into": "files", "late_bounces": 0.1, "hard_bounces": 0.1}


def names(events: EventStage, folder: str) -> list[str]:
    """The files of a folder, by name."""
    paths = [file["path"] for file in events.admin.get("/sftp/files")["value"]]
    return [path.rpartition("/")[2] for path in paths if path.rpartition("/")[0] == folder]


def logged(events: EventStage, action: str) -> list[str]:
    """The files that workers say they have done this with, in order."""
    lines = [line for process in events.processes for line in process.log.read_text().splitlines()]
    told = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [line["file"] for line in told if line.get("action") == action]


#: What Campaign's export may look like, and what the configuration says to that.
PLAIN: tuple[dict[str, Any], dict[str, Any]] = {"overlap": 4, "other_rows": 0.1}, {}
PACKED: tuple[dict[str, Any], dict[str, Any]] = (
    {"gzip": True, "newline": "\r\n", "dates": "%d/%m/%Y %H:%M:%S.%f", "enumerations": "labels"},
    {"delimiter": ";", "quote": '"', "encoding": "windows-1252"},
)


@pytest.mark.parametrize(("form", "settings"), [PLAIN, PACKED], ids=["plain", "packed"])
def test_logs_are_read_once_in_order_and_put_away(
    events: EventStage, form: dict[str, Any], settings: dict[str, Any]
) -> None:
    # Given a campaign in delivery logs and tracking logs, some rows twice, some that tell of no event
    told = events.campaign(sends=200, campaign='Größe; "1"', files={"count": 5, **form, **settings}, **IN_FILES)
    files = [path.rpartition("/")[2] for path in told["files"]]
    assert len(files) == 10
    events.run("worker", "beat")

    # When they are read
    part = documents.files(afterwards="archive", archive_folder=DONE, **settings)
    events.start(events.save(part | {"date_formats": [form["dates"]] if "dates" in form else []}))

    # Then each event is there once with all its attributes, the failure beside the send where both were told
    events.wait_until_settled()
    events.wait_until(lambda: not names(events, FOLDER), "the files are put away")
    assert not events.letters()

    # And every file was read once, in the order of their names, and lies in the archive
    assert logged(events, "file_read") == sorted(files)
    assert names(events, DONE) == sorted(files)


def test_a_file_that_grows_is_left_until_it_is_whole(events: EventStage) -> None:
    # Given a part of a file
    told = events.campaign(sends=60, opens=0, files={"count": 1, "empty_files": False}, **IN_FILES)
    (path,) = told["files"]
    whole = events.admin.get(f"/sftp/files/{path}")
    events.admin.put(f"/sftp/files/{path}", {"base64": whole["base64"], "bytes": 300})
    events.run("worker", "beat")

    # When it grows, a piece at a time, for longer than files take to be whole
    events.start(events.save(documents.files(settled_seconds=3)))
    events.wait_until(lambda: events.workflow.cursor("events").number, "the folder has been looked at")
    begun = events.store.now_ms()
    while events.store.now_ms() < begun + 4_500:
        events.admin.post(f"/sftp/files/{path}", {"bytes": 100})
        events.wait_for_ticks(0.3)

    # Then nothing of it is read
    assert events.totals()["read"] == 0

    # When it is whole
    events.admin.post(f"/sftp/files/{path}")

    # Then it is read, once
    events.wait_until_settled()
    assert events.totals()["read"] == whole["text"].count("\n") - 1
    assert not events.letters()


def test_a_packed_file_without_its_end_is_not_read(events: EventStage) -> None:
    # Given a part of a packed file, which is taken for whole too early, and a whole one
    told = events.campaign(sends=60, files={"count": 1, "gzip": True}, **IN_FILES)
    early, late = told["files"]
    base = events.admin.get(f"/sftp/files/{late}")["base64"]
    events.admin.put(f"/sftp/files/{late}", {"base64": base, "bytes": 100})
    events.run("worker", "beat")

    # When they are read
    events.start(events.save(documents.files()))
    events.wait_until(lambda: events.workflow.troubles.get("events.read"), "what is wrong is shown")
    trouble = events.workflow.troubles.get("events.read")

    # Then the whole one is there, nothing of the other is, and that is said
    assert trouble is not None and late.rpartition("/")[2] in trouble.sentence and "not whole" in trouble.sentence
    events.travels = lambda event: event["kind"] in ("send", "bounce")
    events.wait_until_settled()

    # When it is whole
    events.admin.post(f"/sftp/files/{late}")
    events.travels = lambda event: True

    # Then it follows
    events.wait_until_settled()
    assert not events.letters()
    assert [*dict.fromkeys(logged(events, "file_read"))] == [name.rpartition("/")[2] for name in (early, late)]


def test_connections_that_break_off_cost_nothing(open_events: OpenEvents) -> None:
    # Given files of some size, and a server that tears every connection before a file is read to its end
    events = open_events(slice_seconds=1)
    told = events.campaign(sends=1500, files={"count": 1}, **IN_FILES)
    sizes = [file["size"] for file in events.admin.get("/sftp/files")["value"]]
    events.switch(sftp_drop_after_bytes=150_000)
    assert min(sizes) > 200_000
    events.run("worker", "beat")

    # When they are read, while logins and other requests fail, too
    events.faults(sftp={"rate_reset": 0.02, "rate_500": 0.02})
    revision = events.save(documents.files())
    while True:
        events.start(revision)
        events.wait_until(lambda: events.life.state is not State.STARTING, "the start-up checks have an outcome")
        if events.life.state is State.RUNNING:
            break
    events.wait_until(lambda: events.queue.backlog().total or events.writes(), "reading has begun")
    events.wait_until_read(told["events"] // 2)
    events.faults()
    events.switch(sftp_drop_after_bytes=None)

    # Then every event is there once
    events.wait_until_settled(60)
    assert not events.letters()
    assert sorted(set(logged(events, "file_read"))) == sorted(path.rpartition("/")[2] for path in told["files"])


def test_the_same_content_under_another_name_adds_nothing(events: EventStage) -> None:
    # Given the files of a campaign, and the same once more under other names, one of them packed
    told = events.campaign(files={"count": 1}, **IN_FILES)
    files = [events.admin.get(f"/sftp/files/{path}") for path in told["files"]]
    for number, file in enumerate(files):
        given: dict[str, Any] = {"text": file["text"]}
        if number == 0:
            given["gzip"] = True
        events.admin.put(f"/sftp/files/{FOLDER}/uploaded_again_{number}.txt{'.gz' * (number == 0)}", given)
    assert len(names(events, FOLDER)) == 2 * len(files) == 4
    events.run("worker", "beat")

    # When all are read
    events.start(events.save(documents.files(pattern="*")))
    events.wait_until_settled()

    # Then each event is there once, and nothing of the second ones was even queued
    events.wait_until(lambda: len(logged(events, "file_passed_over")) == len(files), "the second ones are passed over")
    assert events.totals()["read"] == sum(file["text"].count("\n") - 1 for file in files)
    assert events.totals()["unchanged"] == 0


def test_a_server_with_another_key_is_not_talked_to(events: EventStage) -> None:
    # Given a server that shows another key than the one that is pinned
    events.switch(sftp_host_key="other")
    events.campaign(files={"count": 1}, **IN_FILES)
    events.run("worker", "beat")

    # When the workflow starts
    events.start(events.save(documents.files()))

    # Then it fails, names the remedy, and did not log in there
    why = events.wait_for_failure()
    assert "connections.sftp.host_key" in why and "pin the new one" in why, why
    assert events.calls("sftp") == 0

    # When the server has its own key
    events.switch(sftp_host_key="first")
    events.start()

    # Then the files are read
    events.wait_until_settled()
