"""Loads in a hard life: processes die, the workflow of Campaign stops and fails, records change, all by chance. In the
end everything is in Campaign as it is in Dynamics, and on the way nothing old ever came over something newer."""

import os
import random
from collections import defaultdict

import pytest

from store.lifecycle import State
from sync.loading import collecting
from tasks.tick import tick
from tests.integration.sync.loading_crashes import POINTS, Crash, assert_all_is_well, crash, leases_run_out
from tests.integration.sync.loading_stage import LoadStage

SEEDS = range(int(os.environ.get("LOADING_WALKS", "4")))
STEPS = 25
CAREFREE = {
    "delay_seconds": 0, "fail_after_rows": None, "stop_after_rows": None, "reject_every": None, "unlisted_every": None,
    "takes_files": True,
}  # fmt: skip


class Walk:
    def __init__(self, stage: LoadStage, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self.chance = random.Random(seed)
        self.monkeypatch = monkeypatch
        self.version = 0

    def change(self) -> None:
        for record_id in self.chance.sample(sorted(self.stage.wanted()), 5):
            self.version += 1
            self.stage.rename(record_id, f"v{self.version:05d}")
        self.stage.read()

    def create(self) -> None:
        self.stage.create(self.chance.randint(1, 60))
        self.stage.loads.wait_until(0)
        self.stage.read()

    def write(self) -> None:
        self.stage.write(self.chance.choice([self.stage.runtime, self.stage.another()]))

    def die(self) -> None:
        owner, method, when, nth = self.chance.choice(POINTS)
        with self.monkeypatch.context() as patched:
            crash(patched, owner, method, when, nth)
            try:
                for _ in range(4):
                    self.stage.write()
            except Crash:
                pass
        if self.chance.random() < 0.7:
            leases_run_out(self.stage)

    def disturb(self) -> None:
        self.stage.imports(
            **{
                **CAREFREE,
                **self.chance.choice(
                    [
                        {"delay_seconds": 100},
                        {"fail_after_rows": 7},
                        {"stop_after_rows": 7},
                        {"reject_every": 5},
                        {"unlisted_every": 3},
                        {"takes_files": False},
                        {},
                    ]
                ),
            }
        )

    def stand(self) -> None:
        self.stage.stand(self.chance.choice(["paused", "stopped", "started", "started"]))

    def time(self) -> None:
        self.stage.admin.post("/clock", {"advance": 150})
        self.stage.imports()

    def restart(self) -> None:
        self.stage.stop()
        leases_run_out(self.stage)
        self.stage.press_start()
        for _ in range(4):
            tick(self.stage.runtime, "ingress")
            self.stage.redis.hdel(self.stage.workflow.keys.trouble, "load")
        if self.stage.state is not State.RUNNING:
            self.calm()
            self.stage.tick_until(State.RUNNING)

    def calm(self) -> None:
        """Everybody does what they should, and what nobody imports is found out."""
        if self.stage.loads.read() is not None:
            self.stage.stand("stopped")
            for _ in range(6):
                if self.stage.state is State.RUNNING:
                    self.stage.write()
                else:
                    tick(self.stage.runtime, "ingress")
                    self.stage.redis.hdel(self.stage.workflow.keys.trouble, "load")
        self.stage.imports(**CAREFREE)
        self.stage.stand("started")
        self.time()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_everything_arrives_and_nothing_old_comes_over_something_newer(
    loading: LoadStage, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # Given contacts that are about to be loaded
    monkeypatch.setattr(collecting, "BATCH", 90)
    walk = Walk(loading, seed, monkeypatch)
    loading.start()
    loading.read()
    for record_id in loading.wanted():
        loading.rename(record_id, "v00000")
    loading.read()
    # When all this happens to them
    ways = [walk.change, walk.create, walk.write, walk.write, walk.die, walk.die, walk.disturb, walk.stand, walk.time,
            walk.restart]  # fmt: skip
    for _ in range(STEPS):
        walk.chance.choice(ways)()
    # Then, once it is calm, everything has arrived
    walk.calm()
    leases_run_out(loading)
    loading.read()
    loading.write_until_done()
    assert_all_is_well(loading)
    # And each record only ever became newer
    told: dict[str, list[str]] = defaultdict(list)
    for entry in loading.journal():
        if entry["version"].startswith("v"):
            told[entry["key"]].append(entry["version"])
    assert all(versions == sorted(versions) for versions in told.values())
