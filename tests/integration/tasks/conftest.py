"""Ingress with a webhook and an objective in its configuration, on a real server."""

from pathlib import Path

import pytest
from redis import Redis

from config.document import dump
from config.load import load
from config.settings import Settings
from store.store import Store, WorkflowStore
from tasks.runtime import Runtime
from tests.integration.control.conftest import CONFIGURATION

#: Contacts, a webhook, and an objective.
WITH_ALERTS = CONFIGURATION.replace(
    "ingress:\n", "  alerts: {url: '${env:ALERTS_URL}', secret: '${env:ALERTS_KEY}'}\ningress:\n  objectives: {}\n"
)


@pytest.fixture
def runtime(redis: Redis, redis_url: str, tmp_path: Path) -> Runtime:
    return Runtime(Settings(redis_url=redis_url, home=tmp_path), Store(redis, "production"))


@pytest.fixture
def workflow(runtime: Runtime) -> WorkflowStore:
    """Ingress, RUNNING in generation 1, with a webhook and an objective in its configuration."""
    found = runtime.workflow("ingress")
    found.revisions.save(0, dump(load(WITH_ALERTS, "a file").workflows()["ingress"]), "a test", "")
    found.lifecycle.add_streams(["contact"])
    found.lifecycle.start("a test", "", 1)
    assert found.lifecycle.run(1, "a test", "")
    return found
