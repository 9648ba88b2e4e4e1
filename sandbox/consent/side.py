"""Consent as a whole, as the world holds it: the export workflow, the made-up changes, the journal of both."""

from sandbox.campaign.instance import Instance
from sandbox.clock import Clock
from sandbox.consent.exports import Exports
from sandbox.consent.journal import ConsentJournal
from sandbox.consent.making import ChangeMaker
from sandbox.consent.workflow import ExportWorkflow
from sandbox.dynamics.organization import Organization
from sandbox.events.folder import Folder


class ConsentSide:
    """One for each beginning: `close` it before the next."""

    def __init__(
        self,
        clock: Clock,
        seed: int,
        organization: Organization,
        instance: Instance,
        folder: Folder,
        journal: ConsentJournal,
    ) -> None:
        self.organization = organization
        self.instance = instance
        self.journal = journal
        self.workflow = ExportWorkflow(clock, Exports(clock, instance, folder), seed)
        self.maker = ChangeMaker(organization, instance, journal)

    def settle(self) -> None:
        """Bring the files up to this moment."""
        self.workflow.settle()

    def close(self) -> None:
        self.maker.stop()
