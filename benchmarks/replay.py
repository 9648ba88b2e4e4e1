"""How long a change takes from Dynamics to Campaign, first alone, then beside a replay of a table of 100,000 contacts.

Real processes: a worker and a beat, the pretend systems, the embedded server. Each change is one contact's, made when
the one before it has arrived; it has when the ledger says that Campaign confirmed it.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from benchmarks.harness import Figure, say
from benchmarks.pretend import Pretend, pretend
from benchmarks.steady import running
from store.store import WorkflowStore
from sync.tables.position import Phase, Position

CONTACTS = 100_000
CHANGES = 40
#: A fast machine has replayed all before so many are made: of those that were made by then, so many are enough.
LEAST_CHANGES = 15
WORKFLOW, STREAM = "ingress", "contact"
PATIENCE_SECONDS = 3600.0
#: A change is to arrive within so many seconds, whatever is replayed. Median.
TARGET = 5.0


def run(rounds: int) -> list[Figure]:
    """Runs once, however many rounds are asked for: it lasts minutes."""
    with pretend(CONTACTS) as there, running(WORKFLOW, there.document().workflows()[WORKFLOW]) as installed:
        workflow = installed.workflow
        here = _Here(there, workflow)
        say(f"a first run of {CONTACTS:,} contacts")
        _await(lambda: here.position.phase is Phase.CHANGES and not here.waiting, "the first run is over")
        alone = here.times(lambda: True)
        workflow.replays.ask(STREAM, "benchmark", "measure")
        if not workflow.replays.begin_now(STREAM, "benchmark"):
            raise RuntimeError("The replay did not begin.")
        before = here.written
        _await(lambda: here.written > before + CONTACTS / 50, "the replay is under way")
        begun, before = time.perf_counter(), here.written
        beside = here.times(lambda: here.waiting > 0)
        say(f"the replay wrote {(here.written - before) / (time.perf_counter() - begun):,.0f} profiles/s meanwhile")
        if len(beside) < LEAST_CHANGES:
            raise RuntimeError(f"The replay had ended when {len(beside)} changes were written; make it longer.")
    return [*_figures("alone", alone), *_figures("beside a replay", beside)]


def _figures(name: str, times: list[float]) -> list[Figure]:
    low, median, high = statistics.quantiles(times, n=4)
    return [
        Figure(f"change of a contact {name}, median", "s", median, None, median, low, high, TARGET, "at most"),
        Figure(f"change of a contact {name}, slowest", "s", max(times), None, max(times), min(times), max(times), None),
    ]


@dataclass
class _Here:
    there: Pretend
    workflow: WorkflowStore

    @property
    def position(self) -> Position:
        return Position.load(self.workflow.cursor(STREAM).value)

    @property
    def waiting(self) -> int:
        return self.workflow.queue(STREAM).total()

    @property
    def written(self) -> int:
        return self.workflow.statistics(STREAM, self.workflow.now_ms()).totals["written"]

    def times(self, counts: Callable[[], bool]) -> list[float]:
        """Seconds that each of some changes took, one after another, as long as it `counts` once it has arrived."""
        ledger, found = self.workflow.queue(STREAM).ledger, []
        for number in range(CHANGES):
            # What a walk brings of it bears no version that is newer than those that were read by then.
            version = 2 * self.position.highest
            changed = requests.post(
                f"{self.there.admin}/dynamics/change", json={"count": 1, "seed": time.time_ns() % 1_000_000}, timeout=60
            )
            changed.raise_for_status()
            begun, [record_id] = time.perf_counter(), changed.json()["ids"]

            def is_there(record_id: str = record_id, version: int = version) -> bool:
                [entry] = ledger.entries([record_id])
                return entry is not None and entry.version > version

            _await(is_there, f"change {number + 1} has arrived", every=0.02)
            took = time.perf_counter() - begun
            if not counts():
                break
            found.append(took)
        return found


def _await(condition: Callable[[], bool], what: str, every: float = 0.25) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise RuntimeError(f"It took too long until {what}.")
        time.sleep(every)
