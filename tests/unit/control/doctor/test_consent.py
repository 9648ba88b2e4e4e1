"""What the doctor says of the workflow that exports consent."""

import pytest

from config.optinout import ExportWorkflow
from connectors.campaign_workflows import Standing, WorkflowState
from control.doctor.consent import export_check


@pytest.mark.parametrize(
    ("standing", "start", "colour", "finding"),
    [
        (Standing.RUNNING, True, "green", "runs."),
        (Standing.STOPPED, True, "yellow", "is stopped; optinout starts it when it looks next."),
        (Standing.STOPPED, False, "red", "is stopped, and no files are written."),
        (Standing.PAUSED, True, "yellow", "is paused, and no files are written."),
        (Standing.UNKNOWN, True, "yellow", "says resting."),
    ],
)
def test_a_workflow_that_does_not_run_is_told_with_the_way_out(
    standing: Standing, start: bool, colour: str, finding: str
) -> None:
    export = ExportWorkflow(id="WKF1", signal="signal1", start=start)
    found = export_check("optinout export", export, WorkflowState(standing, "resting", ("signal1",)))
    assert (found.colour, found.finding) == (colour, f"The workflow WKF1 of Campaign {finding}")
    assert bool(found.remedy) == (colour != "green")


def test_a_workflow_that_tells_nothing_is_not_guessed_about() -> None:
    found = export_check("optinout export", ExportWorkflow(id="WKF1"), WorkflowState(Standing.UNKNOWN, "", ()))
    assert found.finding == "The workflow WKF1 of Campaign does not say how it stands."
