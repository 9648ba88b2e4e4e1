"""What a process has asked of the systems is told after each task, whatever became of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeredis import FakeRedis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import Settings
from connectors.last_told import TOLD
from connectors.requests_made import MADE
from store.requests import Requests
from store.store import Store
from tasks.runtime import Runtime
from workers.registry import shell


@pytest.fixture(autouse=True)
def nothing_made() -> Iterator[None]:
    MADE.take()
    TOLD.take()
    yield
    MADE.take()
    TOLD.take()


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(Settings(home=tmp_path), Store(FakeRedis(version=(7,)), "production"))


def ask() -> None:
    MADE.note("dynamics", "GET", "200", 0.1)
    TOLD.note("dynamics", "budget-requests", 5999)


def ask_and_fail() -> None:
    ask()
    raise RuntimeError("something")


@pytest.mark.parametrize("body", [ask, ask_and_fail])
def test_requests_are_told_when_a_task_ends(runtime: Runtime, body: object) -> None:
    assert callable(body)
    shell(lambda: runtime, "ingress", "contact.read")(body)
    assert runtime.store.requests.totals().answers == {("dynamics", "GET", "200"): 1}
    assert MADE.take() == {}
    [figure] = runtime.store.last_told.all()
    assert (figure.system, figure.what, figure.value) == ("dynamics", "budget-requests", 5999.0)


def test_requests_that_redis_did_not_take_are_told_with_those_of_the_next_task(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a Redis that is silent when a task ends
    def silent(self: Requests, counts: object) -> None:
        raise RedisConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(Requests, "add", silent)
        shell(lambda: runtime, "ingress", "contact.read")(ask)
    # When the next one ends
    shell(lambda: runtime, "ingress", "contact.read")(ask)
    # Then both are told
    assert TOLD.take() == {} and len(runtime.store.last_told.all()) == 1
    assert runtime.store.requests.totals().answers == {("dynamics", "GET", "200"): 2}
