"""Memory of a worker while it makes and settles a load: of the default size, and of the largest one allowed.

A real worker with one child, so that all records travel in the one file and none is written singly; the embedded
server, the pretend systems, and their SFTP server. What counts is the most resident memory (RSS) that the larger of its
two processes ever had, from the first record that it leased to the last one that was settled, results read.
"""

import tempfile
import time
from pathlib import Path

from benchmarks.connected import connected
from benchmarks.first_load import document, fill, imports_of
from benchmarks.harness import Figure, say
from benchmarks.stage import WORKFLOW, stage
from benchmarks.steady import group_members, peak
from benchmarks.workers import worker_process
from config.connections import Connections
from config.file_import import FileImport
from config.settings import Settings
from control.demo.sandbox import Sandbox
from sync.loading.collecting import COLLECT_SECONDS

DEFAULT = 100_000
LARGEST = 500_000
TARGET_MB = 200.0
MB = 1_000_000
STEP = 50_000
#: Between two nudges, as between two ticks.
TICK_SECONDS = 1.0
SAMPLE_EVERY = 0.1
PATIENCE_SECONDS = 900.0


def run(rounds: int) -> list[Figure]:
    """Runs once with each size, however many rounds are asked for: a size does not vary as a speed does."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder:
        for size in (DEFAULT, LARGEST):
            sandbox = Sandbox({"contacts": 0}, Path(folder) / "sandbox.log")
            try:
                most, held = _most(imports_of(sandbox), size)
            finally:
                sandbox.stop()
            if held < size:
                say(f"the load held {held:,} records: more were not collected in {COLLECT_SECONDS:.0f} s")
            name = f"a worker's largest process while a load of {held:,} is made and settled"
            figures.append(Figure(name, "MB", most, None, most, most, most, TARGET_MB, "at most"))
    return figures


def _most(connections: Connections, size: int) -> tuple[float, int]:
    """MB, and how many records the load held."""
    ways = FileImport(workflow="WKF201", at_most=size)
    with stage() as here, connected(here, document(connections, ways)) as stream:
        settings, loads = Settings(home=here.home, instance=here.instance), here.workflow.loads(stream.name)
        say(f"filling a queue with {size:,} records")
        for start in range(0, size, STEP):
            fill(here, stream, min(STEP, size - start))
        most, load = 0, None
        with worker_process(here, settings, WORKFLOW, [stream.name], ("write",)) as nudge:
            begun, nudged = time.monotonic(), 0.0
            while (now := loads.read()) or not load:
                load = now or load
                if time.monotonic() > begun + PATIENCE_SECONDS:
                    raise RuntimeError(f"A load of {size:,} was not settled: {here.workflow.troubles.all()}")
                if time.monotonic() > nudged + TICK_SECONDS:
                    nudge()
                    nudged = time.monotonic()
                most = max(most, *(peak(member) for member in group_members(nudge.group)))
                time.sleep(SAMPLE_EVERY)
    return most / MB, load.count
