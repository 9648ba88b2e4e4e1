"""What doctor says of the workflow that imports, as Campaign tells how it stands."""

import pytest

from config.file_import import FileImport
from connectors.campaign_workflows import Standing, WorkflowState
from control.doctor.checks import Colour
from control.doctor.loads import workflow_check


@pytest.mark.parametrize(
    ("standing", "signals", "trigger", "colour", "said"),
    [
        (Standing.RUNNING, ("signal1",), "signal", Colour.GREEN, "runs."),
        (Standing.RUNNING, ("other",), "signal", Colour.RED, "has no external signal signal1; it has: other."),
        # A start lets it pass, too: not every instance may tell.
        (Standing.RUNNING, (), "signal", Colour.YELLOW, "does not say which external signals it has."),
        (Standing.RUNNING, (), "none", Colour.GREEN, "runs."),
        (Standing.STOPPED, ("signal1",), "signal", Colour.RED, "is stopped, and imports nothing."),
        (Standing.STOPPED, (), "start", Colour.GREEN, "it is started for each file."),
        (Standing.PAUSED, ("signal1",), "signal", Colour.RED, "is paused, and imports nothing."),
        (Standing.UNKNOWN, ("signal1",), "signal", Colour.YELLOW, "does not say how it stands."),
    ],
)
def test_a_workflow_that_takes_no_file_is_told(
    standing: Standing, signals: tuple[str, ...], trigger: str, colour: Colour, said: str
) -> None:
    settings = FileImport.model_validate({"workflow": "WKF201", "trigger": trigger})
    found = workflow_check("imports", settings, WorkflowState(standing, "", signals))
    assert found.colour is colour and said in found.finding
