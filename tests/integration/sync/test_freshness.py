"""From a change to its confirmed write: what counts, since when, and under which trace its log lines stand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from redis import Redis
from structlog.testing import capture_logs

from connectors.dynamics_pages import Page, Row
from connectors.errors import Refused
from store.freshness import FRESHNESS, OPTOUT
from store.ledger import Entry
from store.record_queue import Leased, Outcome
from store.store import WorkflowStore
from sync.reading import read_slice
from sync.streams import Send, Slice, Stream
from sync.tables.position import Position
from sync.writing import write_slice
from tests.integration.sync.conftest import ScriptedSource, ScriptedTarget, gone, row
from tests.integration.sync.timeline import Egress, event

HOUR = 3_600_000


def write(workflow: WorkflowStore, stream: Stream, piece: Slice) -> None:
    write_slice(stream, {stream.name: stream}, workflow, 1, 0, piece, 60.0, batch_size=100)


def measured(workflow: WorkflowStore, stream: str = "contact") -> dict[int, int]:
    """How many changes took no longer than a minute, an hour, a day."""
    found = workflow.freshness(stream).since_ever().get(FRESHNESS)
    return {seconds: found.within(seconds) if found else 0 for seconds in (60, 3600, 86_400)}


def known_since(workflow: WorkflowStore, at_ms: int) -> None:
    """Everything until this time was told when the table was read last."""
    cursor = workflow.cursor("contact")
    position = replace(Position.load(cursor.value), token_ms=at_ms)
    workflow.queue("contact").put_page(1, cursor.number, [], position.dump())


def logged(entries: Sequence[Any], action: str) -> list[dict[str, Any]]:
    return [dict(entry) for entry in entries if entry.get("action") == action]


@pytest.fixture
def read_once(workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice) -> None:
    """A table of two rows that was read, written, and changes since: one of them, and the other is deleted."""
    source.pages[""] = Page([row("a", 5), row("b", 6)], None, "delta-1")
    source.pages["delta-1"] = Page([Row("a", 7, {"lastname": "new"}), gone("b")], None, "delta-2")
    source.pages["delta-2"] = Page([], None, "delta-3")
    read_slice(stream, workflow, 1, piece)
    write(workflow, stream, piece)


@pytest.mark.usefixtures("read_once")
def test_a_full_read_says_nothing_of_freshness(workflow: WorkflowStore) -> None:
    assert workflow.statistics("contact", 0).totals["written"] == 2
    assert measured(workflow) == {60: 0, 3600: 0, 86_400: 0}


@pytest.mark.usefixtures("read_once")
def test_changes_and_deletions_are_measured_when_they_are_confirmed(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a change that is refused at first, and a deletion
    def refuse(send: Send) -> None:
        if send.record.id == "a":
            raise Refused("campaign", "no")

    read_slice(stream, workflow, 1, piece)
    assert measured(workflow)[60] == 0
    target.before = refuse
    # When they are written
    write(workflow, stream, piece)
    # Then what was confirmed is measured, what was refused is not
    assert measured(workflow) == {60: 1, 3600: 1, 86_400: 1}


@pytest.mark.usefixtures("read_once")
def test_a_confirmation_that_is_not_believed_is_not_measured(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a writer whose lease is ended by others while its first request is under way
    def reap(send: Send) -> None:
        target.before = lambda send: None
        workflow.queue("contact").reap(workflow.now_ms() + HOUR)

    read_slice(stream, workflow, 1, piece)
    target.before = reap
    # When it writes, and the records that came back are written once more
    write(workflow, stream, piece)
    # Then each change is measured once, and not twice
    assert len(target.sent) > 4
    assert measured(workflow)[60] == 2


@pytest.mark.usefixtures("read_once")
def test_a_change_counts_from_the_last_moment_at_which_it_had_not_happened(
    workflow: WorkflowStore, stream: Stream, piece: Slice
) -> None:
    # Given a table that nobody has read for half an hour
    known_since(workflow, workflow.now_ms() - HOUR // 2)
    # When its changes are read and written at once
    read_slice(stream, workflow, 1, piece)
    write(workflow, stream, piece)
    # Then they may have waited for that half hour, and so it is counted
    assert measured(workflow) == {60: 0, 3600: 2, 86_400: 2}


@pytest.mark.usefixtures("read_once")
def test_what_waits_longer_than_its_page_is_known_counts_from_its_place_on_the_queue(
    workflow: WorkflowStore, stream: Stream, piece: Slice, redis: Redis
) -> None:
    read_slice(stream, workflow, 1, piece)
    redis.delete(workflow.keys.stream("contact").pages)
    write(workflow, stream, piece)
    assert measured(workflow)[60] == 2


def test_an_event_counts_from_the_time_that_it_tells(redis: Redis) -> None:
    # Given an event of now, one of yesterday noon, and one that is on its timeline already
    egress, now = Egress(redis), datetime.now(UTC)
    earlier = now - timedelta(days=0.5)
    first, second, third = (event(i, eventDate=at.isoformat()) for i, at in enumerate((now, earlier, now)))
    egress.events.add(first, second, third, more=False, wait=60)
    egress.events.add(third, first, more=False, wait=60)
    egress.carry()
    # Then each is measured once, by its own time
    assert measured(egress.workflow, "events") == {60: 2, 3600: 2, 86_400: 3}


@pytest.mark.usefixtures("read_once")
def test_an_opt_out_is_measured_apart_by_the_system_that_it_comes_to(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a target that says of one record that it brings an opt-out of three hours ago
    plain = target.prepare
    since_ms = workflow.now_ms() - 3 * HOUR

    def prepare(record: Leased, entry: Entry | None) -> Send | Outcome:
        send = plain(record, entry)
        if isinstance(send, Send) and record.id == "a":
            send.opt_outs = ((OPTOUT["dynamics"], since_ms),)
        return send

    monkeypatch.setattr(target, "prepare", prepare)
    read_slice(stream, workflow, 1, piece)
    write(workflow, stream, piece)
    # Then it is counted under its own measure, and as a change like all others
    found = workflow.freshness("contact").since_ever()
    assert (found[OPTOUT["dynamics"]].total, found[OPTOUT["dynamics"]].within(3600)) == (1, 0)
    assert found[FRESHNESS].within(60) == 2


@pytest.mark.usefixtures("read_once")
def test_one_trace_leads_from_the_page_to_the_batch_and_to_the_refusal(
    workflow: WorkflowStore, stream: Stream, target: ScriptedTarget, piece: Slice
) -> None:
    # Given a change that the target refuses
    def refuse(send: Send) -> None:
        raise Refused("campaign", "no")

    target.before = refuse
    # When it is read and written
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        read_slice(stream, workflow, 1, piece)
        write(workflow, stream, piece)
    # Then one id stands in the lines of the page, the batch and the refusals
    [page], [batch], refusals = (logged(entries, name) for name in ("page_read", "batch_written", "record_refused"))
    assert len(page["trace_id"]) == 32
    assert {page["trace_id"]} == {batch["trace_id"], *(one["trace_id"] for one in refusals)}
    assert (batch["records"], batch["refused"], len(refusals)) == (2, 2, 2)


def test_a_batch_of_several_pages_names_their_traces(
    workflow: WorkflowStore, stream: Stream, source: ScriptedSource, piece: Slice
) -> None:
    # Given a first run of two pages
    source.pages[""] = Page([row("a", 5)], "next", None)
    source.pages["next"] = Page([row("b", 6)], None, "delta-1")
    # When both are written in one batch
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as entries:
        read_slice(stream, workflow, 1, piece)
        write(workflow, stream, piece)
    # Then its line has a trace of its own, and names theirs
    pages, [batch] = logged(entries, "page_read"), logged(entries, "batch_written")
    assert sorted(batch["of_traces"]) == sorted(page["trace_id"] for page in pages)
    assert batch["trace_id"] not in batch["of_traces"]
