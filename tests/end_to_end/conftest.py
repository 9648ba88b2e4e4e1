"""The stage of these tests: one sandbox for all of them, put back to its beginning; everything else anew for each."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.stage import Stage
from tests.sandboxes import Sandbox

CONTACTS = 600

OpenStage = Callable[..., Stage]


@pytest.fixture(scope="session")
def people() -> Iterator[Sandbox]:
    sandbox = Sandbox("--contacts", str(CONTACTS), "--accounts", "10")
    yield sandbox
    sandbox.close()


@pytest.fixture
def open_stage(people: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStage]:
    """`open_stage(lease_seconds=3)`: a stage with these settings; no process runs on it yet."""
    for name in os.environ:
        if name.startswith("D365ACS_"):
            monkeypatch.delenv(name)
    people.admin.post("/reset")
    opened: list[Stage] = []
    # A short path: it holds a Unix socket.
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:

        def open_one(**settings: object) -> Stage:
            stage = Stage(people, Path(folder), **settings)
            opened.append(stage)
            return stage

        try:
            yield open_one
        finally:
            for stage in opened:
                stage.close()


@pytest.fixture
def stage(open_stage: OpenStage) -> Stage:
    return open_stage()
