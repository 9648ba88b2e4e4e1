"""The readers of consent side by side, on a sandbox: each change once, none delayed by another source, no echo."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from connectors.errors import Unreachable
from store.record_queue import Lane
from sync.consent import reading
from sync.consent.page import ConsentPage
from sync.streams import ReadEnd
from tests.integration.sync.consent_readers import ConsentReaders

FILES = {"settled_seconds": 0}
FAR = "2099-01-01 00:00:00.000Z"
HEAD = "externalId,blackListEmail,blackListMobile,blackListEmailLastModified,blackListMobileLastModified"


def poll_again(readers: ConsentReaders) -> None:
    """A reader that finds every source due."""
    readers.restart()
    readers.read_all()


def test_the_first_run_brings_every_profile_and_no_contact_behind_live_changes(readers: ConsentReaders) -> None:
    # When all is read for the first time
    readers.read_all()
    # Then each profile waits as Campaign told it, and contacts without one do not
    waiting = readers.waiting()
    assert set(waiting) == {readers.ann, readers.bob, readers.carol}
    assert {payload["from"] for payload in waiting.values()} == {"campaign"}
    assert waiting[readers.ann]["flags"]["blackListEmail"]["out"] is False
    assert readers.lanes() == {Lane.REPLAY}


def test_a_change_of_either_side_is_read_once_and_its_echo_never(readers: ConsentReaders) -> None:
    # Given both sides in step
    readers.settle()
    # When one contact opts out in Campaign, another one in Dynamics
    readers.profile(readers.ann, blackListEmail=True)
    readers.contact(readers.bob, donotemail=True)
    readers.read_all()
    # Then both wait, live
    waiting = readers.waiting()
    assert {id_: payload["from"] for id_, payload in waiting.items()} == {
        readers.ann: "campaign",
        readers.bob: "dynamics",
    }
    assert waiting[readers.ann]["flags"]["blackListEmail"]["out"] is True
    # And once they are written, nothing comes back, in another process either
    readers.settle()
    assert readers.flags(readers.ann) == readers.flags(readers.bob) == (True, True)
    writes = readers.writes()
    for _ in range(3):
        poll_again(readers)
        assert readers.waiting() == {}
    assert readers.writes() == writes


def test_changes_of_anything_else_cost_nothing(readers: ConsentReaders) -> None:
    readers.settle()
    readers.profile(readers.ann, phone="1")
    readers.contact(readers.bob, donotphone=True)
    readers.read_all()
    assert readers.waiting() == {}


def test_a_reader_returns_as_soon_as_something_is_to_be_written(
    readers: ConsentReaders, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a source that does not answer
    readers.settle()
    blocked, free = readers.source.parts["dynamics"], threading.Event()
    real = blocked.fetch

    def slow(position: str, timeout: float, most: int | None = None) -> ConsentPage:
        free.wait(20)
        return real(position, timeout, most)

    blocked.fetch = slow  # type: ignore[method-assign]
    readers.profile(readers.ann, blackListEmail=True)
    readers.contact(readers.bob, donotemail=True)
    # When a reader works that may take its time
    monkeypatch.setattr(reading, "WAIT_SECONDS", 60.0)
    readers.make_due()
    assert readers.read(seconds=60) is ReadEnd.CAUGHT_UP
    # Then it ends with what the other source has told
    assert set(readers.waiting()) == {readers.ann}
    # And what was slow is not lost: the next readers find it, without asking again
    free.set()
    readers.source.fetching.first(["dynamics"], 10)
    readers.make_due()
    blocked.fetch = lambda *_: pytest.fail("asked again")  # type: ignore[method-assign]
    for _ in range(3):
        readers.read()
    assert set(readers.waiting()) == {readers.ann, readers.bob}


def test_a_source_in_trouble_is_shown_and_delays_no_other(readers: ConsentReaders) -> None:
    # Given a filter that somebody has taken away, after all was in step, and a folder that is not there
    readers.use(files=FILES)
    readers.settle()
    readers.use(files={**FILES, "folder": "nowhere"})
    rules = readers.admin.get("/switches")["filters"]
    readers.admin.put("/switches", {"filters": {k: v for k, v in rules.items() if k != "byLastModified"}})
    # When a contact opts out in Dynamics
    readers.contact(readers.bob, donotemail=True)
    readers.read_all()
    # Then that is read, and both troubles are told
    assert set(readers.waiting()) == {readers.bob}
    troubles = readers.troubles()
    assert "byLastModified" in troubles["consent.poll"] and "nowhere" in troubles["consent.files"]
    # And when the filter is back, polling goes on by itself, and its trouble is over
    readers.admin.put("/switches", {"filters": rules})
    readers.profile(readers.ann, blackListEmail=True)
    readers.store.troubles.clear("consent.poll")
    poll_again(readers)
    assert readers.ann in readers.waiting() and "consent.poll" not in readers.troubles()


def test_versions_grow_strictly_whatever_the_source(readers: ConsentReaders) -> None:
    readers.settle()
    versions = [readers.position.version]
    for opted_out in (True, False, True):
        readers.profile(readers.ann, blackListEmail=opted_out)
        poll_again(readers)
        versions.append(readers.position.version)
        readers.contact(readers.ann, donotemail=opted_out)
        poll_again(readers)
        versions.append(readers.position.version)
    assert versions == sorted(set(versions))


def test_a_dead_change_token_makes_all_contacts_be_read_again(readers: ConsentReaders) -> None:
    # Given a token that has died with a change behind it
    readers.settle()
    readers.contact(readers.bob, donotemail=True)
    readers.admin.post("/dynamics/expire-delta")
    # When the readers go on
    poll_again(readers)
    # Then the change is found, and nobody else is queued
    assert set(readers.waiting()) == {readers.bob}
    # And changes are told again
    readers.settle()
    readers.contact(readers.carol, donotemail=True)
    poll_again(readers)
    assert set(readers.waiting()) == {readers.carol}


def test_one_way_does_not_read_dynamics(readers: ConsentReaders) -> None:
    readers.use(direction="campaign_to_dynamics")
    readers.settle()
    assert set(readers.position.parts) == {"poll", "latest"}
    readers.contact(readers.bob, donotemail=True)
    poll_again(readers)
    assert readers.waiting() == {}


def test_without_polling_the_first_run_queues_every_contact(readers: ConsentReaders) -> None:
    readers.use(files=FILES, poll=None)
    readers.read_all()
    assert set(readers.waiting()) == set(readers.admin.contacts())
    assert set(readers.position.parts) == {"dynamics", "files"}


# Files


def test_a_file_is_read_once_and_what_polling_has_told_costs_nothing(readers: ConsentReaders) -> None:
    # Given an opt-out that polling has told, and that was written
    readers.use(files=FILES)
    readers.settle()
    readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    writes = readers.writes()
    # When Campaign exports it
    readers.admin.post("/consent/export")
    poll_again(readers)
    # Then the file is read, and nothing comes of it
    assert readers.part("files").read_ms
    assert readers.waiting() == {} and readers.writes() == writes
    # And without polling its opt-outs arrive
    readers.use(poll=None)
    readers.profile(readers.bob, blackListEmail=True)
    readers.admin.post("/consent/export")
    readers.settle()
    assert readers.flags(readers.bob) == (True, True)


def test_bad_rows_are_set_aside_with_their_places_and_block_nothing(readers: ConsentReaders) -> None:
    # Given a file with a good row among bad ones
    readers.use(files=FILES)
    readers.settle()
    readers.put(
        "optout_1.csv",
        f",1,0,{FAR},",
        "no row at all",
        f"{readers.bob},maybe,0,{FAR},",
        f"{readers.ann},1,0,{FAR},",
        first=HEAD,
    )
    # And one without a needed column
    readers.put("optout_2.csv", f"{readers.carol},1", first="externalId,blackListEmail")
    # When they are read and written
    poll_again(readers)
    readers.settle()
    # Then whoever could not be read is a dead letter that names its place
    reasons = sorted(letter.reason.sentence for letter in readers.queue.dead_letters())
    assert len(reasons) == 3
    assert reasons[0].startswith("optout_1.csv line 2 (") and "externalId is empty" in reasons[0]
    assert reasons[1].startswith("optout_1.csv line 3 (") and "1 column" in reasons[1]
    assert "optout_2.csv has no column blackListMobile" in reasons[2]
    assert "optinout.files.columns.flags.blackListMobile" in reasons[2]
    # And what was not understood is told, and changed nothing
    notice = readers.part("files").notice
    assert notice is not None and "1 value of blackListEmail, first on its line 4" in notice.sentence
    assert readers.flags(readers.bob) == (False, False)


def test_a_row_that_is_older_than_what_waits_replaces_nothing(readers: ConsentReaders) -> None:
    # Given an opt-in of now that waits, told by polling
    readers.use(files=FILES)
    readers.settle()
    readers.profile(readers.ann, blackListEmail=True)
    readers.settle()
    readers.wait(10)
    readers.profile(readers.ann, blackListEmail=False)
    poll_again(readers)
    before = readers.waiting()[readers.ann]["flags"]["blackListEmail"]
    assert before["out"] is False
    # When a file of before says opted out
    readers.put("optout_1.csv", f"{readers.ann},1,0,2026-01-01 00:00:00.000Z,", first=HEAD)
    poll_again(readers)
    # Then the newer one still waits, and a row about somebody whose change in Dynamics waits has both sides read
    assert readers.waiting()[readers.ann]["flags"]["blackListEmail"] == before
    readers.contact(readers.bob, donotemail=True)
    poll_again(readers)
    readers.put("optout_2.csv", f"{readers.bob},1,1,{FAR},{FAR}", first=HEAD)
    poll_again(readers)
    assert readers.waiting()[readers.bob]["asks"] is True


# A replay


def test_a_replay_brings_everybody_once_more_behind_live_changes(readers: ConsentReaders) -> None:
    # Given all in step, and a replay that begins
    readers.settle()
    readers.store.replays.ask("consent", "a test", "")
    readers.store.replays.begin(readers.store.now_ms())
    # When a process reads
    poll_again(readers)
    # Then every profile waits once more, known or not, and the replay is over
    assert set(readers.waiting()) == {readers.ann, readers.bob, readers.carol}
    assert readers.lanes() == {Lane.REPLAY} and "again" not in readers.position.parts
    replay = readers.store.replays.began("consent")
    assert replay is not None and replay.over_ms is not None


def test_a_paced_replay_brings_no_more_at_once_than_two_seconds_worth(readers: ConsentReaders) -> None:
    # Given all in step, and a replay of one contact a second
    readers.settle()
    readers.store.replays.ask("consent", "a test", "", rate=1)
    readers.store.replays.begin(readers.store.now_ms())
    # When it is read, Then two wait, and the third comes when its time has come
    readers.read()
    assert len(readers.waiting()) == 2
    assert readers.part("again").busy


@pytest.mark.parametrize("name", ["poll", "latest", "dynamics"])
def test_a_page_tells_of_no_more_contacts_than_are_wanted(readers: ConsentReaders, name: str) -> None:
    readers.read_all()
    part = readers.source.parts[name]
    for one in (readers.ann, readers.bob, readers.carol):
        readers.profile(one, phone="1")
    page = part.fetch(part.beginning(None), 5, 2)
    assert len(page.told) == 2 and page.more


def test_a_replay_that_was_ended_reads_no_more(readers: ConsentReaders) -> None:
    # Given a replay under way that cannot be read for now
    readers.settle()
    readers.store.replays.ask("consent", "a test", "")
    readers.store.replays.begin(readers.store.now_ms())
    readers.restart()

    def down(position: str, timeout: float, most: int | None = None) -> ConsentPage:
        raise Unreachable("campaign", "Campaign does not answer")

    readers.source.parts["again"].fetch = down  # type: ignore[method-assign]
    readers.read()
    assert "again" in readers.position.parts
    assert "replay cancel optinout" in readers.troubles()["consent.again"]
    # When somebody ends it
    readers.store.replays.end("consent", "a test")
    readers.restart()
    readers.read_all()
    # Then it is over, and so is its trouble
    assert "again" not in readers.position.parts and readers.waiting() == {}
    assert "consent.again" not in readers.troubles()


def test_a_replay_begins_while_the_workflow_runs_and_stands_still_while_it_is_paused(readers: ConsentReaders) -> None:
    # Given all in step, and a replay that begins and is paused at once
    readers.settle()
    readers.store.replays.ask("consent", "a test", "")
    assert readers.store.replays.begin_now("consent", "a test")
    assert readers.store.replays.pause("consent", "a test")
    # When the same process reads on, and another one
    for _ in range(2):
        readers.restart()
        readers.make_due()
        readers.read()
    # Then nobody is looked at again, and nothing of the replay is lost
    assert readers.waiting() == {} and "again" in readers.position.parts
    # When it is resumed, Then everybody is
    assert readers.store.replays.resume("consent", "a test")
    poll_again(readers)
    assert set(readers.waiting()) == {readers.ann, readers.bob, readers.carol}
    assert "again" not in readers.position.parts


# The export workflow


def drive(readers: ConsentReaders) -> None:
    """Reads until the export workflow has answered and that is stored."""
    readers.read_all()
    if readers.source.driving.is_asked("export", readers.part("export").next):
        readers.source.driving.first(["export"], 10)
    readers.read_all()


def due(readers: ConsentReaders) -> None:
    """So much later that the workflow is looked at."""
    cursor, position = readers.store.cursor("consent"), readers.position
    part = position.parts["export"]
    behind = position.with_part("export", replace(part, due_ms=0))
    readers.queue.put_page(1, cursor.number, [], behind.dump())


def workflow(readers: ConsentReaders) -> Any:
    return readers.admin.get("/consent/workflow")


def test_the_export_workflow_is_started_when_it_is_stopped_then_signalled_and_not_too_often(
    readers: ConsentReaders,
) -> None:
    # Given a workflow that somebody has stopped
    readers.admin.put("/consent/workflow", {"state": "stopped"})
    readers.use(files=FILES, export_workflow={"id": "WKF123", "signal": "signal1"})
    # When the readers look
    drive(readers)
    # Then it is started, and looked at again soon, to be signalled
    assert [one["method"] for one in workflow(readers)["commands"]] == ["start"]
    assert 0 < readers.part("export").due_ms - readers.store.now_ms() <= 60_000
    due(readers)
    drive(readers)
    assert len(workflow(readers)["signals"]) == 1
    # And no process does so again before its time, after a restart either
    for _ in range(3):
        readers.restart()
        drive(readers)
    assert len(workflow(readers)["signals"]) == 1
    assert 590_000 < readers.part("export").due_ms - readers.store.now_ms() <= 600_000


def test_a_signal_that_comes_too_soon_is_no_trouble(readers: ConsentReaders) -> None:
    readers.use(files=FILES, export_workflow={"id": "WKF123", "signal": "signal1"})
    drive(readers)
    due(readers)
    drive(readers)
    assert "consent.export" not in readers.troubles()
    assert readers.part("export").due_ms > readers.store.now_ms()


@pytest.mark.parametrize(
    ("state", "settings", "sentence"),
    [
        ("paused", {"signal": "signal1"}, "is paused, and nothing is exported: resume it"),
        ("stopped", {"signal": "signal1", "start": False}, "is stopped, and nothing is exported: start it"),
        ("started", {"signal": "other"}, "no such signal activity"),
        ("started", {"id": "WKF9", "signal": "signal1"}, "no workflow with this ID"),
    ],
)
def test_trouble_with_the_export_workflow_is_shown_and_delays_nothing(
    readers: ConsentReaders, state: str, settings: dict[str, Any], sentence: str
) -> None:
    readers.settle()
    readers.admin.put("/consent/workflow", {"state": state})
    readers.use(files=FILES, export_workflow={"id": "WKF123", **settings})
    readers.profile(readers.ann, blackListEmail=True)
    drive(readers)
    assert sentence in readers.troubles()["consent.export"]
    assert set(readers.waiting()) == {readers.ann}
    assert workflow(readers)["signals"] == []
    # And once all is well, it is over
    readers.admin.put("/consent/workflow", {"state": "started"})
    readers.use(export_workflow={"id": "WKF123", "signal": "signal1"})
    due(readers)
    drive(readers)
    assert "consent.export" not in readers.troubles()


def test_a_process_that_dies_before_its_signal_costs_one_signal_and_never_sends_two(readers: ConsentReaders) -> None:
    # Given a process that has stored that it will signal, and dies
    readers.use(files=FILES, export_workflow={"id": "WKF123", "signal": "signal1"})
    readers.source.driving.begin = lambda *_: None  # type: ignore[method-assign]
    readers.read()
    # When others read
    for _ in range(3):
        readers.restart()
        drive(readers)
    # Then it is their turn only when it is due again
    assert workflow(readers)["signals"] == []
    due(readers)
    drive(readers)
    assert len(workflow(readers)["signals"]) == 1
