"""Everything the sandbox is at one moment: clock, switches, faults, the two systems' data, the journals."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.campaign.app import Campaign
from sandbox.campaign.instance import Instance
from sandbox.clock import Clock
from sandbox.dynamics.app import Dataverse
from sandbox.dynamics.limits import ServiceProtection
from sandbox.dynamics.organization import Organization
from sandbox.faults import FaultSource
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


@dataclass(frozen=True)
class Addresses:
    """The origins of the servers, without a slash at the end."""

    dynamics: str
    entra: str
    campaign: str
    ims: str
    admin: str


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
        self.calls = Calls()
        self._furnish()

    def reset(self) -> None:
        """Back to the beginning: seeded data, switches as started, no faults, empty journals, real time."""
        self.clock.reset()
        for source in self.faults.values():
            source.clear()
        self.calls.clear()
        self._furnish()

    def _furnish(self) -> None:
        begin = self.beginning
        self.switches = begin.switches
        self.organization = Organization(self.clock, self.switches, self.credentials, begin.seed, begin.rows)
        self.organization.root_url = self.addresses.dynamics
        self.dataverse = Dataverse(self.organization, self.dynamics_tokens)
        self.protection = ServiceProtection(self.clock)
        self.writes = WriteJournal()
        self.reads = ReadJournal()
        self.instance = Instance(self.clock, self.switches, begin.seed)
        self.campaign = Campaign(
            self.clock, self.instance, self.campaign_tokens, self.credentials, self.writes, self.calls
        )
        self.campaign.root_url = self.addresses.campaign

    def use(self, switches: Switches) -> None:
        """Take new switches everywhere at once."""
        self.switches = switches
        self.organization.switches = switches
        self.instance.use(switches)

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
            "admin": {"url": at.admin},
        }
