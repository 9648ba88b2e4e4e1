"""The pretend Dynamics and Campaign as benchmarks meet them: another process, over HTTP, like the real ones."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from config.connections import Connections
from config.defaults import default_contact_mapping
from config.document import Document
from config.ingress import CampaignKey, IngressConfig, TableMapping
from control.demo.sandbox import connections_to

ROOT = Path(__file__).resolve().parent.parent

#: Where the configuration finds the pretend systems' secrets.
SECRETS = {"dynamics": "BENCHMARK_DYNAMICS_SECRET", "campaign": "BENCHMARK_CAMPAIGN_SECRET"}


@dataclass(frozen=True, slots=True)
class Pretend:
    connections: Connections
    admin: str

    def page_latency(self, seconds: float) -> None:
        """How long Dynamics thinks before it answers."""
        self.latency("dynamics", seconds)

    def latency(self, system: str, seconds: float) -> None:
        """How long a system thinks before it answers; 0: it answers at once, and so does the other one."""
        self.latencies(**{system: seconds})

    def latencies(self, **seconds: float) -> None:
        """How long each of these systems thinks before it answers; one that is not named answers at once."""
        faults = {system: {"latency_ms": 1000 * time} for system, time in seconds.items() if time}
        requests.put(f"{self.admin}/faults", json=faults, timeout=30).raise_for_status()

    def contact_ids(self) -> list[str]:
        answer = requests.get(f"{self.admin}/dynamics/tables/contact", timeout=60)
        answer.raise_for_status()
        return [row["contactid"] for row in answer.json()["value"]]

    def campaign(self, events: int) -> None:
        """A campaign's events appear in the journal."""
        requests.post(f"{self.admin}/events/campaign", json={"events": events}, timeout=60).raise_for_status()

    def document(self) -> Document:
        return Document(connections=self.connections, ingress=IngressConfig(tables=(mapping(),)))


def mapping() -> TableMapping:
    """The default mapping of contacts, on an instance where the key is a custom key: one call per write."""
    return default_contact_mapping().model_copy(
        update={"key": CampaignKey(field="externalId", unique=True, address="uri")}
    )


def _unlimited(connections: Connections) -> Connections:
    """Without Microsoft's limit of 20 requests a second: what is measured is how fast we could be."""
    dynamics = connections.dynamics.model_copy(update={"requests_per_5_minutes": 1_000_000_000})
    return connections.model_copy(update={"dynamics": dynamics})


@contextmanager
def pretend(contacts: int, **others: int) -> Iterator[Pretend]:
    """The pretend systems with so many contacts, and so many rows of other tables, by their options of the sandbox."""
    command = [sys.executable, "-m", "sandbox", "up", "--contacts", str(contacts), "-o", "json"]
    command += [word for name, count in others.items() for word in (f"--{name.replace('_', '-')}", str(count))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        info = json.loads(process.stdout.readline())
        os.environ.update({variable: info[system]["client_secret"] for system, variable in SECRETS.items()})
        yield Pretend(_unlimited(connections_to(info, SECRETS)), info["admin"]["url"])
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
