"""How long changes take from Dynamics to Campaign where fifty contacts change every second.

Real processes: a worker and a beat, the pretend systems, both of which answer after 50 ms, the embedded server. For a
minute, one contact after the other is changed, each another one, at even times. A change begins when it is sent to the
pretend Dynamics; it has arrived when the ledger says that Campaign confirmed it, which is looked at 20 times a
second. Shown beside it is when Campaign had made the write, from its own journal.
"""

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from benchmarks.harness import Figure, say
from benchmarks.pretend import Pretend, pretend
from benchmarks.steady import running
from store.store import WorkflowStore
from sync.tables.position import Phase, Position

CONTACTS = 10_000
WORKFLOW, STREAM = "ingress", "contact"
PER_SECOND, SECONDS = 50, 60
#: Changes of the first seconds are made, and not counted: the worker's children have just ended a first run.
WARM_UP_SECONDS = 5
LATENCY_SECONDS = 0.05
LOOK_EVERY = 0.05
PATIENCE_SECONDS = 300.0
#: Seconds.
MEDIAN_TARGET, LAST_TARGET = 1.5, 5.0


def run(rounds: int) -> list[Figure]:
    """Runs once, however many rounds are asked for: its figures are those of thousands of changes."""
    with pretend(CONTACTS) as there, running(WORKFLOW, there.document().workflows()[WORKFLOW]) as installed:
        here = _Here(there, installed.workflow)
        here.await_first_run()
        there.latencies(dynamics=LATENCY_SECONDS, campaign=LATENCY_SECONDS)
        here.watch(here.change(WARM_UP_SECONDS))
        times = here.times()
    return [
        *_figures("confirmed", times.confirmed, MEDIAN_TARGET, LAST_TARGET),
        *_figures("in Campaign", times.written, None, None),
    ]


def _figures(what: str, times: Sequence[float], median_target: float | None, last_target: float | None) -> list[Figure]:
    name = f"freshness, {PER_SECOND} changes/s, {LATENCY_SECONDS * 1000:g} ms an answer, {what}"
    low, median, high = statistics.quantiles(times, n=4)
    last = statistics.quantiles(times, n=100)[98]
    return [
        Figure(f"{name}, median", "s", median, None, median, low, high, median_target, "at most"),
        Figure(f"{name}, 99th percentile", "s", last, None, last, last, max(times), last_target, "at most"),
    ]


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds from each change."""

    confirmed: list[float]
    written: list[float]


@dataclass
class _Here:
    there: Pretend
    workflow: WorkflowStore
    _left: list[str] = field(default_factory=list)  #: contacts that were not changed so far

    def await_first_run(self) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        queue = self.workflow.queue(STREAM)
        say(f"a first run of {CONTACTS:,} contacts")
        while self._position.phase is not Phase.CHANGES or queue.total():
            if time.monotonic() > give_up:
                raise RuntimeError("The first run took too long.")
            time.sleep(0.25)
        self._left = self.there.contact_ids()

    @property
    def _position(self) -> Position:
        return Position.load(self.workflow.cursor(STREAM).value)

    def change(self, seconds: float) -> "_Changes":
        """Changes that begin now, in a thread of their own."""
        many = int(PER_SECOND * seconds)
        chosen, self._left = self._left[:many], self._left[many:]
        return _Changes(self.there, chosen)

    def times(self) -> _Times:
        """Of the changes of a minute."""
        self._ask("DELETE", "/journal")
        changes = self.change(SECONDS)
        confirmed = self.watch(changes)
        journal = self._ask("GET", "/journal")
        written = {entry["key"]: entry["at"] for entry in reversed(journal)}
        begun = changes.begun
        say(f"{len(begun):,} changes, {len(begun) / changes.took:.1f} a second")
        return _Times(
            [confirmed[id_] - at for id_, at in begun.items()], [written[id_] - at for id_, at in begun.items()]
        )

    def _ask(self, method: str, path: str) -> Any:
        answer = requests.request(method, f"{self.there.admin}{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def watch(self, changes: "_Changes") -> dict[str, float]:
        """Makes the changes; when each of them was found confirmed, by `time.time`."""
        ledger, confirmed = self.workflow.queue(STREAM).ledger, dict[str, float]()
        give_up = time.monotonic() + PATIENCE_SECONDS
        entries = ledger.entries(changes.ids)
        before = {id_: entry.version if entry else 0 for id_, entry in zip(changes.ids, entries, strict=True)}
        changes.start()
        while len(confirmed) < len(changes.ids):
            waiting = [id_ for id_ in list(changes.begun) if id_ not in confirmed]
            for id_, entry in zip(waiting, ledger.entries(waiting), strict=True):
                # What is about to be sent changes an entry, too: its version tells what was confirmed.
                if entry is not None and entry.version > before[id_]:
                    confirmed[id_] = time.time()
            if time.monotonic() > give_up or changes.failed:
                raise RuntimeError(f"{len(changes.ids) - len(confirmed):,} changes were not confirmed in time.")
            time.sleep(LOOK_EVERY)
        return confirmed


class _Changes(threading.Thread):
    """Changes these contacts, one request each, at even times."""

    def __init__(self, there: Pretend, ids: list[str]) -> None:
        super().__init__(daemon=True)
        self.ids = ids
        self.begun: dict[str, float] = {}  #: when each was sent, by `time.time`
        self.took = 0.0
        self.failed = False
        self._url = f"{there.admin}/dynamics/tables/contact/change"

    def run(self) -> None:
        begun = time.perf_counter()
        try:
            with requests.Session() as session:
                for number, id_ in enumerate(self.ids):
                    time.sleep(max(0.0, begun + number / PER_SECOND - time.perf_counter()))
                    self.begun[id_] = time.time()
                    session.post(self._url, json={"ids": [id_], "seed": id_}, timeout=60).raise_for_status()
        except requests.RequestException:
            self.failed = True
            raise
        self.took = time.perf_counter() - begun
