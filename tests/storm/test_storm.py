"""All three workflows on one installation in a small storm: in the end everything is as it must be.

More and larger ones: `make storm SEEDS=1-200 JOBS=2` (docs/storm.md).
"""

import os
from collections.abc import Iterator

import pytest

from tests.sandboxes import Sandbox
from tests.storm import storm


@pytest.fixture(scope="module")
def city() -> Iterator[Sandbox]:
    sandbox = storm.open_sandbox()
    yield sandbox
    sandbox.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_leaves_everything_as_it_must_be(city: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    # Given an installation of which nobody's environment knows
    for name in os.environ:
        if name.startswith("D365ACS_"):
            monkeypatch.delenv(name)

    # When workers, beats and Redis die, sleep and lose each other, both systems fail in every way, operators stop,
    # start and edit, and people go on with their lives
    result = storm.run(city, seed, storm.SHORT_STORM)

    # Then records, events, flags, their order, dead letters and what is left behind are as they must be, and all that
    # was work
    once_more = f"make storm SEEDS={seed}-{seed} SHORT=1 CONTROLS="
    assert not result.violations, "\n".join([once_more, *result.violations[:20]])
