"""Campaign's workflow that exports the files: started when it is found stopped, and signalled to export."""

from typing import NamedTuple

import structlog

from config.optinout import ExportWorkflow
from connectors.campaign_workflows import Standing, Workflows
from connectors.errors import CoolingDown
from sync.patience import asked_for

log = structlog.get_logger()

#: A workflow that was told to start is looked at again so soon, in seconds, to be signalled.
STARTED_SECONDS = 60.0


class Driven(NamedTuple):
    wait: float  #: seconds after which it is to be looked at again
    trouble: str = ""  #: what operators must know: a sentence; empty: all is well


class ExportDrive:
    """Looks at the workflow. How often is the caller's matter."""

    def __init__(self, workflows: Workflows, settings: ExportWorkflow) -> None:
        self._workflows = workflows
        self._settings = settings
        self.place = settings.id

    @property
    def every_seconds(self) -> float:
        return float(self._settings.every_seconds)

    def drive(self, timeout: float) -> Driven:
        """Starts or signals it, as it is wanted. Raises TryAgain, Stop, Refused."""
        settings, id_ = self._settings, self._settings.id
        found = self._workflows.state(id_, timeout)
        if found.standing is Standing.STOPPED:
            if not settings.start:
                return Driven(
                    self.every_seconds,
                    f"Campaign's export workflow {id_} is stopped, and nothing is exported: start it there, or set "
                    "export_workflow.start",
                )
            self._workflows.command(id_, "start", timeout)
            log.info("Campaign's export workflow was stopped and is started.", action="export_started", id=id_)
            return Driven(STARTED_SECONDS if settings.signal else self.every_seconds)
        if found.standing is Standing.PAUSED:
            return Driven(
                self.every_seconds,
                f"Campaign's export workflow {id_} is paused, and nothing is exported: resume it there",
            )
        if settings.signal is None:
            return Driven(self.every_seconds)
        try:
            self._workflows.signal(id_, settings.signal, {}, timeout)
        except CoolingDown as cooling:
            return Driven(min(asked_for(cooling) or self.every_seconds, self.every_seconds))
        log.info("Campaign's export workflow was signalled.", action="export_signalled", id=id_)
        return Driven(self.every_seconds)
