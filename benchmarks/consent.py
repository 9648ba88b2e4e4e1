"""From a flag changed in Campaign to the confirmed write in Dynamics; and the bulk of a day on which many change.

The processes of the Procfile (worker, consent, beat), the embedded server, the pretend systems with 100,000 contacts
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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter

from benchmarks.harness import Figure, ratio, say
from benchmarks.pretend import Pretend, pretend
from config.consent_flags import FlagPair
from config.document import Document, dump
from config.optinout import OptinoutConfig
from config.settings import PREFIX, Settings
from connectors.auth import entra_token, ims_token
from connectors.batch import Written
from connectors.dynamics_batches import PREFER
from connectors.dynamics_updates import Update, written
from control.processes.procfile import environment, procfile, read_procfile
from control.processes.supervisor import Supervisor
from store.client import connect
from store.consent import Confirmed
from store.embedded import EmbeddedServer
from store.store import Store, WorkflowStore
from sync.consent.position import ConsentPosition
from sync.consent.target import TOGETHER
from sync.optinout import STREAM
from sync.systems import Systems

T = TypeVar("T")

CONTACT = "contact"
CONTACTS = 100_000
#: Changes of which the time is taken, and how many of them happen in a second.
CHANGES, PER_SECOND = 200, 3.7
#: How long ago the profiles were made, by the clock of the pretend systems, which is so far ahead of ours.
AGE_SECONDS = 3600
#: Flags of a bulk day.
BULK = 20_000
#: Seconds.
MEDIAN_TARGET = 3.0
PATIENCE_SECONDS = 600.0
LOOK_EVERY = 0.1

INSTANCE = "bench"
PROCESSES = ("worker", "consent", "beat")
PAIR = FlagPair(dynamics="donotemail", campaign="blackListEmail", policy="newest")
PAIRS = [{"dynamics": PAIR.dynamics, "campaign": PAIR.campaign}]
OPTINOUT = OptinoutConfig(direction="bidirectional", flags=(PAIR,))
#: A column and a flag of which opt-in/out knows nothing.
UNPAIRED_COLUMN, UNPAIRED_FLAG = "donotfax", "blackListFax"
#: What must be so for so many seconds is so.
QUIET_SECONDS = 3.0


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


@contextmanager
def _stage(home: Path, there: Pretend) -> Iterator["_Stage"]:
    """The processes of the Procfile; a profile for each contact; opt-in/out both ways, running."""
    settings = Settings(home=home, instance=INSTANCE)
    path = procfile()
    lines = [line for line in read_procfile(path) if line.name in PROCESSES]
    quiet = {f"{PREFIX}LOG_FORMAT": "json"}
    with EmbeddedServer(home) as server, connect(server.url) as redis:
        here = _Stage(there, Store(redis, INSTANCE))
        here.ask("POST", "/consent/profiles", {"pairs": PAIRS})
        # They changed long ago, and one since: else all of them lie within the time that polling looks back.
        here.ask("POST", "/clock", {"advance": AGE_SECONDS})
        here.change(side="campaign", contacts=1)
        here.start("optinout", Document(connections=there.connections, optinout=OPTINOUT))
        supervisor = Supervisor(lines, environment(settings, quiet), path.parent, lambda name, text: None, logs=home)
        try:
            supervisor.start()
            yield here
        finally:
            supervisor.stop()


def _times(name: str, times: Sequence[float]) -> list[Figure]:
    low, median, high = statistics.quantiles(times, n=4)
    last = statistics.quantiles(times, n=100)[98]
    return [
        Figure(f"consent {name}, median", "s", median, None, median, low, high, MEDIAN_TARGET, "at most"),
        Figure(f"consent {name}, 99th percentile", "s", last, None, last, last, max(times), None),
    ]


def _bulk_days(here: "_Stage") -> list[Figure]:
    bare = _Bare(here)
    to_dynamics, to_campaign = "bulk day, to Dynamics : bare $batch", "bulk day, to Campaign : bare PATCH"
    return [
        ratio(to_dynamics, "contacts/s", [here.bulk("campaign")], [bare.write_dynamics()], None),
        ratio(to_campaign, "contacts/s", [here.bulk("dynamics")], [bare.write_campaign()], None),
    ]


@dataclass
class _Stage:
    there: Pretend
    store: Store

    @property
    def optinout(self) -> WorkflowStore:
        return self.store.workflow("optinout")

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to the admin side of the pretend systems."""
        answer = requests.request(method, f"{self.there.admin}{path}", json=body, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def start(self, name: str, document: Document) -> None:
        workflow = self.store.workflow(name)
        workflow.revisions.save(workflow.revisions.newest(), dump(document.workflows()[name]), "benchmark", "measure")
        workflow.lifecycle.start("benchmark", "measure", workflow.revisions.newest())

    def settle(self) -> None:
        """Until nothing is to be read or written any more."""
        since = time.monotonic()

        def is_quiet() -> bool:
            nonlocal since
            parts = ConsentPosition.load(self.optinout.cursor(STREAM).value).parts.values()
            caught_up = bool(parts) and all(part.read_ms and not part.busy for part in parts)
            if not caught_up or self.optinout.queue(STREAM).total():
                since = time.monotonic()
            return time.monotonic() - since > QUIET_SECONDS

        _await(is_quiet, "opt-in/out has nothing left to do")

    def change(self, **plan: object) -> int:
        """People begin to change their minds, each contact once; how many will."""
        self.ask("DELETE", "/consent/changes")
        changes: int = self.ask("POST", "/consent/changes", {"pairs": PAIRS, **plan})["changes"]
        return changes

    def times(self, seed: int) -> list[float]:
        """Seconds from each change in Campaign to the confirmation by Dynamics."""
        began_ms = self.store.now_ms()
        self.change(side="campaign", contacts=CHANGES, rate=PER_SECOND, seed=seed)
        made: dict[str, float] = {}
        confirmed: dict[str, float] = {}

        def all_there() -> bool:
            told = self.ask("GET", "/consent/changes")
            made.update({change["id"]: change["at"] for change in told["value"]})
            decisions = self.optinout.consent.between(began_ms, self.store.now_ms() + 1)
            confirmed.update({one.contact: one.written_ms / 1000 for one in decisions if one.written_ms})
            return not told["left"] and made.keys() <= confirmed.keys()

        _await(all_there, "every change was written", every=1.0)
        return [confirmed[id_] - (at - AGE_SECONDS) for id_, at in made.items()]

    def bulk(self, side: str) -> float:
        """Contacts per second, from the moment at which they all have changed on this side until the other one has
        confirmed the last of them."""
        before = self._answered()
        changes = self.change(side=side, contacts=BULK, seed=time.time_ns())
        begun = time.perf_counter()
        _await(lambda: self._answered() - before >= changes, "a bulk day was written")
        took = time.perf_counter() - begun
        self.settle()
        return changes / took

    def _answered(self) -> int:
        return self.optinout.consent.stats().confirmed[Confirmed.ANSWER.value]

    @contextmanager
    def replay(self) -> Iterator[None]:
        """All contacts are replayed meanwhile. Raises RuntimeError if that is over too soon."""
        ingress = self.store.workflow("ingress")
        ingress.replays.ask(CONTACT, "benchmark", "measure")
        self.start("ingress", self.there.document())

        def written() -> int:
            totals = ingress.statistics(CONTACT, ingress.now_ms()).totals
            return totals["written"] + totals["unchanged"]

        _await(lambda: written() > CONTACTS / 50, "the replay is under way")
        begun, before = time.perf_counter(), written()
        yield
        done = written()
        say(f"ingress wrote {(done - before) / (time.perf_counter() - begun):,.0f} profiles/s meanwhile")
        if done >= CONTACTS:
            raise RuntimeError("The replay had ended before all changes were written; make it longer.")
        ingress.lifecycle.stop("benchmark", "measured")


class _Bare:
    """The writes alone, of the size, form and number of connections that ours have."""

    def __init__(self, here: _Stage) -> None:
        self._here = here
        self._dynamics, self._campaign = here.there.connections.dynamics, here.there.connections.campaign
        self._path = urlsplit(self._dynamics.api_root).path
        systems = Systems(here.there.connections, here.store)
        self._table = systems.dynamics.table(CONTACT, 30)
        systems.close()

    def write_dynamics(self) -> float:
        """Contacts per second, in batches, each in the version that it has."""
        rows = self._here.ask("GET", f"/consent/flags?columns={UNPAIRED_COLUMN}")["value"][:BULK]
        updates = [
            Update(self._table, row["id"], {UNPAIRED_COLUMN: not row["dynamics"][UNPAIRED_COLUMN]}, row["etag"])
            for row in rows
        ]
        batches = [written(updates[start : start + TOGETHER], self._path) for start in range(0, BULK, TOGETHER)]
        with _session(self._dynamics.url, self._dynamics.concurrency) as session:
            session.headers.update({"Authorization": entra_token(self._dynamics).header(30), "Prefer": PREFER})

            def post(batch: Written) -> int:
                headers = {"Content-Type": batch.content_type}
                answer = session.post(f"{self._dynamics.api_root}/$batch", data=batch.body, headers=headers, timeout=30)
                return answer.content.count(b"HTTP/1.1 200")

            return self._rate(post, batches, self._dynamics.concurrency)

    def write_campaign(self) -> float:
        """Profiles per second, one by one."""
        rows = self._here.ask("GET", f"/consent/flags?columns={UNPAIRED_COLUMN}")["value"][:BULK]
        url = f"{self._campaign.api_root}/{self._campaign.profile_api}/profile"
        bodies = [
            (f"{url}/{profile['pkey']}", orjson.dumps({UNPAIRED_FLAG: not profile["flags"][UNPAIRED_FLAG]}))
            for row in rows
            for profile in row["profiles"]
        ]
        with _session(self._campaign.url, self._campaign.concurrency) as session:
            session.headers.update(
                {
                    "Authorization": ims_token(self._campaign).header(30),
                    "X-Api-Key": self._campaign.client_id,
                    "Content-Type": "application/json;charset=utf-8",
                }
            )

            def patch(one: tuple[str, bytes]) -> int:
                return int(session.patch(one[0], data=one[1], timeout=30).status_code == 200)

            return self._rate(patch, bodies, self._campaign.concurrency)

    def _rate(self, send: Callable[[T], int], wanted: Sequence[T], threads: int) -> float:
        begun = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            done = sum(pool.map(send, wanted))
        took = time.perf_counter() - begun
        assert done == BULK
        self._here.settle()
        return BULK / took


@contextmanager
def _session(url: str, connections: int) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount(url, HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
        yield session


def _await(condition: Callable[[], bool], what: str, every: float = LOOK_EVERY) -> None:
    """Raises RuntimeError."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise RuntimeError(f"Not within {PATIENCE_SECONDS:.0f} s: {what}.")
        time.sleep(every)
