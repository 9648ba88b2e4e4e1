"""Makers of a load who die or fall asleep at any step, and what must be true in the end."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest

from connectors.campaign_workflows import Workflows
from connectors.sftp import Sftp
from store.loads import Loads
from store.record_queue import RecordQueue
from store.records import NEVER_MS
from sync.loading.collecting import Collector
from tests.integration.sync.loading_stage import LoadStage

Hook = Callable[..., Any]


class Crash(BaseException):
    """The process is gone: nothing of what it would do on its way out is done."""


def crash(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, when: str, nth: int = 1) -> list[str]:
    """The process dies before or after the nth call of a method; what comes after is another one. Says that it did."""
    original: Hook = getattr(owner, method)
    calls: list[str] = []

    def dying(self: Any, *args: Any, **given: Any) -> Any:
        calls.append(method)
        if len(calls) == nth:
            monkeypatch.setattr(Collector, "_abandon", lambda *args: None)
            if when == "after":
                with suppress(Exception):
                    original(self, *args, **given)
            raise Crash
        return original(self, *args, **given)

    monkeypatch.setattr(owner, method, dying)
    return calls


def leases_run_out(stage: LoadStage) -> None:
    """So much later: those that are held by a load never do."""
    for number in cast(list[bytes], stage.redis.zrangebyscore(stage.queue.keys.batches, 0, f"({NEVER_MS}")):
        stage.redis.zadd(stage.queue.keys.batches, {number: 1})
    while stage.queue.reap():
        pass


def look(stage: LoadStage) -> None:
    """Another process looks after the load, while the first one sleeps."""
    other = stage.another()
    loader = other.streams("ingress", stage.generation)["contact"].loader
    assert loader is not None
    loader.look(stage.workflow, stage.generation, lambda: False)


def once(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, meanwhile: Callable[[], None]) -> None:
    """Before the first call of a method something else happens: its caller slept that long."""
    original: Hook = getattr(owner, method)

    def late(self: Any, *args: Any, **given: Any) -> Any:
        monkeypatch.setattr(owner, method, original)
        meanwhile()
        return original(self, *args, **given)

    monkeypatch.setattr(owner, method, late)


def assert_all_is_well(stage: LoadStage) -> None:
    """Everything is in Campaign as it is in Dynamics, nothing old came over something new, nothing is left behind."""
    assert stage.names() == stage.wanted()
    newest: dict[str, str] = {}
    for entry in stage.journal():
        newest[entry["key"]] = entry["version"]
    assert newest == stage.wanted()
    assert stage.loads.read() is None and stage.queue.backlog().total == 0
    assert not list(stage.queue.dead_letters())


POINTS: list[tuple[type, str, str, int]] = [
    (Sftp, "create", "after", 1),
    (RecordQueue, "lease", "after", 1),
    (Loads, "draft", "after", 1),
    (Loads, "commit", "before", 1),
    (Loads, "commit", "after", 1),
    (RecordQueue, "sending", "before", 1),
    (RecordQueue, "sending", "after", 1),
    (Sftp, "move", "before", 1),
    (Sftp, "move", "after", 1),
    (Loads, "note", "before", 1),
    (Workflows, "signal", "before", 1),
    (Workflows, "signal", "after", 1),
    (Loads, "note_trigger", "before", 1),
    (Sftp, "open", "before", 1),
    (RecordQueue, "settle", "before", 1),
    (RecordQueue, "settle", "after", 1),
    (RecordQueue, "settle", "after", 2),
    (Sftp, "remove", "before", 1),
    (Sftp, "remove", "after", 1),
    (Sftp, "remove", "after", 2),
    (Loads, "forget", "before", 1),
    (Loads, "forget", "after", 1),
]
