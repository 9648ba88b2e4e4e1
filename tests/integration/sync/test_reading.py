import threading
from typing import Any

import pytest

from connectors.dynamics_pages import Page
from connectors.errors import CursorExpired, Stop, Unavailable
from store.ledger import Entry, Standing
from store.record_queue import Lane, RecordQueue, Stored, Written
from store.store import Store, WorkflowStore
from sync import patience
from sync.reading import read_slice
from sync.streams import ReadEnd, Slice, Stream, kind_of
from sync.tables.position import Phase, Position
from tests.integration.sync.conftest import ScriptedSource, gone, row


def waiting(workflow: WorkflowStore) -> dict[str, tuple[int, Lane, bytes]]:
    """Everything on the queue, by leasing it all; of what goes only the kind, not when that was read."""
    batch = workflow.queue("contact").lease(1, 500, 60_000)
    return {
        record.id: (record.version, record.lane, kind_of(record.payload) or record.payload) for record in batch.records
    }


def position(workflow: WorkflowStore) -> Position:
    return Position.load(workflow.cursor("contact").value)


def test_a_first_run_reads_every_page_and_ends_at_the_change_token(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a table of two pages
    source.pages[""] = Page([row("a", 5), row("b", 9)], "next", None)
    source.pages["next"] = Page([row("c", 2)], None, "delta-1")
    # When a slice reads
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.CAUGHT_UP
    # Then every row waits in the replay lane, and the position asks for changes from now on
    assert {record: kept[:2] for record, kept in waiting(workflow).items()} == {
        "a": (10, Lane.REPLAY),
        "b": (18, Lane.REPLAY),
        "c": (4, Lane.REPLAY),
    }
    now = position(workflow)
    assert (now.phase, now.link, now.highest, now.settled, now.rows, now.expected) == (
        Phase.CHANGES, "delta-1", 9, 9, 3, 7,
    )  # fmt: skip


def test_changes_overtake_the_first_run_and_deletions_come_with_them(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a first run that was read and not yet written, then a change of one record and the deletion of another
    source.pages[""] = Page([row("a", 5), row("b", 9), row("c", 2)], None, "delta-1")
    source.pages["delta-1"] = Page([row("c", 12), gone("a")], None, "delta-2")
    read_slice(stream, workflow, 1, piece)
    # When the changes are read
    read_slice(stream, workflow, 1, piece)
    # Then they stand in the live lane, the deletion newer than every version of its record seen before
    kept = waiting(workflow)
    assert kept["a"] == (19, Lane.LIVE, b"null")
    assert kept["c"][:2] == (24, Lane.LIVE)
    assert list(kept) == ["c", "a", "b"]


@pytest.mark.parametrize("order", [["row", "deletion"], ["deletion", "row"]])
def test_a_record_deleted_and_created_again_within_one_round_lives(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice, order: list[str]
) -> None:
    # Given a round of changes that holds both, on different pages, in either order
    rows = {"row": row("a", 12), "deletion": gone("a")}
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    source.pages["delta-1"] = Page([rows[order[0]]], "more", None)
    source.pages["more"] = Page([rows[order[1]]], None, "delta-2")
    # When all of it is read
    read_slice(stream, workflow, 1, piece)
    read_slice(stream, workflow, 1, piece)
    # Then the live row waits, not the deletion
    assert waiting(workflow)["a"][0] == 24


def test_deletions_are_left_out_where_the_mapping_does_not_apply_them(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a mapping that ignores deletions
    source.wants_deletions = False
    source.pages[""] = Page([], None, "delta-1")
    source.pages["delta-1"] = Page([gone("a")], None, "delta-2")
    # When a deletion is read
    read_slice(stream, workflow, 1, piece)
    read_slice(stream, workflow, 1, piece)
    # Then nothing waits
    assert workflow.queue("contact").backlog().total == 0


def test_an_idle_table_costs_redis_nothing(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a table that was just read
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    source.pages["delta-1"] = Page([], None, "delta-2")
    read_slice(stream, workflow, 1, piece)
    before = workflow.cursor("contact")
    # When it is asked again and nothing has changed
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.CAUGHT_UP
    # Then the position is not written again, and stays good
    assert workflow.cursor("contact") == before


def test_an_expired_change_token_leads_to_a_full_read(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a position whose token has died meanwhile
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    read_slice(stream, workflow, 1, piece)
    source.pages["delta-1"] = CursorExpired("dynamics", "the token has expired")
    source.pages[""] = Page([row("a", 5), row("b", 11)], None, "delta-9")
    # When it is read
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.CAUGHT_UP
    # Then everything was read again, and reading goes on from the new token
    assert source.asked == ["", "delta-1", ""]
    assert position(workflow).link == "delta-9"
    assert waiting(workflow).keys() == {"a", "b"}


def test_trouble_is_shown_and_reading_goes_on_by_itself(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a source that is down
    monkeypatch.setattr(patience, "FIRST_WAIT", 0)
    source.pages[""] = Unavailable("dynamics", "Dynamics is not available (503)", wait=0)
    # When it is read, nothing is lost and the trouble says why
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.WAITING
    [trouble] = workflow.troubles.all()
    assert (trouble.where, trouble.sentence) == ("contact.read", "Dynamics is not available (503)")
    # Then, when it answers again, the trouble is over
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.CAUGHT_UP
    assert workflow.troubles.all() == []


def test_a_system_that_asked_for_a_pause_is_left_alone_until_then(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a source that asked for a minute of silence
    source.pages[""] = Unavailable("dynamics", "busy", wait=60)
    read_slice(stream, workflow, 1, piece)
    # When the next slice comes
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.WAITING
    # Then nothing was asked
    assert source.asked == [""]


def test_a_system_that_wants_to_be_asked_again_now_is_not_asked_in_a_hot_loop(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a source that is down and says "Retry-After: 0"
    monkeypatch.setattr(patience, "FIRST_WAIT", 60)
    source.pages[""] = Unavailable("dynamics", "busy", wait=0)
    # When slice after slice comes
    for _ in range(3):
        assert read_slice(stream, workflow, 1, piece) is ReadEnd.WAITING
    # Then it was asked once
    assert source.asked == [""]


def test_reading_pauses_at_the_high_water_mark_and_keeps_its_place(
    store: Store, workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a mark of two records, and two that wait
    small = Store(store.redis, "test", high_water=2).workflow("ingress")
    source.pages[""] = Page([row("a", 1), row("b", 2)], "next", None)
    source.pages["next"] = Page([row("c", 3)], None, "delta-1")
    # When a slice reads
    assert read_slice(stream, small, 1, piece) is ReadEnd.FULL
    # Then the second page was not stored and the position still stands before it
    assert position(small).link == "next"
    # And when writers have drained the queue, reading goes on from there
    queue = small.queue("contact")
    batch = queue.lease(1, 500, 60_000)
    entry = Entry(Standing.PRESENT, 1, 0, bytes(8))
    queue.settle(batch.number, [Written(record.id, entry) for record in batch.records])
    assert read_slice(stream, small, 1, piece) is ReadEnd.CAUGHT_UP
    assert waiting(small).keys() == {"c"}


def test_an_outage_begins_when_it_begins_however_long_reading_waited_for_writing(
    store: Store,
    workflow: WorkflowStore,
    stream: Stream,
    source: ScriptedSource,
    piece: Slice,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given reading that waits for writing
    monkeypatch.setattr(patience, "FIRST_WAIT", 0)
    small = Store(store.redis, "test", high_water=1).workflow("ingress")
    source.pages[""] = Page([row("a", 1)], "next", None)
    source.pages["next"] = Unavailable("dynamics", "busy", wait=0)
    assert read_slice(stream, small, 1, piece) is ReadEnd.FULL
    [waits] = small.troubles.all()
    assert waits.is_none
    # When it may read again, and its system is away
    queue = small.queue("contact")
    batch = queue.lease(1, 500, 60_000)
    queue.settle(batch.number, [Written("a", Entry(Standing.PRESENT, 1, 0, bytes(8)))])
    began_ms = small.now_ms()
    assert read_slice(stream, small, 1, piece) is ReadEnd.WAITING
    # Then that is told, since now, and nothing else
    [trouble] = small.troubles.all()
    assert (trouble.sentence, trouble.is_none) == ("busy", False) and trouble.since_ms >= began_ms
    # And once it has read, nothing is
    source.pages["next"] = Page([], None, "delta-1")
    assert read_slice(stream, small, 1, piece) is ReadEnd.CAUGHT_UP
    assert small.troubles.all() == []


def test_two_readers_never_ask_for_the_same_page_at_the_same_time(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a reader at work
    with workflow.reading_right("contact") as held:
        assert held
        # When a doubled tick brings a second one
        assert read_slice(stream, workflow, 1, piece) is ReadEnd.HELD
    # Then it asked nothing
    assert source.asked == []


def test_a_reader_of_an_earlier_generation_stores_nothing(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a reader that began before the workflow was stopped
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    workflow.lifecycle.stop("a test", "")
    # When its page arrives
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.STOPPED
    # Then neither the record nor the position is stored
    assert workflow.queue("contact").backlog().total == 0
    assert workflow.cursor("contact").value == ""


def test_what_only_people_can_mend_is_passed_on(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    source.pages[""] = Stop("dynamics", "the credentials are refused")
    with pytest.raises(Stop):
        read_slice(stream, workflow, 1, piece)


def test_the_next_page_is_on_its_way_while_this_one_is_stored(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a store that takes its time with the first page, until the second has been asked for
    source.pages[""] = Page([row("a", 5)], "next", None)
    source.pages["next"] = Page([row("b", 6)], None, "delta-1")
    asked, real = threading.Event(), source.follow

    def follow(link: str, timeout: float) -> Page:
        if link == "next":
            asked.set()
        return real(link, timeout)

    put_page = RecordQueue.put_page

    def put_slowly(queue: RecordQueue, *arguments: Any, **named: Any) -> Stored:
        assert asked.wait(10)
        return put_page(queue, *arguments, **named)

    monkeypatch.setattr(source, "follow", follow)
    monkeypatch.setattr(RecordQueue, "put_page", put_slowly)
    # When a slice reads, then both arrive, each asked for once
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.CAUGHT_UP
    assert source.asked == ["", "next"]
    assert waiting(workflow).keys() == {"a", "b"}


def test_a_process_that_shuts_down_does_not_wait_for_a_slow_page(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a page that does not come
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    asked, come, real = threading.Event(), threading.Event(), source.first_page

    def first_page(timeout: float) -> Page:
        asked.set()
        come.wait(60)
        return real(timeout)

    monkeypatch.setattr(source, "first_page", first_page)
    # When the process is told to end meanwhile
    assert read_slice(stream, workflow, 1, Slice(60, asked.is_set)) is ReadEnd.STOPPED
    # Then the slice is over before the page, and nothing is stored
    come.set()
    assert position(workflow).link == ""


def test_a_token_that_expires_again_and_again_is_trouble_and_not_one_full_read_after_another(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given change tokens that Dynamics does not accept
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    source.pages["delta-1"] = CursorExpired("dynamics", "expired")
    read_slice(stream, workflow, 1, piece)
    # When they are used
    read_slice(stream, workflow, 1, piece)
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.WAITING
    # Then everything was read again once, and the trouble is shown
    assert source.asked == ["", "delta-1", "", "delta-1"]
    [trouble] = workflow.troubles.all()
    assert trouble.sentence == "The change token expired again soon after everything had been read anew"


def confirm_all(workflow: WorkflowStore) -> None:
    queue = workflow.queue("contact")
    batch = queue.lease(1, 500, 60_000)
    queue.settle(batch.number, [Written(r.id, Entry(Standing.PRESENT, r.version, 0, bytes(8))) for r in batch.records])


def test_a_changed_mapping_reaches_what_was_read_before_it_and_loses_no_deletion(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a table that was read to its end and written
    source.pages[""] = Page([row("a", 5), row("b", 9)], None, "delta-1")
    read_slice(stream, workflow, 1, piece)
    confirm_all(workflow)
    # And a deletion and a change that nobody has read when the mapping changes
    source.mapping = "m2"
    source.pages[""] = Page([row("b", 12)], None, "delta-2")
    source.pages["delta-1"] = Page([row("b", 12), gone("a")], None, "delta-1b")
    source.pages["delta-2"] = Page([], None, "delta-3")
    # When it is read
    assert read_slice(stream, workflow, 1, piece) is ReadEnd.CAUGHT_UP
    # Then everything is read again, once, and the deletion is not forgotten
    kept = waiting(workflow)
    assert (kept["b"][0], kept["a"]) == (24, (19, Lane.LIVE, b"null"))
    assert source.asked == ["", "", "delta-1", "delta-2"]
    assert position(workflow).left is None


def test_a_mapping_that_changes_in_the_middle_of_the_first_run_loses_no_deletion(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource
) -> None:
    # Given a first run of which one page was read and written
    source.pages[""] = Page([row("a", 5), row("b", 9)], "next-1", None)
    source.pages["next-1"] = Page([row("c", 3)], None, "delta-1")
    read_slice(stream, workflow, 1, Slice(0, lambda: False))
    confirm_all(workflow)
    assert position(workflow).link == "next-1"
    # When the mapping changes, and a record of that page is deleted
    source.mapping = "m2"
    source.pages[""] = Page([row("b", 9), row("c", 3)], None, "delta-2")
    source.pages["delta-1"] = Page([gone("a")], None, "delta-1b")
    source.pages["delta-2"] = Page([], None, "delta-3")
    assert read_slice(stream, workflow, 1, Slice(10, lambda: False)) is ReadEnd.CAUGHT_UP
    # Then the scan that was left is led to its token, and the token tells of the deletion
    assert waiting(workflow)["a"] == (19, Lane.LIVE, b"null")
    assert source.asked[-4:] == ["", "next-1", "delta-1", "delta-2"]


def test_a_round_that_ends_with_an_empty_page_is_over(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a round of changes whose first page holds a deletion alone, and whose last page nothing
    source.pages[""] = Page([row("a", 5)], None, "delta-1")
    source.pages["delta-1"] = Page([gone("a")], "more", None)
    source.pages["more"] = Page([], None, "delta-2")
    # When it is read
    for _ in range(2):
        read_slice(stream, workflow, 1, piece)
    # Then reading goes on from the new token
    assert position(workflow).link == "delta-2"


def test_above_the_high_water_mark_nothing_is_asked_for(
    store: Store, stream: Stream, source: ScriptedSource, piece: Slice, workflow: WorkflowStore
) -> None:
    # Given a full queue
    small = Store(store.redis, "test", high_water=1).workflow("ingress")
    source.pages[""] = Page([row("a", 1)], "next", None)
    source.pages["next"] = Page([row("b", 2)], None, "delta-1")
    read_slice(stream, small, 1, piece)
    # When further slices come
    for _ in range(3):
        assert read_slice(stream, small, 1, piece) is ReadEnd.FULL
    # Then no page was fetched to be thrown away, except the one that was on its way when the queue became full
    assert source.asked in ([""], ["", "next"])
