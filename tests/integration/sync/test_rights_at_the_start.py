"""A start finds out what the application user may not read, before anything is called running."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from config.defaults import default_contact_mapping
from config.ingress import IngressConfig
from config.optinout import OptinoutConfig
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.errors import Stop
from connectors.http import NoThrottle
from store.store import Store
from sync import ingress, optinout
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Sandbox


@pytest.fixture
def systems(sandbox: Sandbox, secrets: None, store: Store) -> Iterator[Any]:
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    yield SimpleNamespace(dynamics=dynamics, campaign=campaign, sftp=None, store=store)
    for system in (dynamics, campaign):
        system.close()


def test_ingress_does_not_start_without_the_right_to_read_its_tables(sandbox: Sandbox, systems: Any) -> None:
    document: Any = SimpleNamespace(ingress=IngressConfig(tables=(default_contact_mapping(),)))
    known = ingress.learn(document, systems)
    ingress.admit(document, known, systems)
    # Given a definition that is told, and rows that are not
    sandbox.admin.put("/switches", {"privileges": {"prvReadContact": "None"}})
    # Then the start ends with what is missing
    with pytest.raises(Stop, match="prvReadContact is missing"):
        ingress.admit(document, known, systems)


def test_optinout_does_not_start_without_the_right_to_read_contacts(sandbox: Sandbox, systems: Any) -> None:
    flags = [{"dynamics": "donotemail", "campaign": "blackListEmail"}]
    config = OptinoutConfig.model_validate({"direction": "bidirectional", "flags": flags})
    document: Any = SimpleNamespace(optinout=config)
    optinout.check(document, systems)
    known = optinout.learn(document, systems)
    optinout.admit(document, known, systems)
    # Given a definition that is told, and rows that are not
    sandbox.admin.put("/switches", {"privileges": {"prvReadContact": "None"}})
    # Then the start ends with what is missing
    with pytest.raises(Stop, match="prvReadContact is missing"):
        optinout.admit(document, known, systems)
