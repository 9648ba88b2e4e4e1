"""What doctor says of the workflow that imports, as Campaign tells how it stands."""

import pytest

from config.file_import import FileImport
from connectors.campaign_workflows import Standing, WorkflowState
from control.doctor.checks import Colour
from control.doctor.loads import workflow_check
from store.loads import Load


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
    found = workflow_check("imports", "ingress", "contact", settings, WorkflowState(standing, "", signals), None)
    assert found.colour is colour and said in found.finding


@pytest.mark.parametrize(
    ("standing", "signals", "under_way", "said"),
    [
        (Standing.PAUSED, ("signal1",), False, "Until then records are written singly."),
        (
            Standing.PAUSED,
            ("signal1",),
            True,
            "Until then the 7 records in a file wait, and others are written singly.",
        ),
        # The file is taken back from one that is stopped.
        (Standing.STOPPED, ("signal1",), True, "Until then records are written singly."),
        (Standing.RUNNING, ("a",), False, "Until then a start fails; while ingress runs, records are written singly."),
        (Standing.RUNNING, ("a",), True, "while ingress runs, the 7 records in a file wait, and others are written"),
    ],
)
def test_what_becomes_of_records_until_a_workflow_is_mended_is_told(
    standing: Standing, signals: tuple[str, ...], under_way: bool, said: str
) -> None:
    # Given a workflow that takes no file, and a load that is under way or none
    settings = FileImport.model_validate({"workflow": "WKF201"})
    load = Load("profile_1", 7, (1,), {}, committed_ms=1, placed_ms=2) if under_way else None
    # When doctor looks at it
    found = workflow_check("imports", "ingress", "contact", settings, WorkflowState(standing, "", signals), load)
    # Then it says what waits, and by its whole path what is to be corrected
    assert found.colour is Colour.RED and said in found.finding
    assert ("ingress.tables[contact].file_import.signal" in found.remedy) is (standing is Standing.RUNNING)
