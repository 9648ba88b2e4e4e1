"""From a flag changed in Campaign to the confirmed write in Dynamics; and the bulk of a day on which many change.

The processes of the Procfile (worker, consent, beat), the embedded server, and the pretend systems with 100,000 contacts
and as many profiles, polled once a second.

Time: people change flags in Campaign, a few every second, each of another contact. The pretend Campaign says when; the
record of decisions says when Dynamics had confirmed. First alone; then beside a replay of all contacts in ingress, in
which each of their profiles changes, so that polling finds all of them, too.

Bulk: 20,000 flags change at once, first in Campaign, then in Dynamics, against a bare loop that sends the same writes
(`requests`, a pooled adapter, a thread pool, bodies made beforehand) and reads, decides and records nothing.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from benchmarks.harness import Figure, ratio, say, take_turns
from benchmarks.pretend import Pretend, mapping, pretend
from benchmarks.stage import ENDLESS
from config.consent_flags import FlagPair
from config.document import Document, dump
from config.ingress import IngressConfig
from config.optinout import OptinoutConfig
from config.settings import PREFIX, Settings
from connectors.auth import entra_token, ims_token
from connectors.dynamics_batches import PREFER
from connectors.dynamics_updates import Update, written
from control.processes.procfile import environment, procfile, read_procfile
from control.processes.supervisor import Supervisor
from store.client import connect
from store.embedded import EmbeddedServer
from store.store import Store, WorkflowStore

CONTACTS = 100_000
#: Changes of which the time is taken, and how many of them happen in a second.
CHANGES, PER_SECOND = 200, 4
#: Flags of a bulk day.
BULK = 20_000
#: Turns of a bulk day, each way; a first one warms up.
DAYS = 2
#: Seconds.
MEDIAN_TARGET = 3.0
PATIENCE_SECONDS = 600.0
LOOK_EVERY = 0.1

INSTANCE = "bench"
PAIR = FlagPair(dynamics="donotemail", campaign="blackListEmail", policy="newest")
#: A column and a flag of which opt-in/out knows nothing.
UNPAIRED_COLUMN, UNPAIRED_FLAG = "donotfax", "blackListFax"


def run(rounds: int) -> list[Figure]:
    """Runs once, however many rounds are asked for: it lasts minutes."""
    with ExitStack() as stack:
        # A short path: Unix sockets have a length limit.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="d365acs-")))
        here = stack.enter_context(_stage(home, stack.enter_context(pretend(CONTACTS))))
        here.settle()
        say(f"looked at {CONTACTS:,} contacts for the first time")
        alone = here.times(1)
        days = _bulk_days(here)
        with here.replay():
            beside = here.times(2)
    return [*_times("alone", alone), *_times("beside a replay", beside), *days]


def _times(name: str, times: Sequence[float]) -> list[Figure]:
    low, median, high = statistics.quantiles(times, n=4)
    last = statistics.quantiles(times, n=100)[98]
    return [
        Figure(f"consent {name}, median", "s", median, None, median, low, high, MEDIAN_TARGET, "at most"),
        Figure(f"consent {name}, 99th percentile", "s", last, None, last, last, max(times), None),
    ]


def _bulk_days(here: "_Stage") -> list[Figure]:
    bare = _Bare(here)
    found = take_turns(
        DAYS,
        lambda: {"bare dynamics": bare.write_dynamics()},
        lambda: {"to dynamics": here.bulk("campaign")},
        lambda: {"bare campaign": bare.write_campaign()},
        lambda: {"to campaign": here.bulk("dynamics")},
    )
    return [
        ratio("bulk day, to Dynamics : bare $batch", "contacts/s", found["to dynamics"], found["bare dynamics"], None),
        ratio("bulk day, to Campaign : bare PATCH", "contacts/s", found["to campaign"], found["bare campaign"], None),
    ]


@dataclass
class _Stage:
    there: Pretend
    store: Store

    @property
    def optinout(self) -> WorkflowStore:
        return self.store.workflow("optinout")

    def ask(self, method: str, path: str, body: object = None) -> Any:
        answer = requests.request(method, f"{self.there.admin}{path}", json=body, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def change(self, **plan: object) -> list[dict[str, Any]]:
        """People change their minds, each contact once; what happened, in order."""
        self.ask("DELETE", "/consent/changes")
        self.ask("POST", "/consent/changes", {"pairs": [{"dynamics": PAIR.dynamics, "campaign": PAIR.campaign}], **plan})
        told: dict[str, Any] = {"left": 1}
        while told["left"]:
            time.sleep(LOOK_EVERY)
            told = self.ask("GET", "/consent/changes")
        changes: list[dict[str, Any]] = told["value"]
        return changes

    def times(self, seed: int) -> list[float]:
        """Seconds from each change in Campaign to the confirmation by Dynamics."""
        began_ms = self.store.now_ms()
        changes = self.change(side="campaign", contacts=CHANGES, rate=PER_SECOND, seed=seed)
        made = {change["id"]: change["at"] for change in changes}
        confirmed: dict[str, float] = {}

        def all_there() -> bool:
            decisions = self.optinout.consent.between(began_ms, self.store.now_ms() + 1)
            confirmed.update({one.contact: one.written_ms / 1000 for one in decisions if one.written_ms})
            return made.keys() <= confirmed.keys()

        _await(all_there, "every change was written")
        return [confirmed[id_] - at for id_, at in made.items()]

    def bulk(self, side: str) -> float:
        """Contacts per second, from the moment at which all have changed on this side until the other one has them."""
        self.ask("DELETE", "/consent/writes")
        ids = [change["id"] for change in self.change(side=side, contacts=BULK, seed=time.time_ns())]
        begun = time.perf_counter()
        counted = self._written()

        def all_there() -> bool:
            return self._written() - counted >= len(ids)

        # Those that were written before the count began are few; they are asked of the sandbox.
        missing = BULK - sum(1 for _ in self._writes())
        assert missing > BULK / 2
        _await(lambda: sum(1 for _ in self._writes()) >= len(ids), "a bulk day was written", every=0.5)
        took = time.perf_counter() - begun
        self.settle()
        del all_there
        return len(ids) / took
