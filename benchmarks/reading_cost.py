"""What reading costs: processor time a row, and what several tables cost in time when they are read at once.

Processor time: `read_slice`, from HTTP to queue, against a bare loop over the same pages, of the same client library
(libcurl by pycurl, one connection) and the same parser (orjson), which keeps nothing. That of this process counts, all
its threads included; that of the server is shown beside it, as is that of writing the same rows.

Several tables: four tables of one worker process, with four children and with one, where each page takes Dynamics a
quarter of a second. With one child they are read one after the other. Counted from when as many pages were read as
there are tables.
"""

import itertools
import time
from io import BytesIO

import orjson
import pycurl

from benchmarks.connected import connected
from benchmarks.harness import Figure, ratio, take_turns
from benchmarks.pretend import Pretend, pretend
from benchmarks.reading import ours
from benchmarks.stage import PAGE, WORKFLOW, Stage, stage
from benchmarks.workers import PATIENCE_SECONDS, worker_process
from config.document import Document, dump
from config.ingress import IngressConfig
from config.settings import Settings
from connectors.auth import entra_token
from connectors.dynamics import HEADERS
from connectors.dynamics_pages import paging
from control.demo.tables import mappings
from store.store import Store
from sync import ingress
from sync.systems import Systems

CONTACTS = 30_000
#: Processor time of `read_slice` : that of the bare loop.
COST_TARGET = 1.5
#: Several tables: rows of each, rows of a page, and what a page takes.
TABLES, ROWS, ROWS_A_PAGE, PAGE_SECONDS = 4, 8_000, 500, 0.25
SEVERAL_TARGET = 3.0


def run(rounds: int) -> list[Figure]:
    return [*_cost(rounds), _several(min(rounds, 3))]


def _cost(rounds: int) -> list[Figure]:
    with (
        pretend(CONTACTS) as there,
        stage() as here,
        connected(here, there.document().workflows()[WORKFLOW]) as stream,
    ):
        bare = _Bare(there)
        names = (f"contact{number}" for number in itertools.count())
        found = take_turns(rounds, lambda: ours(here, stream, next(names), CONTACTS), bare.read)
    return [
        ratio(
            "read, processor time a row : bare loop", "us", found["ours us"], found["bare us"], COST_TARGET, "at most"
        ),
        ratio("the same, with the server's", "us", found["with server us"], found["bare us"], None, "at most"),
    ]


class _Bare:
    """Pages through the contacts as our own reader asks for them, parses each page, and forgets it."""

    def __init__(self, there: Pretend) -> None:
        dynamics = there.connections.dynamics
        columns = ",".join(rule.source for rule in there.document().ingress.tables[0].fields)  # type: ignore[union-attr]
        self._first = f"{dynamics.api_root}/contacts?$select={columns}"
        headers = {name: value for name, value in HEADERS.items() if name != "Accept-Encoding"}
        headers |= {"Authorization": entra_token(dynamics).header(30), "Prefer": paging(PAGE)}
        self._curl = pycurl.Curl()
        self._curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
        self._curl.setopt(pycurl.ACCEPT_ENCODING, HEADERS["Accept-Encoding"])
        self._curl.setopt(pycurl.BUFFERSIZE, 128 * 1024)

    def read(self) -> dict[str, float]:
        link: str | None = self._first
        rows, begun = 0, time.process_time()
        while link:
            body = BytesIO()
            self._curl.setopt(pycurl.URL, link)
            self._curl.setopt(pycurl.WRITEFUNCTION, body.write)
            self._curl.perform()
            page = orjson.loads(body.getbuffer())
            rows += len(page["value"])
            link = page.get("@odata.nextLink")
        took = time.process_time() - begun
        assert rows == CONTACTS
        return {"bare us": took / rows * 1e6}


def _several(rounds: int) -> Figure:
    rows = dict.fromkeys(("contacts", "memberships", "invoices", "invoice_lines"), ROWS)
    together, alone = [], []
    with pretend(**rows) as there:
        document = Document(connections=there.connections, ingress=IngressConfig(tables=mappings()))
        known = _learned(document)
        there.page_latency(PAGE_SECONDS)
        for _ in range(rounds):
            together.append(_rate(document, known, TABLES))
            alone.append(_rate(document, known, 1))
    name = f"{TABLES} tables at once : one after the other, {PAGE_SECONDS:g} s a page"
    return ratio(name, "rows/s", together, alone, SEVERAL_TARGET)


def _learned(document: Document) -> bytes:
    with stage() as here:
        systems = Systems(document.connections, Store(here.redis, here.instance))
        known = ingress.learn(document.workflows()[WORKFLOW], systems)
        systems.close()
    return known


def _rate(document: Document, known: bytes, children: int) -> float:
    """Rows a second in a fresh store, from when as many pages were read as there are tables to the last page."""
    part = document.workflows()[WORKFLOW]
    with stage() as here:
        # One slice is enough for all of it.
        settings = Settings(
            home=here.home,
            instance=here.instance,
            slice_seconds=60,
            lease_seconds=120,
            read_page_size=ROWS_A_PAGE,
        )
        here.workflow.revisions.save(0, dump(part), "benchmark", "measure")
        here.workflow.keep_schemas(here.generation, known)
        streams = ingress.stream_names(part)
        here.workflow.lifecycle.add_streams(streams)
        with worker_process(here, settings, WORKFLOW, streams, ("read",), children) as nudge:
            nudge()
            first = _await_rows(here, streams, TABLES * ROWS_A_PAGE)
            begun = time.perf_counter()
            last = _await_rows(here, streams, TABLES * ROWS)
            return (last - first) / (time.perf_counter() - begun)


def _await_rows(here: Stage, streams: list[str], rows: int) -> int:
    """Returns how many rows were read as soon as they are so many."""
    give_up = time.perf_counter() + PATIENCE_SECONDS
    while (read := sum(here.workflow.queue(stream).backlog().total for stream in streams)) < rows:
        if time.perf_counter() > give_up:
            raise RuntimeError(f"The worker process read too little; its log is {here.home}/worker.log.")
        time.sleep(0.01)
    return read
