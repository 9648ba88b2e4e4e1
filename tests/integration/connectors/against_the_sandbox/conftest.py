"""Both connectors, as they are, at the sandbox that is put back to its beginning before every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.http import NoThrottle
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection, tell_secrets
from tests.sandboxes import Admin, Sandbox


@pytest.fixture
def admin(sandbox: Sandbox) -> Admin:
    return sandbox.admin


@pytest.fixture(autouse=True)
def secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_secrets(sandbox, monkeypatch)


@pytest.fixture
def dynamics(sandbox: Sandbox) -> Iterator[Dynamics]:
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    yield dynamics
    dynamics.close()


@pytest.fixture
def campaign(sandbox: Sandbox) -> Iterator[Campaign]:
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    yield campaign
    campaign.close()
