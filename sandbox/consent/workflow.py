"""The workflow that exports consent: once a day, on a signal, and whenever the admin API asks for it."""

from typing import Any

from sandbox.campaign.workflow import Workflow
from sandbox.clock import Clock
from sandbox.consent.exports import Exports
from sandbox.switches import Switches


class ExportWorkflow(Workflow):
    """Runs once every `export_every_seconds` while it is started, and on a signal.

    Nothing waits in the background: whoever looks calls `settle` first.
    """

    def __init__(self, clock: Clock, exports: Exports, seed: int) -> None:
        super().__init__(clock, exports.switches, str(seed))
        self._exports = exports
        self.runs: list[dict[str, Any]] = []

    def use(self, switches: Switches) -> None:
        self.switches = switches

    @property
    def id(self) -> str:
        return self.switches.export_workflow

    @property
    def label(self) -> str:
        return "Opt-out export"

    @property
    def signal_name(self) -> str:
        return self.switches.export_signal

    @property
    def parameters(self) -> dict[str, str]:
        return self.switches.export_parameters

    @property
    def every(self) -> float:
        return self.switches.export_every_seconds

    def settle(self) -> None:
        """Run if the time has come."""
        if self._take_due():
            self.run("schedule", None)

    def run(self, reason: str, first_bytes: int | None) -> dict[str, Any]:
        """Export now, whatever the state: what was written."""
        told = self._exports.run(first_bytes)
        self.runs.append({"at": self._clock.now(), "reason": reason, **told})
        return told

    def _triggered(self, parameters: dict[str, Any]) -> None:
        self.run("signal", None)

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "runs": self.runs}
