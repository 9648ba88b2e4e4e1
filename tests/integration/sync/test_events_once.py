"""Whatever dies whenever, and whatever comes twice or late: in the end each event is on its timeline, once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from connectors.errors import ConnectorError, Malformed, Throttled, Unreachable
from store.record_queue import RecordQueue
from sync import unknown_contacts
from sync.events.event import activity_id
from sync.streams import Slice
from tests.integration.sync.timeline import ANN, BOB, Egress, event

CAROL = "00000000-0000-4000-8000-00000000000c"
EVENTS = 12


class Died(BaseException):
    """The process is no more: nothing that it would have done afterwards happens."""


@contextmanager
def dying(of: str, after: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever calls this verb of the queue dies, before its effect or after it; what it held is taken back."""
    with monkeypatch.context() as patch:
        real = getattr(RecordQueue, of)

        def dies(queue: RecordQueue, *arguments: Any, **options: Any) -> Any:
            if after:
                real(queue, *arguments, **options)
            raise Died

        patch.setattr(RecordQueue, of, dies)
        with suppress(Died):
            yield


def take_back(egress: Egress) -> None:
    """The dead are found out: their leases and rights have run out."""
    egress.queue.reap(egress.workflow.now_ms() + 10**9)
    for right in ("reading", "writing"):
        for key in egress.redis.keys(f"*{right}*"):
            egress.redis.delete(key)


_ACTS = st.one_of(
    st.tuples(st.just("read"), st.just("")),
    st.tuples(st.just("write"), st.just("")),
    st.tuples(st.just("die"), st.sampled_from(["put_page", "lease", "settle"])),
    st.tuples(st.just("die after"), st.sampled_from(["put_page", "lease", "settle"])),
    st.tuples(st.sampled_from(["fail", "fail before"]), st.sampled_from(["torn", "unreachable", "throttled"])),
    st.tuples(st.just("restart"), st.just("")),
    st.tuples(st.just("contact"), st.just("")),
    st.tuples(st.just("replay"), st.sampled_from(["asked", "ended"])),
    st.tuples(st.just("elsewhere"), st.just("")),
)
_ERRORS: dict[str, ConnectorError] = {
    "torn": Malformed("dynamics", "torn"),
    "unreachable": Unreachable("dynamics", "no answer"),
    "throttled": Throttled("dynamics", "too many", wait=0.0),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pages=st.lists(st.lists(st.integers(0, EVENTS - 1), max_size=8), min_size=1, max_size=6),
    acts=st.lists(_ACTS, max_size=25),
)
def test_each_event_is_on_its_timeline_once(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, pages: list[list[int]], acts: list[tuple[str, str]]
) -> None:
    # Given pages in which events come twice and in any order, one contact not there yet
    redis.flushall()
    monkeypatch.setattr(unknown_contacts, "ASK_EVERY_MS", 0)
    egress = Egress(redis)
    people = [ANN, BOB, CAROL]
    for number, page in enumerate(pages):
        egress.events.add(
            *(event(one, ["send", "open", "click"][one % 3], people[one % 3]) for one in page),
            more=number + 1 < len(pages),
        )
    # When processes read, write, die and are told nonsense, in any order
    for act, what in acts:
        match act:
            case "read":
                egress.read(Slice(0, lambda: False))
            case "write":
                egress.write()
            case "die" | "die after":
                with dying(what, act == "die after", monkeypatch):
                    egress.carry()
                take_back(egress)
            case "fail":
                egress.timelines.failing.append(_ERRORS[what])
            case "fail before":
                egress.timelines.down.append(_ERRORS[what])
            case "restart":
                egress.start()
            case "replay":
                egress.workflow.replays.ask("events", "a test", "")
                egress.start()
                if what == "ended":
                    egress.workflow.replays.end("events", "a test")
            case "elsewhere":
                egress.start(place="there")
            case "contact":
                egress.timelines.contacts.add(CAROL)
        egress.let_time_pass()
    # And then are left in peace
    egress.timelines.failing.clear()
    egress.timelines.down.clear()
    egress.timelines.contacts.add(CAROL)
    egress.start()
    for _ in range(len(pages) + 30):
        egress.let_time_pass()
        egress.carry()
    # Then each event is an activity of its contact, created once, and nothing is left over
    expected = {
        activity_id(("send", "open", "click")[one % 3], f"e{one}"): people[one % 3] for page in pages for one in page
    }
    assert {key: one["contact"] for key, one in egress.timelines.activities.items()} == expected
    assert egress.timelines.created == len(expected)
    assert (egress.queue.backlog().total, egress.queue.backlog().dead) == (0, 0)
