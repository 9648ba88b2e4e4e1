from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.connections import CampaignConnection, DynamicsConnection
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable
from connectors.http import Http
from tests.integration.connectors.odd_server import OddServer


class Pass:
    """An Authorization whose tokens are numbered."""

    def __init__(self) -> None:
        self.number = 1

    def header(self, timeout: float) -> str:
        return f"Bearer token-{self.number}"

    def renew(self, refused: str, timeout: float) -> str:
        self.number += 1
        return self.header(timeout)


class Pauses:
    """A throttle that grants everything and keeps the ends of requests and the pauses it was told."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.ends: list[tuple[str, int | None]] = []
        self.seconds: list[float] = []

    def permit(self, timeout: float) -> None:
        pass

    def ended(self, kind: str, size: int, status: int | None, seconds: float) -> None:
        self.ends.append((kind, status))
        self.seconds.append(seconds)

    def pause(self, seconds: float) -> None:
        self.told.append(seconds)


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


@pytest.fixture
def throttle() -> Pauses:
    return Pauses()


@pytest.fixture
def http(server: OddServer, throttle: Pauses) -> Iterator[Http]:
    http = Http("campaign", f"{server.origin}/root", Pass(), throttle, {"X-Test": "1"}, pool_size=2)
    yield http
    http.close()


@pytest.fixture
def dynamics(server: OddServer, throttle: Pauses) -> Iterator[Dynamics]:
    connection = DynamicsConnection(
        url=server.origin, tenant="contoso.test", client_id="id", client_secret="${env:UNUSED}"
    )
    dynamics = Dynamics(connection, throttle, Pass())
    yield dynamics
    dynamics.close()


@pytest.fixture
def campaign(server: OddServer, throttle: Pauses) -> Iterator[Campaign]:
    connection = CampaignConnection(
        url=f"{server.origin}/acme", client_id="key", client_secret="${env:UNUSED}", org_id="0@AdobeOrg"
    )
    campaign = Campaign(connection, throttle, Pass())
    yield campaign
    campaign.close()


@pytest.fixture
def contact() -> DynamicsTable:
    columns = {name: DynamicsColumn(name, "String", name) for name in ("firstname", "lastname")}
    columns["gendercode"] = DynamicsColumn("gendercode", "Picklist", "gendercode")
    for name, type_, targets in (
        ("parentcustomerid", "Customer", ("account", "contact")),
        ("transactioncurrencyid", "Lookup", ("transactioncurrency",)),
    ):
        columns[name] = DynamicsColumn(name, type_, f"_{name}_value", targets=targets)
    return DynamicsTable("contact", "contacts", "contactid", True, columns)
