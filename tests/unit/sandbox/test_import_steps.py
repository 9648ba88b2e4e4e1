"""An import workflow without a server: how it divides its work, and how it goes by the sandbox's clock."""

from collections.abc import Iterator
from itertools import count, pairwise

import pytest

from sandbox.campaign.instance import Instance
from sandbox.campaign.writes import Writes
from sandbox.clock import Clock
from sandbox.consent.journal import ConsentJournal
from sandbox.events.folder import Folder
from sandbox.imports.side import ImportSide
from sandbox.imports.workflow import ImportWorkflow
from sandbox.journal import Calls, WriteJournal
from sandbox.switches import Switches

FOREVER = float("inf")


class Stage:
    """One import workflow of profiles, its folder and its clock."""

    def __init__(self, **settings: object) -> None:
        self.clock = Clock()
        self.folder = Folder()
        switches = Switches().changed({"import_workflows": {"WKF201": {"resource": "profile", **settings}}})
        self.instance = Instance(self.clock, switches, 1)
        writes = Writes(self.clock, WriteJournal(), Calls(), ConsentJournal())
        self.side = ImportSide(self.clock, 1, self.instance, writes, self.folder)
        self.side.use(switches)

    @property
    def workflow(self) -> ImportWorkflow:
        return self.side.workflows["WKF201"]

    @property
    def written(self) -> int:
        return len(self.instance.resources["profile"].by_number)

    def begin(self, rows: int) -> None:
        text = "".join(f"k-{number}\n" for number in range(rows))
        self.folder.put("d365_loads/imports/profile_1.csv", {"text": f"externalId\n{text}"})
        self.workflow.signal({"file": "profile_1.csv"})


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    """Whoever makes one puts it there, and its folder ends with the test."""
    made: list[Stage] = []
    yield made
    for stage in made:
        stage.folder.close()


def test_a_moment_of_work_writes_a_few_rows_and_the_next_one_goes_on(
    stages: list[Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file of many rows, and a counter that shows one more whenever it is looked at
    stages.append(stage := Stage())
    ticks = count(1)
    monkeypatch.setattr("sandbox.imports.workflow.perf_counter", lambda: next(ticks))
    stage.begin(1000)
    # When there is time for a step, again and again
    seen = [0]
    until = 1
    while stage.workflow.work(until):
        seen.append(stage.written)
        until = next(ticks) + 1
    # Then no step writes more than fifty rows, and all of them are written in the end
    assert max(after - before for before, after in pairwise(seen)) == 50
    assert stage.workflow.runs[0]["inserted"] == 1000
    # And without time nothing is done
    stage.clock.advance(600)
    stage.begin(10)
    assert stage.workflow.work(0) is True
    assert len(stage.workflow.runs) == 1


def test_as_many_rows_are_written_as_its_pace_and_the_clock_allow(stages: list[Stage]) -> None:
    # Given a workflow of four rows a minute, that begins after an hour
    stages.append(stage := Stage(rows_per_second=1 / 15, delay_seconds=3600))
    stage.begin(20)
    # When time goes by, then it is where it should be, however often somebody looks
    assert stage.workflow.work(FOREVER) is False
    assert (stage.workflow.runs, stage.written) == ([], 0)
    stage.clock.advance(3601)
    stage.workflow.work(FOREVER)
    assert stage.written == 1
    for minutes in range(1, 5):
        stage.clock.advance(60)
        assert stage.workflow.work(FOREVER) is False
        assert stage.written == 1 + 4 * minutes
    stage.clock.advance(3600)
    stage.workflow.work(FOREVER)
    assert (stage.written, stage.workflow.runs[0]["state"]) == (20, "done")


def test_the_time_that_a_workflow_is_paused_does_not_count(stages: list[Stage]) -> None:
    stages.append(stage := Stage(delay_seconds=100))
    stage.begin(1)
    stage.clock.advance(60)
    stage.workflow.command("pause")
    stage.clock.advance(1000)
    stage.workflow.command("resume")
    stage.workflow.work(FOREVER)
    assert stage.written == 0
    stage.clock.advance(41)
    stage.workflow.work(FOREVER)
    assert stage.written == 1


def test_a_workflow_that_is_stopping_ends_its_run_and_begins_no_other(stages: list[Stage]) -> None:
    # Given a run under way, and another one asked for
    stages.append(stage := Stage(rows_per_second=1))
    stage.begin(10)
    stage.side.settle()
    stage.workflow.run(None)
    # When it is stopping
    stage.workflow.put("stopping")
    stage.clock.advance(60)
    stage.side.settle()
    # Then all rows are written, and nothing else is begun
    assert stage.written == 10 and [run["state"] for run in stage.workflow.runs] == ["done"]
    assert stage.workflow.state == "stopping"


def test_a_key_that_is_no_key_any_more_fails_the_workflow(stages: list[Stage]) -> None:
    # Given a workflow that reconciles by the unique key, and a file of which some rows are written
    stages.append(stage := Stage(rows_per_second=1))
    stage.begin(10)
    stage.side.settle()
    assert stage.written == 1
    # When the field is neither that nor one that a filter looks up any more
    stage.instance.use(stage.workflow.switches.changed({"profile_key": "none", "filters": {}}))
    stage.clock.advance(60)
    stage.side.settle()
    # Then it fails, and says why
    (run,) = stage.workflow.runs
    assert (run["state"], stage.workflow.state, stage.written) == ("failed", "failed", 1)
    assert "'externalId' is neither the key of profile" in run["error"]
