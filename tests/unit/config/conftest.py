"""Home folders with short paths, whoever runs the tests: they may have to hold a socket, whose path has a limit."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:
        yield Path(folder)
