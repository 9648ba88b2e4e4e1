"""A first load through Campaign's file import against single writes, Campaign answering after a tenth of a second.

One process does both, as a worker's child does: `write_slice`, called again a second after it has ended, with the
settings that a mapping has unless it says otherwise. What is counted for the load is everything from a full queue to
the last confirmed record: leases, mapping, the file's lines, the upload, the pause before the file comes into its
place, the signal, the import (which the pretend Campaign does as fast as it can, by the checks of its API), the seconds
in which the results settle, reading them, the ledger. Of single writes it is what one process does with all its
connections.
"""

import os
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.connected import connected
from benchmarks.harness import Figure, ratio, say
from benchmarks.people import contacts
from benchmarks.pretend import SECRETS, mapping, pretend
from benchmarks.scaling import PROCESSES, rate_of
from benchmarks.stage import Stage, stage
from config.connections import Connections
from config.document import WorkflowDocument
from config.file_import import FileImport
from config.ingress import IngressConfig
from config.settings import Settings
from config.sftp_connection import SftpConnection
from control.demo.sandbox import Sandbox, connections_to
from store.record_queue import Lane
from sync.streams import Slice, Stream
from sync.tables.position import Phase, Position
from sync.writing import write_slice

RECORDS, SINGLY = 50_000, 1_000
LATENCY_SECONDS = 0.1
TICK_SECONDS = 1.0
PATIENCE_SECONDS = 300.0
_SFTP_KEY = "BENCHMARK_SFTP_KEY"


def run(rounds: int) -> list[Figure]:
    loaded: list[float] = []
    singly: list[float] = []
    together: list[float] = []
    with tempfile.TemporaryDirectory(prefix="d365acs-") as folder, pretend(contacts=0) as there:
        there.latency("campaign", LATENCY_SECONDS)
        sandbox = Sandbox({"contacts": 0}, Path(folder) / "sandbox.log")
        try:
            connections = imports_of(sandbox)
            for number in range(min(rounds, 3)):
                # An instance that has no profile yet, and whose workflow was not signalled a moment ago.
                sandbox.ask("POST", "/reset")
                sandbox.ask("PUT", "/faults", {"campaign": {"latency_ms": 1000 * LATENCY_SECONDS}})
                found = *_rates(connections), rate_of(there, PROCESSES, LATENCY_SECONDS)
                for rates, rate in zip((loaded, singly, together), found, strict=True):
                    rates.append(rate)
                say(
                    f"round {number + 1}: {found[0]:,.0f}/s in a file, {found[1]:,.0f}/s singly, {found[2]:,.0f}/s by "
                    f"{PROCESSES} processes"
                )
        finally:
            sandbox.stop()
    name = f"first load of {RECORDS:,} in a file : singly"
    return [
        ratio(f"{name}, {LATENCY_SECONDS:g} s", "profiles/s", loaded, singly, 20.0),
        ratio(f"{name} by {PROCESSES} processes, {LATENCY_SECONDS:g} s", "profiles/s", loaded, together, None),
    ]


def imports_of(sandbox: Sandbox) -> Connections:
    """To its systems and to the SFTP server where Campaign takes its files."""
    info = sandbox.info
    os.environ.update({variable: info[system]["client_secret"] for system, variable in SECRETS.items()})
    os.environ[_SFTP_KEY] = info["sftp"]["private_key"]
    sftp = SftpConnection(
        host=info["sftp"]["host"],
        port=int(info["sftp"]["port"]),
        user=info["sftp"]["user"],
        host_key=info["sftp"]["host_key"],
        private_key=f"${{env:{_SFTP_KEY}}}",
    )
    return connections_to(info, SECRETS).model_copy(update={"sftp": sftp})


def document(connections: Connections, file_import: FileImport) -> WorkflowDocument:
    """Contacts, new ones in files."""
    table = mapping().model_copy(update={"file_import": file_import})
    return WorkflowDocument(connections=connections, ingress=IngressConfig(tables=(table,)))


def fill(here: Stage, stream: Stream, count: int) -> None:
    """So many contacts, with all columns of the mapping, as Dynamics tells them, wait, and nothing is left to read: as
    long as reading went on, a larger file would be waited for."""
    empty = {field.source: None for field in mapping().fields}
    whole = [one._replace(payload=orjson.dumps({**empty, **orjson.loads(one.payload)})) for one in contacts(count)]
    cursor = here.workflow.cursor(stream.name)
    position = Position(phase=Phase.CHANGES).dump()
    here.queue(stream.name).put_page(here.generation, cursor.number, whole, position, Lane.REPLAY)


def _rates(connections: Connections) -> tuple[float, float]:
    """Profiles a second, in a file and singly, in a fresh store."""
    with stage() as here, connected(here, document(connections, FileImport(workflow="WKF201"))) as stream:
        settings = Settings(home=here.home, instance=here.instance)
        # Fewer than the threshold, so that they travel one by one; these first, since they wait for no cool-down.
        singly = _rate(here, stream, settings, SINGLY)
        return _rate(here, stream, settings, RECORDS), singly


def _rate(here: Stage, stream: Stream, settings: Settings, count: int) -> float:
    queue = here.queue(stream.name)
    fill(here, stream, count)
    begun = time.perf_counter()
    while True:
        piece = Slice(settings.slice_seconds, lambda: False)
        write_slice(stream, {}, here.workflow, here.generation, 0, piece, settings.lease_seconds, settings.batch_size)
        if queue.total() == 0:
            break
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            raise RuntimeError(f"Only a part of {count:,} profiles arrived: {here.workflow.troubles.all()}")
        time.sleep(TICK_SECONDS)
    entries = here.workflow.statistics(stream.name, here.workflow.now_ms()).totals
    assert not entries["refused"], "profiles were set aside"
    return count / (time.perf_counter() - begun)
