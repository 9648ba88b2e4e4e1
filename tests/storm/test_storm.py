"""All three workflows on one installation in a small storm: in the end everything is as it must be.

More and larger ones: `make storm SEEDS=1-200 JOBS=2` (docs/storm.md).
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.end_to_end.truth import regressions
from tests.sandboxes import ROOT, Sandbox
from tests.storm import storm
from tests.storm.__main__ import GUARDS
from tests.storm.verdict import lost


@pytest.fixture(scope="module")
def city() -> Iterator[Sandbox]:
    sandbox = storm.open_sandbox()
    yield sandbox
    sandbox.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 3])  # with imports, and without
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


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_can_still_be_taken_away(guard: str) -> None:
    # Given the product as it is by now, in a process of its own: what is taken away stays away
    environment = os.environ | {"STORM_WITHOUT": guard}

    # When a worker of a storm without this guard begins
    ended = subprocess.run(
        [sys.executable, "-c", "import tests.storm.application"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )

    # Then everything that it changes is where it looks for it
    assert ended.returncode == 0, ended.stderr


def test_an_old_write_between_a_deletion_and_a_return_is_seen() -> None:
    # Given a journal in which a record goes, comes with an old version, and comes again with its newest one
    steps = (("POST", "5"), ("DELETE", None), ("POST", "4"), ("PATCH", "9"))
    journal = [
        {"resource": "profile", "key": "a", "method": method, "version": version, "at": at}
        for at, (method, version) in enumerate(steps)
    ]

    # When its order is judged, then the old version is found, and a return with a newer one is none
    assert regressions(journal) == ["profile a: version 4 came at 2.00 after 5"]


def test_a_record_that_nobody_takes_is_seen(redis: Redis) -> None:
    # Given records that wait in each list of a queue, and one that somebody took off the list and not off the queue
    stream = "d365acs:{production.egress}:events"
    redis.rpush(f"{stream}:ready", "waits")
    for name in ("replay", "delayed", "leases", "parked"):
        redis.zadd(f"{stream}:{name}", {name: 1})
    for id_ in ("waits", "replay", "delayed", "leases", "parked", "lost"):
        redis.hset(f"{stream}:records", id_, "payload")

    # When it is looked for who is lost, then it is this one, and nobody else
    assert list(lost(redis)) == [f"lost waits in {stream}:records, and nobody takes it"]
