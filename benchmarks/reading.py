"""Reading contacts, from HTTP to the queue, against a bare loop that pages through the same rows and parses them.

Ours is `read_slice`, the body of a read task: rights, cursor, count, throttle, rows into records, the queue with its
append-only file. The bare loop keeps nothing: `requests` and `orjson`, the same columns, the same pages, the same
preferences. Both in this process, one after the other; the pretend Dynamics serves both from another process.
"""

import itertools
import time
from typing import cast

import orjson
import requests

from benchmarks.connected import connected
from benchmarks.harness import Figure, ratio, take_turns
from benchmarks.pretend import Pretend, pretend
from benchmarks.stage import PAGE, WORKFLOW, Stage, stage
from connectors.auth import entra_token
from sync.reading import read_slice
from sync.streams import ReadEnd, Slice, Stream

CONTACTS = 30_000
#: What a page of the second line takes to be answered; of the real Dynamics it would be fast.
PAGE_SECONDS = 0.25


def run(rounds: int) -> list[Figure]:
    with (
        pretend(CONTACTS) as there,
        stage() as here,
        connected(here, there.document().workflows()[WORKFLOW]) as stream,
    ):
        bare = _Bare(there)
        names = (f"contact{number}" for number in itertools.count())
        at_once = take_turns(rounds, lambda: ours(here, stream, next(names), CONTACTS), bare.read)
        there.page_latency(PAGE_SECONDS)
        slowly = take_turns(min(rounds, 3), lambda: ours(here, stream, next(names), CONTACTS), bare.read)
    return [
        ratio("read : bare loop", "contacts/s", at_once["ours"], at_once["bare"], 0.6),
        ratio(f"the same, {PAGE_SECONDS:g} s a page", "contacts/s", slowly["ours"], slowly["bare"], None),
    ]


def ours(here: Stage, stream: Stream, name: str, rows: int) -> dict[str, float]:
    """Reads a table of so many rows under a name that was not used before.

    Rows per second; processor microseconds a row, of this process with all its threads, and with the server's.
    """
    # A name of its own has no cursor yet: everything is read.
    stream = Stream(name, stream.source, stream.target)
    queue = here.queue(name)
    server, process, begun = _server_seconds(here), time.process_time(), time.perf_counter()
    end = read_slice(stream, here.workflow, here.generation, Slice(120, lambda: False))
    took = time.perf_counter() - begun
    process, server = time.process_time() - process, _server_seconds(here) - server
    assert end is ReadEnd.CAUGHT_UP and queue.backlog().waiting == rows
    here.redis.unlink(queue.keys.records, queue.keys.replay)
    return {"ours": rows / took, "ours us": process / rows * 1e6, "with server us": (process + server) / rows * 1e6}


def _server_seconds(here: Stage) -> float:
    """Processor time of the server so far, its threads that write files included."""
    used = here.redis.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


class _Bare:
    def __init__(self, there: Pretend) -> None:
        dynamics = there.connections.dynamics
        # The columns as our own reader asks for them.
        columns = ",".join(rule.source for rule in there.document().ingress.tables[0].fields)  # type: ignore[union-attr]
        self._first = f"{dynamics.api_root}/contacts?$select={columns}"
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Authorization": entra_token(dynamics).header(30),
                "Accept": "application/json",
                "OData-MaxVersion": "4.0",
                "OData-Version": "4.0",
                "Prefer": f"odata.track-changes,odata.maxpagesize={PAGE}",
            }
        )

    def read(self) -> dict[str, float]:
        link: str | None = self._first
        rows = 0
        begun = time.perf_counter()
        while link:
            answer = self._session.get(link, timeout=60)
            page = orjson.loads(answer.content)
            rows += len(page["value"])
            link = cast(str | None, page.get("@odata.nextLink"))
        took = time.perf_counter() - begun
        assert rows == CONTACTS
        return {"bare": CONTACTS / took}
