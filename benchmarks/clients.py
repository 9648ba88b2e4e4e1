"""What a write costs in processor time with each client library that could carry it, beside the one that does: libcurl.

Each inserts profiles with bodies made beforehand, over as many connections to the same pretend Campaign, and does
nothing else. The libraries that are here run in this process (`bare_writes`); aiohttp and httpx in processes of their
own, from environments of their own, where the process's start and the first requests, which open the connections, are
not counted. What counts is the processor time of the process that sends, all its threads, without the server's.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pycurl

from benchmarks.bare_writes import (
    BareLoop,
    CurlMulti,
    CurlThreads,
    RequestsThreads,
    Urllib3Threads,
    headers_of,
    url_of,
)
from benchmarks.connected import connected
from benchmarks.harness import Contestant, Figure, ratio, say, take_turns
from benchmarks.peer_homes import NotToBeHad, Peer, measured, python_of
from benchmarks.pretend import Pretend, pretend
from benchmarks.stage import WORKFLOW, stage
from benchmarks.writing import PROFILES, bodies, in_this_process
from sync.streams import Stream

PEERS = (
    Peer("aiohttp", "aiohttp==3.14.5", "client_aiohttp.py"),
    Peer("httpx", "httpx==0.28.1", "client_httpx.py"),
)
#: So many requests of a process of its own do not count.
WARM_UP = 100
#: The one that ours uses.
OURS = "threads of libcurl"


def run(rounds: int) -> list[Figure]:
    """Leaves a client out that cannot be installed or does not write."""
    with (
        pretend(contacts=0) as there,
        stage() as here,
        connected(here, there.document().workflows()[WORKFLOW]) as stream,
    ):
        loops: dict[str, BareLoop] = {
            OURS: CurlThreads(there),
            "libcurl's multi interface": CurlMulti(there),
            f"threads of urllib3 {version('urllib3')}": Urllib3Threads(there),
            f"threads of requests {version('requests')}": RequestsThreads(there),
        }
        contestants = [in_this_process(name, loop, stream) for name, loop in loops.items()]
        for peer, python in _able(there, stream).items():
            contestants.append(_in_its_own(there, stream, peer, python))
        found = take_turns(rounds, *contestants)
    used = {
        name.removesuffix(", processor"): [1e6 / each for each in rates]
        for name, rates in found.items()
        if name.endswith(", processor")
    }
    ours = used.pop(OURS)
    name_of_ours = f"{OURS} {pycurl.version_info()[1]} by pycurl {version('pycurl')}"
    lines = [
        ratio(f"{name_of_ours} : {name}", "CPU us a write", ours, each, None, "at most") for name, each in used.items()
    ]
    return sorted(lines, key=lambda line: line.floor or 0)


def _able(there: Pretend, stream: Stream) -> dict[Peer, Path]:
    """The peers that can be installed and do write."""
    homes = {}
    for peer in PEERS:
        say(f"looking for {peer.requirement}")
        try:
            python = python_of(peer)
            _in_its_own(there, stream, peer, python)()
            homes[peer] = python
        except NotToBeHad as missing:
            say(str(missing))
    return homes


def _in_its_own(there: Pretend, stream: Stream, peer: Peer, python: Path) -> Contestant:
    def turn() -> Mapping[str, float]:
        told = _told(there, bodies(stream, WARM_UP), bodies(stream, PROFILES))
        library = peer.requirement.replace("==", " ")
        return {
            f"{step} of {library}, processor": one["rows"] / one["processor"]
            for step, one in measured(peer, python, told).items()
        }

    return turn


def _told(there: Pretend, first: Sequence[bytes], counted: Sequence[bytes]) -> dict[str, Any]:
    """Where to write, and what, for the drivers."""
    return {
        "url": url_of(there),
        "headers": headers_of(there),
        "connections": there.connections.campaign.concurrency,
        "first": [body.decode() for body in first],
        "counted": [body.decode() for body in counted],
    }
