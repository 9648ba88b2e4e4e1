"""Writing profiles against a bare loop of the same client library with the same number of connections.

Ours is `write_slice`, the body of a write task, over a filled queue: rights, leases, mapping, fingerprints, throttle,
deadlines, settling and the ledger included. The bare loop posts bodies made beforehand: `requests`, a pooled adapter,
a thread pool, nothing else. Both in this process, in turns; the pretend Campaign serves both from another process.

The last line is a whole worker process as the Procfile starts it, with one child, from the nudge's message to the
empty queue. Its start-up and its reading of the schemas are not counted.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import requests
from requests.adapters import HTTPAdapter

from benchmarks.harness import Figure, ratio, take_turns
from benchmarks.people import contacts
from benchmarks.pretend import Pretend, pretend
from benchmarks.stage import PAGE, WORKFLOW, Stage, stage
from benchmarks.workers import PATIENCE_SECONDS, Nudge, worker_process
from config.document import dump
from config.settings import Settings
from connectors.auth import ims_token
from store.record_queue import Change, Lane, Leased
from store.store import Store
from sync import ingress
from sync.streams import Send, Slice, Stream
from sync.systems import Systems
from sync.writing import WriteEnd, write_slice

PROFILES = 2_000


def run(rounds: int) -> list[Figure]:
    with pretend(contacts=0) as there, stage() as here:
        document = there.document().workflows()[WORKFLOW]
        here.workflow.revisions.save(0, dump(document), "benchmark", "measure")
        settings = Settings(home=here.home, instance=here.instance)
        systems = Systems(there.connections, Store(here.redis, here.instance))
        known = ingress.learn(document, systems)
        here.workflow.keep_schemas(here.generation, known)
        [stream] = ingress.connect(document, known, systems, here.workflow, PAGE)
        bare = _Bare(there, stream)
        with worker_process(here, settings, WORKFLOW, stream.name, ("write",)) as nudge:
            found = take_turns(
                rounds,
                bare.write,
                lambda: _ours(here, stream, settings),
                lambda: _process(here, stream, nudge),
            )
        systems.close()
    return [
        ratio("write_slice : bare loop", "profiles/s", found["ours"], found["bare"], 0.8),
        ratio("worker process : bare loop", "profiles/s", found["process"], found["bare"], 0.8),
    ]


def _ours(here: Stage, stream: Stream, settings: Settings) -> dict[str, float]:
    here.put(here.queue(stream.name), contacts(PROFILES))
    piece = Slice(PATIENCE_SECONDS, lambda: False)
    begun = time.perf_counter()
    lease_s, batch_size = settings.lease_seconds, settings.batch_size
    end = write_slice(stream, {}, here.workflow, here.generation, 0, piece, lease_s, batch_size)
    took = time.perf_counter() - begun
    assert end is WriteEnd.DRAINED
    return {"ours": PROFILES / took}


def _process(here: Stage, stream: Stream, nudge: Nudge) -> dict[str, float]:
    queue = here.queue(stream.name)
    here.put(queue, contacts(PROFILES))
    begun = time.perf_counter()
    nudge()
    while queue.backlog().total:
        if time.perf_counter() - begun > PATIENCE_SECONDS:
            raise RuntimeError(f"The worker process left records behind; its log is {here.home}/worker.log.")
        time.sleep(0.005)
    return {"process": PROFILES / (time.perf_counter() - begun)}


class _Bare:
    def __init__(self, there: Pretend, stream: Stream) -> None:
        campaign = there.connections.campaign
        self._stream = stream
        self._url = f"{campaign.api_root}/{campaign.profile_api}/profile"
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Authorization": ims_token(campaign).header(30),
                "X-Api-Key": campaign.client_id,
                "Content-Type": "application/json;charset=utf-8",
                "Accept": "application/json",
            }
        )
        self._session.mount(
            campaign.url, HTTPAdapter(pool_connections=1, pool_maxsize=campaign.concurrency, pool_block=True)
        )
        self._pool = ThreadPoolExecutor(campaign.concurrency)

    def write(self) -> dict[str, float]:
        bodies = [self._body(change) for change in contacts(PROFILES)]
        begun = time.perf_counter()
        statuses = list(self._pool.map(self._post, bodies))
        took = time.perf_counter() - begun
        assert statuses == [201] * PROFILES
        return {"bare": PROFILES / took}

    def _post(self, body: bytes) -> int:
        return self._session.post(self._url, data=body, timeout=20).status_code

    def _body(self, change: Change) -> bytes:
        """The body that our own writer would send."""
        record = Leased(change.id, change.version, 0, Lane.LIVE, change.payload, 0, 0)
        send = self._stream.target.prepare(record, None)
        assert isinstance(send, Send)
        return orjson.dumps(send.insert)
