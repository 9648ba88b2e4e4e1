"""The rules against the schemas that the sandbox's two systems tell: what fits, and what a published change breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.ingress import IngressConfig
from config.load import load_file
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.http import NoThrottle
from sync.fitting.drift import differences
from sync.fitting.judgement import judge_all
from sync.mapping.mapper import Mapper
from sync.schemas import Schemas, dump, load, read_schemas
from tests.integration.connectors.sandboxed import campaign_connection, dynamics_connection
from tests.sandboxes import Sandbox

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "every-feature.yaml"


@pytest.fixture
def systems(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Dynamics, Campaign]]:
    for name, system in (("DYNAMICS", "dynamics"), ("CAMPAIGN", "campaign")):
        for variable in (f"{name}_SECRET", f"{name}_CLIENT_SECRET"):
            monkeypatch.setenv(variable, sandbox.info[system]["client_secret"])
    dynamics = Dynamics(dynamics_connection(sandbox), NoThrottle())
    campaign = Campaign(campaign_connection(sandbox), NoThrottle())
    yield dynamics, campaign
    dynamics.close()
    campaign.close()
    sandbox.admin.post("/reset")


@pytest.fixture
def config(systems: tuple[Dynamics, Campaign]) -> IngressConfig:
    loaded = load_file(EXAMPLE).ingress
    assert loaded is not None
    return loaded


def schemas(config: IngressConfig, systems: tuple[Dynamics, Campaign]) -> Schemas:
    return load(dump(read_schemas(config, *systems, timeout=10)))


def test_the_example_of_every_feature_fits_the_live_systems(
    config: IngressConfig, systems: tuple[Dynamics, Campaign]
) -> None:
    # Given the schemas as a run keeps them
    kept = schemas(config, systems)
    # When the example is judged
    judged = judge_all(config, kept)
    # Then nothing stands against it, and what the file says about a long note is a warning
    assert judged.errors == ()
    assert any("new_invoiceline.new_note -> cusInvoiceLine.note: " in said.sentence for said in judged.warnings)
    # And every table's mapping can be made ready

    for mapping in config.tables:
        assert Mapper(mapping, kept.tables[mapping.table]).columns


def test_a_published_change_is_named_on_either_side(
    config: IngressConfig, systems: tuple[Dynamics, Campaign], sandbox: Sandbox
) -> None:
    kept = schemas(config, systems)
    # When somebody publishes changes on both sides while a run goes on
    sandbox.admin.post("/dynamics/publish", {"table": "new_membership", "remove": ["new_points"]})
    sandbox.admin.post(
        "/campaign/publish", {"resource": "cusMembership", "change": {"number": {"length": 30}}, "remove": ["score"]}
    )
    # Then both are named, for the table that they touch
    live = schemas(config, systems)
    drifts = {
        mapping.table: differences(mapping, kept.tables[mapping.table], live.tables[mapping.table])
        for mapping in config.tables
    }
    assert drifts.pop("new_membership") == (
        ["new_membership.new_points is gone", "cusMembership.score is gone"],
        ["cusMembership.number takes 30 characters at most, and took 20 characters at most"],
    )
    assert all(drift == ([], []) for drift in drifts.values())
