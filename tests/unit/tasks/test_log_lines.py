"""Which lines stand in the file of which day. The store is a pretend Redis, and so are the times."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fakeredis import FakeRedis

from store.acts import Acts
from store.lifecycle import Life, State
from store.log_export import Day, Moment, Told
from store.outcomes import Reason
from store.statistics import WHATS
from store.store import Store, WorkflowStore
from tasks import log_lines
from tasks.log_lines import collect, day_of

#: Midnight between the first two days of November 2026, UTC.
MIDNIGHT = 1_793_577_600_000
HOUR = 3_600_000
STOPPED = Life(State.STOPPED, 2, None, "", "", 1)
RUNNING = Life(State.RUNNING, 1, None, "", "", 1)


@pytest.fixture
def workflow() -> Iterator[WorkflowStore]:
    with FakeRedis(version=(7,)) as redis:
        workflow = Store(redis, "production").workflow("ingress")
        workflow.lifecycle.add_streams(["contact"])
        yield workflow


def totals(**counts: int) -> dict[str, dict[str, int]]:
    return {"contact": dict.fromkeys(WHATS, 0) | counts}


def enter(workflow: WorkflowStore, at_ms: int, action: str) -> None:
    """Something that somebody did."""
    fields: dict[Any, Any] = {"at": at_ms, "by": "ann", "action": action, "why": "", "from": "A", "to": "B"}
    workflow._redis.xadd(workflow.keys.log, fields, id=f"{at_ms}-0")


def set_aside(workflow: WorkflowStore, at_ms: int, *ids: str, kind: str = "refused") -> None:
    reason = orjson.dumps(Reason(kind, "why"))
    for record_id in ids:
        letter = b"%d 1 %d " % (at_ms, len(reason)) + reason + b"1 %d l {}" % at_ms
        workflow._redis.hset(workflow.keys.stream("contact").dead, record_id, letter)


def told_at(at_ms: int, days: dict[str, Day] | None = None, **counts: int) -> Told:
    return Told(1, at_ms, totals(**counts), days or {})


def shown(workflow: WorkflowStore, life: Life, told: Told | None, now: Moment) -> dict[str, list[str]]:
    """By day, what each line is about."""
    found = collect(workflow, life, told, now).packed("production", "ingress")
    lines = {day: [orjson.loads(line) for line in content.splitlines()] for day, content in found.items()}
    return {day: [_shown(line) for line in of_day] for day, of_day in lines.items()}


def _shown(line: dict[str, object]) -> str:
    about = line.get("action") or line.get("id") or line.get("count") or f"read {line.get('read')}"
    return f"{str(line['at'])[11:19]} {about}"


def test_what_somebody_did_is_told_with_its_origin_and_what_the_workflow_did_has_none(workflow: WorkflowStore) -> None:
    # Given an act of a person, and one of the workflow itself
    by_ann = Acts(workflow._redis, workflow.keys, "ann@build7")
    by_ann.note("reveal", "ann", "the dead letter 1", "contact", now_ms=MIDNIGHT)
    workflow.acts.note("fail", "start-up checks", "no answer", now_ms=MIDNIGHT + 1)
    # When both are told
    now = Moment(workflow.now_ms() + HOUR, {})
    lines = b"".join(collect(workflow, RUNNING, told_at(MIDNIGHT), now).packed("production", "ingress").values())
    # Then the first has an origin
    assert [orjson.loads(line).get("origin") for line in lines.splitlines()] == ["ann@build7", None]


def test_everything_stands_in_the_file_of_its_day(workflow: WorkflowStore) -> None:
    # Given what happened before and after midnight
    for minute, action in ((-90, "told before"), (-10, "late"), (10, "early")):
        enter(workflow, MIDNIGHT + minute * 60_000, action)
    set_aside(workflow, MIDNIGHT - 1, "r-1")
    set_aside(workflow, MIDNIGHT, "r-2")
    # When it is told at one o'clock what was since eleven, then counts stand where their hour began
    now = Moment(MIDNIGHT + HOUR, totals(read=7))
    assert shown(workflow, RUNNING, told_at(MIDNIGHT - HOUR, read=2), now) == {
        "20261101": ["23:50:00 late", "23:59:59 r-1", "01:00:00 read 5"],
        "20261102": ["00:00:00 r-2", "00:10:00 early"],
    }


def test_the_spans_of_two_exports_meet_without_a_gap(workflow: WorkflowStore) -> None:
    # Given something that happened in the very ms of an export
    enter(workflow, MIDNIGHT + 5, "then")
    set_aside(workflow, MIDNIGHT + 5, "r-1")
    # Then the next one tells it, and this one does not
    assert shown(workflow, STOPPED, told_at(MIDNIGHT), Moment(MIDNIGHT + 5, totals())) == {}
    (lines,) = shown(workflow, STOPPED, told_at(MIDNIGHT + 5), Moment(MIDNIGHT + 6, totals())).values()
    assert lines == ["00:00:00 then", "00:00:00 r-1"]


def test_the_first_export_begins_with_the_day(workflow: WorkflowStore) -> None:
    enter(workflow, MIDNIGHT - 1, "yesterday")
    enter(workflow, MIDNIGHT + 1, "today")
    # Given a workflow of which nothing was ever told; then the counts of all its life are none of today's
    found = shown(workflow, RUNNING, None, Moment(MIDNIGHT + HOUR, totals(read=1000)))
    assert found == {"20261102": ["00:00:00 today"]}


def test_a_workflow_that_runs_tells_its_counts_and_one_that_is_off_only_what_has_changed(
    workflow: WorkflowStore,
) -> None:
    now = Moment(MIDNIGHT + HOUR, totals(read=5))
    assert shown(workflow, RUNNING, told_at(MIDNIGHT, read=5), now) == {"20261102": ["01:00:00 read 0"]}
    assert shown(workflow, STOPPED, told_at(MIDNIGHT, read=5), now) == {}
    assert shown(workflow, STOPPED, told_at(MIDNIGHT, read=4), now) == {"20261102": ["01:00:00 read 1"]}


def test_of_very_many_records_set_aside_a_day_only_the_number_is_told(
    workflow: WorkflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a limit of three a day, of which one is used
    monkeypatch.setattr(log_lines, "ASIDE_A_DAY", 3)
    told = told_at(MIDNIGHT, {"20261102": Day(parts=1, written=1, aside=1)})
    set_aside(workflow, MIDNIGHT + 1, *(f"r-{number}" for number in range(10)))
    # When ten more are set aside, then two have a line, and eight a common one
    found = collect(workflow, STOPPED, told, Moment(MIDNIGHT + HOUR, totals()))
    lines = [orjson.loads(line) for line in found.packed("production", "ingress")["20261102"].splitlines()]
    assert [line["event"] for line in lines] == ["set_aside", "set_aside", "set_aside_more"]
    assert (lines[-1]["kind"], lines[-1]["count"], found.aside["20261102"]) == ("refused", 8, 2)


def test_a_day_begins_at_midnight_of_utc() -> None:
    assert (day_of(MIDNIGHT - 1), day_of(MIDNIGHT)) == ("20261101", "20261102")
