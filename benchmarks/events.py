"""Email events from the journal to confirmed activities, against a bare loop that posts the same batches.

Ours is `read_slice` then `write_slice`, the bodies of the tasks, on an empty queue: links of the journal, the rules,
the queue, leases, mapping, `$batch` and its answers, settling. The bare loop posts bodies made beforehand: `requests`,
a pooled adapter, a thread pool, nothing else; it reads nothing. Both in this process, in turns; the pretend journal and
the pretend Dynamics serve both from another process.

The last lines are a whole worker process as the Procfile starts it, with two children, one of which reads while the
other writes: nudged once a second as by the beat, from the first nudge to the last confirmed activity.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import requests
from requests.adapters import HTTPAdapter

from benchmarks.harness import Figure, ratio, take_turns
from benchmarks.pretend import Pretend, pretend
from benchmarks.stage import PAGE, Stage, stage
from benchmarks.workers import PATIENCE_SECONDS, Nudge, worker_process
from config.document import Document, dump
from config.egress import EgressConfig
from config.settings import Settings
from connectors.auth import entra_token
from connectors.batch import Written
from connectors.dynamics_creates import PREFER, Create, written
from store.store import Store
from sync import egress
from sync.events.position import EventPosition
from sync.events.reading import EventStreamSource
from sync.reading import read_slice
from sync.streams import ReadEnd, Slice, Stream
from sync.systems import Systems
from sync.writing import WriteEnd, write_slice

WORKFLOW = "egress"
CONTACTS = 2_000
#: Of one turn; a tenth of them are soft bounces or the like, and do not appear.
EVENTS = 10_000
#: Of a worker process, for which a second is a start.
MANY_EVENTS = 300_000
#: What one worker process carries at least, on a machine of two cores that it shares with the pretend systems.
EVENTS_PER_SECOND = 2_000


def run(rounds: int) -> list[Figure]:
    with pretend(CONTACTS) as there, stage(name=WORKFLOW) as here:
        document = Document(connections=there.connections, egress=EgressConfig()).workflows()[WORKFLOW]
        here.workflow.revisions.save(0, dump(document), "benchmark", "measure")
        here.workflow.lifecycle.add_streams([egress.STREAM])
        settings = Settings(home=here.home, instance=here.instance)
        systems = Systems(there.connections, Store(here.redis, here.instance))
        known = egress.learn(document, systems)
        here.workflow.keep_schemas(here.generation, known)
        [stream] = egress.connect(document, known, systems, here.workflow, PAGE)
        bare = _Bare(there, EgressConfig().batch_size)
        with worker_process(here, settings, WORKFLOW, [stream.name], ("read", "write"), children=2) as nudge:
            found = take_turns(
                rounds,
                bare.write,
                lambda: _ours(there, here, stream, settings),
                lambda: _process(there, here, nudge),
            )
        systems.close()
    return [
        ratio("journal to activity : bare loop of $batch", "events/s", found["ours"], found["bare"], 0.6),
        ratio("worker process : bare loop of $batch", "events/s", found["process"], found["bare"], 0.6),
        ratio(
            "worker process, journal to activity",
            "events/s",
            found["process"],
            [1.0] * len(found["process"]),
            EVENTS_PER_SECOND,
        ),
    ]


def _ours(there: Pretend, here: Stage, stream: Stream, settings: Settings) -> dict[str, float]:
    begin = _campaign(there, here, EVENTS)
    _write_out(stream, here)
    piece = Slice(PATIENCE_SECONDS, lambda: False)
    begun = time.perf_counter()
    read = read_slice(stream, here.workflow, here.generation, piece)
    wrote = write_slice(
        stream, {}, here.workflow, here.generation, 0, piece, settings.lease_seconds, settings.batch_size
    )
    took = time.perf_counter() - begun
    assert (read, wrote) == (ReadEnd.CAUGHT_UP, WriteEnd.DRAINED)
    return {"ours": (_count(here, "written") - begin) / took}


def _process(there: Pretend, here: Stage, nudge: Nudge) -> dict[str, float]:
    begin, read = _campaign(there, here, MANY_EVENTS), _count(here, "read")
    queue = here.workflow.queue(egress.STREAM)
    begun, nudges = time.perf_counter(), 0
    while _count(here, "read") < read + MANY_EVENTS or queue.total():
        took = time.perf_counter() - begun
        if took > PATIENCE_SECONDS:
            raise RuntimeError(f"The worker process left events behind; its log is {here.home}/worker.log.")
        if took >= nudges:
            nudge()
            nudges += 1
        time.sleep(0.005)
    return {"process": (_count(here, "written") - begin) / (time.perf_counter() - begun)}


def _write_out(stream: Stream, here: Stage) -> None:
    """The pretend journal keeps pages that it has written once: they are made beforehand, as those of the floor are."""
    assert isinstance(stream.source, EventStreamSource)
    source, more = stream.source.source, True
    position = EventPosition.load(here.workflow.cursor(stream.name).value).next
    while more:
        page = source.fetch(position or source.beginning(None), PATIENCE_SECONDS)
        position, more = page.behind, page.more


def _campaign(there: Pretend, here: Stage, events: int) -> int:
    """New events are there, and may be asked for; how many have appeared so far."""
    there.campaign(events)
    cursor = here.workflow.cursor(egress.STREAM)
    position = replace(EventPosition.load(cursor.value), due_ms=0)
    here.workflow.queue(egress.STREAM).put_page(here.generation, cursor.number, [], position.dump())
    return _count(here, "written")


def _count(here: Stage, what: str) -> int:
    return here.workflow.statistics(egress.STREAM, here.workflow.now_ms()).totals[what]


class _Bare:
    """Posts batches of the size, form and number of connections that ours has."""

    def __init__(self, there: Pretend, batch_size: int) -> None:
        dynamics = there.connections.dynamics
        self._url = f"{dynamics.api_root}/$batch"
        self._path = urlsplit(dynamics.api_root).path
        self._size = batch_size
        self._contacts = there.contact_ids()
        self._session = requests.Session()
        self._session.headers.update({"Authorization": entra_token(dynamics).header(30), "Prefer": PREFER})
        self._session.mount(
            dynamics.url, HTTPAdapter(pool_connections=1, pool_maxsize=dynamics.concurrency, pool_block=True)
        )
        self._pool = ThreadPoolExecutor(dynamics.concurrency)

    def write(self) -> dict[str, float]:
        creates = [self._create(number) for number in range(EVENTS)]
        batches = [written(creates[start : start + self._size], self._path) for start in range(0, EVENTS, self._size)]
        begun = time.perf_counter()
        created = sum(self._pool.map(self._post, batches))
        took = time.perf_counter() - begun
        assert created == EVENTS
        return {"bare": EVENTS / took}

    def _post(self, batch: Written) -> int:
        """How many activities it has created."""
        headers = {"Content-Type": batch.content_type}
        answer = self._session.post(self._url, data=batch.body, headers=headers, timeout=30)
        return answer.content.count(b"HTTP/1.1 204")

    def _create(self, number: int) -> Create:
        contact = self._contacts[number % len(self._contacts)]
        body = {
            "subject": "Campaign Name: 2026SpringCamp; Delivery Name: DM190",
            "regardingobjectid_contact_adobe_emailsend@odata.bind": f"/contacts({contact})",
            "adobe_senton": "2026-11-20T10:00:00Z",
            "adobe_campaignname": "2026SpringCamp",
            "adobe_deliveryname": "DM190",
            "adobe_mirrorpageurl": f"https://t.example.com/nl/jsp/m.jsp?c=%40{number:032d}",
            "statecode": 1,
            "statuscode": 2,
        }
        return Create("adobe_emailsends", str(uuid4()), orjson.dumps(body))
