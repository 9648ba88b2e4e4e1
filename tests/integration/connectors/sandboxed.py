"""Connections to a sandbox, as a configuration would have them; the secrets stand in the environment."""

from typing import Any

import pytest

from config.connections import CampaignConnection, DynamicsConnection
from tests.sandboxes import Sandbox


def tell_secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the secrets that these connections name into the environment."""
    for system in ("dynamics", "campaign", "journal"):
        monkeypatch.setenv(f"{system.upper()}_SECRET", sandbox.info[system]["client_secret"])
    monkeypatch.setenv("SFTP_KEY", sandbox.info["sftp"]["private_key"])


def dynamics_connection(sandbox: Sandbox, **changed: Any) -> DynamicsConnection:
    given = sandbox.info["dynamics"]
    known = {name: given[name] for name in ("url", "tenant", "client_id", "token_url")}
    return DynamicsConnection(**{**known, "client_secret": "${env:DYNAMICS_SECRET}", **changed})


def campaign_connection(sandbox: Sandbox, **changed: Any) -> CampaignConnection:
    given = sandbox.info["campaign"]
    known = {name: given[name] for name in ("url", "client_id", "org_id", "token_url")}
    return CampaignConnection(**{**known, "client_secret": "${env:CAMPAIGN_SECRET}", **changed})
