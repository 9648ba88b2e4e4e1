"""Everything the sandbox is at one moment: clock, switches, faults, the two systems' data, the journals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.campaign.app import Campaign
from sandbox.campaign.instance import Instance
from sandbox.campaign.workflow import Workflow
from sandbox.campaign.workflow_api import WorkflowApi
from sandbox.campaign.writes import Writes
from sandbox.clock import Clock
from sandbox.consent.journal import ConsentJournal
from sandbox.consent.side import ConsentSide
from sandbox.dynamics.app import Dataverse
from sandbox.dynamics.limits import ServiceProtection
from sandbox.dynamics.organization import Organization
from sandbox.events.side import EventSide
from sandbox.faults import FaultSource
from sandbox.imports.side import ImportSide
from sandbox.journal import Calls, ReadJournal, WriteJournal
from sandbox.switches import Switches
from sandbox.tokens import Credentials, TokenRegister


@dataclass(frozen=True)
class Beginning:
    """What a sandbox starts from, and goes back to on a reset. `rows`: made-up rows by the table's logical name."""

    seed: int
    rows: Mapping[str, int]
    organization: str
    switches: Switches
    #: A campaign that is over when the sandbox starts: the body of `POST /events/campaign`, or none.
    campaign: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Addresses:
    """The origins of the servers, without a slash at the end, and the port of SFTP."""

    dynamics: str
    entra: str
    campaign: str
    ims: str
    admin: str
    journal: str
    sftp_port: int


class World:
    """The state behind all servers. `reset` puts everything but addresses, credentials and good tokens back."""

    def __init__(self, beginning: Beginning, addresses: Addresses) -> None:
        self.beginning = beginning
        self.addresses = addresses
        self.clock = Clock()
        self.credentials = Credentials.made_up(beginning.seed, beginning.organization)
        self.dynamics_tokens = TokenRegister(self.clock)
        self.campaign_tokens = TokenRegister(self.clock)
        self.faults = {"dynamics": FaultSource(), "campaign": FaultSource(), "tokens": FaultSource()}
        self.faults |= {"journal": FaultSource(), "sftp": FaultSource()}
        self.calls = Calls()
        self.events = EventSide(
            *(self.clock, beginning.seed, self.credentials, self.campaign_tokens),
            *(self.faults["sftp"], self.calls, beginning.switches),
        )
        self.events.api.origin = addresses.journal
        self._furnish()

    def reset(self) -> None:
        """Back to the beginning: seeded data, switches as started, no faults, empty journals, real time."""
        self.clock.reset()
        self.consent.close()
        self.imports.close()
        for source in self.faults.values():
            source.clear()
        for tokens in (self.dynamics_tokens, self.campaign_tokens):
            tokens.told.clear()
        self.calls.clear()
        self._furnish()

    def _furnish(self) -> None:
        begin = self.beginning
        self.switches = begin.switches
        self._set_clocks()
        journal = ConsentJournal()
        self.organization = Organization(self.clock, self.switches, self.credentials, begin.seed, begin.rows, journal)
        self.organization.root_url = self.addresses.dynamics
        self.dataverse = Dataverse(self.organization, self.dynamics_tokens, self.faults["dynamics"].draw_operation)
        self.protection = ServiceProtection(self.clock)
        self.writes = WriteJournal()
        self.reads = ReadJournal()
        self.instance = Instance(self.clock, self.switches, begin.seed)
        folder, writes = self.events.folder, Writes(self.clock, self.writes, self.calls, journal)
        self.consent = ConsentSide(self.clock, begin.seed, self.organization, self.instance, folder, journal)
        self.imports = ImportSide(self.clock, begin.seed, self.instance, writes, folder)
        folder.settle = self.settle
        self.campaign = Campaign(
            *(self.clock, self.instance, self.campaign_tokens, self.credentials, writes),
            WorkflowApi(self.settle, self._workflows),
        )
        self.campaign.root_url = self.addresses.campaign
        self.events.furnish(self.switches, self._contacts, self._profiles)
        self.imports.use(self.switches)
        if begin.campaign is not None:
            self.events.run_campaign(dict(begin.campaign))

    def settle(self) -> None:
        """Bring Campaign's workflows up to this moment."""
        self.consent.settle()
        self.imports.settle()

    def _workflows(self) -> list[Workflow]:
        return [self.consent.workflow, *self.imports.workflows.values()]

    def _contacts(self) -> dict[str, str]:
        """Email by id."""
        rows = self.organization.contacts.rows.values()
        return {row.id: str(row.values.get("emailaddress1") or "") for row in rows}

    def _profiles(self) -> list[tuple[str, str]]:
        """(external id, email)"""
        records = self.instance.resources["profile"].by_number.values()
        return [(record.values.get("externalId", ""), record.values.get("email", "")) for record in records]

    def use(self, switches: Switches) -> None:
        """Take new switches everywhere at once."""
        self.switches = switches
        self._set_clocks()
        self.organization.use(switches)
        self.instance.use(switches)
        self.events.use(switches)
        self.consent.workflow.use(switches)
        self.imports.use(switches)

    def _set_clocks(self) -> None:
        switches = self.switches
        self.clock.skews = {"dynamics": switches.dynamics_clock_offset, "campaign": switches.campaign_clock_offset}

    def launch_info(self) -> dict[str, dict[str, str]]:
        """What `sandbox up -o json` prints."""
        credentials, at = self.credentials, self.addresses
        return {
            "dynamics": {
                "url": at.dynamics,
                "tenant": credentials.tenant,
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "token_url": f"{at.entra}/{credentials.tenant}/oauth2/v2.0/token",
            },
            "campaign": {
                "url": f"{at.campaign}/{credentials.organization}",
                "organization": credentials.organization,
                "client_id": credentials.campaign_client_id,
                "client_secret": credentials.campaign_client_secret,
                "org_id": credentials.org_id,
                "token_url": f"{at.ims}/ims/token/v3",
            },
            **self.events.launch_info(at.journal, f"{at.ims}/ims/token/v3", at.sftp_port),
            "admin": {"url": at.admin},
        }
