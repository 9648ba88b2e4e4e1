"""A workflow of one stream on a real server, running in its first generation."""

import pytest
from redis import Redis

from store.acts import Acts
from store.keys import InstanceKeys, StreamKeys, WorkflowKeys
from store.lifecycle import Lifecycle
from store.record_queue import RecordQueue


@pytest.fixture
def workflow() -> WorkflowKeys:
    return InstanceKeys("test").workflow("contacts")


@pytest.fixture
def keys(workflow: WorkflowKeys) -> StreamKeys:
    return workflow.stream("contact")


@pytest.fixture
def lifecycle(redis: Redis, workflow: WorkflowKeys) -> Lifecycle:
    return Lifecycle(redis, workflow)


@pytest.fixture
def acts(redis: Redis, workflow: WorkflowKeys) -> Acts:
    return Acts(redis, workflow)


@pytest.fixture
def generation(lifecycle: Lifecycle) -> int:
    """The generation of a workflow that runs."""
    lifecycle.add_streams(["contact"])
    lifecycle.start("ann", "go", revision=1, now_ms=0)
    generation = lifecycle.read().generation
    assert lifecycle.run(generation, "worker", "ready", now_ms=0)
    return generation


@pytest.fixture
def queue(redis: Redis, keys: StreamKeys, generation: int) -> RecordQueue:
    return RecordQueue(redis, keys)
