"""The command line over a real server, as an operator named ann types it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from cli.main import cli
from config.settings import Settings
from store.store import Store, WorkflowStore

CONNECTIONS = """\
connections:
  dynamics:
    url: https://contoso.crm.dynamics.test
    tenant: contoso.test
    client_id: 11111111-2222-3333-4444-555555555555
    client_secret: ${env:DYNAMICS_CLIENT_SECRET}
  campaign:
    url: https://campaign.test/contoso
    client_id: abc
    client_secret: ${env:CAMPAIGN_CLIENT_SECRET}
    org_id: 0123@AdobeOrg
"""
INGRESS = """\
ingress:
  tables:
    - table: contact
      resource: profile
      key: {field: externalId}
      fields:
        - {from: firstname, to: firstName}
"""
JOURNAL = """\
  journal:
    url: https://events.adobe.test/events/organizations/1/integrations/2/3
"""
CONFIGURATION = CONNECTIONS + INGRESS
#: A file that configures egress alone, and one that configures both workflows.
EGRESS_ALONE = CONNECTIONS + JOURNAL + "egress: {}\n"
BOTH = CONNECTIONS + JOURNAL + INGRESS + "egress: {}\n"

Run = Callable[..., Result]


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=redis_url, home=tmp_path, actor="ann")


@pytest.fixture
def store(redis: Redis, settings: Settings) -> Store:
    return Store(redis, settings.instance)


@pytest.fixture
def ingress(store: Store) -> WorkflowStore:
    return store.workflow("ingress")


@pytest.fixture
def egress(store: Store) -> WorkflowStore:
    return store.workflow("egress")


@pytest.fixture
def optinout(store: Store) -> WorkflowStore:
    return store.workflow("optinout")


@pytest.fixture
def run(redis: Redis, redis_url: str, tmp_path: Path) -> Run:
    """run("workflow", "ls") answers what the command wrote, and its exit code.

    `answer` is typed in; what else is given are variables of the environment, None takes one away.
    """

    def invoke(*arguments: str, answer: str | None = None, **more: str | None) -> Result:
        options = ["--redis-url", redis_url, "--home", str(tmp_path)]
        environment = {
            "D365ACS_ACTOR": "ann",
            "D365ACS_ORIGIN": "ann@desk",
            "D365ACS_CONTEXTS": str(tmp_path / "contexts.yaml"),
            **more,
        }
        return CliRunner().invoke(cli, [*options, *arguments], input=answer, env=environment, prog_name="d365acs")

    return invoke


@pytest.fixture
def acknowledged(store: Store) -> None:
    """Somebody has acknowledged how privacy requests are made."""
    store.privacy.record("ann", store.now_ms())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file."""
    path = tmp_path / "d365acs.yaml"
    path.write_text(CONFIGURATION)
    return path


@pytest.fixture
def edited(file: Path) -> Callable[[str, str], Path]:
    """edited("firstName", "lastName") changes the file."""

    def edit(old: str, new: str) -> Path:
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        return file

    return edit


@pytest.fixture
def answering(store: Store, ingress: WorkflowStore, egress: WorkflowStore, optinout: WorkflowStore) -> None:
    """A worker for all workflows and a beat that have just answered."""
    queues = [f"{name}.{role}" for name in ("ingress", "egress", "optinout") for role in ("read", "write")]
    store.heartbeats.beat("worker@here", "worker", ("control", *queues), 4)
    store.heartbeats.beat("beat@here", "beat")
    for workflow in (ingress, egress, optinout):
        workflow.note_tick(store.now_ms())
