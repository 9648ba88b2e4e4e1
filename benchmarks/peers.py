"""Reading contacts, against what somebody would install for it: Airbyte's source for Dataverse, and a dlt pipeline.

Each peer reads the same table of the same pretend Dynamics, in a process of its own, from an environment of its own,
and with pages of the same size; the processes' start is not counted. Ours ends on the record queue, with versions,
order and the append-only file. Airbyte's ends with messages that nobody takes in; it asks for all columns, since it
knows no selection. dlt's `extract` ends with the rows in its own files on the disk, its `run` with these loaded into a
folder.

What a row costs is the processor time of the reading process, ours with the server's added. The third peer, one Celery
task per record, is measured by `naive`.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.connected import connected
from benchmarks.harness import Figure, ratio, say, take_turns
from benchmarks.peer_homes import NotToBeHad, Peer, measured, python_of
from benchmarks.pretend import Pretend, pretend
from benchmarks.reading import ours
from benchmarks.stage import PAGE, WORKFLOW, stage
from config.secrets import resolve

CONTACTS = 20_000
PEERS = (
    Peer("airbyte", "airbyte-source-microsoft-dataverse==1.0.2", "peer_airbyte.py", ((3, 11), (3, 10))),
    Peer("dlt", "dlt==1.31.0", "peer_dlt.py"),
)
#: Rounds are long, and ratios this far from 1 need few of them.
MOST_ROUNDS = 3


def run(rounds: int) -> list[Figure]:
    """Leaves a peer out that cannot be installed or does not read."""
    homes = _installed()
    if not homes:
        return []
    with (
        pretend(CONTACTS) as there,
        stage() as here,
        connected(here, there.document().workflows()[WORKFLOW]) as stream,
    ):
        told = _told(there)
        names = (f"contact{number}" for number in itertools.count())
        figures = []
        for peer, python in homes.items():
            try:
                found = take_turns(
                    min(rounds, MOST_ROUNDS),
                    lambda: ours(here, stream, next(names), CONTACTS),
                    lambda peer=peer, python=python: _of(measured(peer, python, told)),  # type: ignore[misc]
                )
            except NotToBeHad as missing:
                say(str(missing))
                continue
            figures += _figures(peer, found)
    return figures


def _installed() -> dict[Peer, Path]:
    homes = {}
    for peer in PEERS:
        say(f"looking for {peer.requirement}")
        try:
            homes[peer] = python_of(peer)
        except NotToBeHad as missing:
            say(str(missing))
    return homes


def _told(there: Pretend) -> dict[str, Any]:
    """Where to read, for the drivers."""
    dynamics, tables = there.connections.dynamics, there.document().ingress
    assert tables is not None
    return {
        "url": dynamics.url,
        "api_root": dynamics.api_root,
        "token_url": dynamics.token_endpoint,
        "tenant": dynamics.tenant,
        "client_id": dynamics.client_id,
        "client_secret": resolve(dynamics.client_secret),
        "scope": dynamics.scope,
        "page": PAGE,
        "columns": ",".join(rule.source for rule in tables.tables[0].fields),
    }


def _of(steps: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Rows a second and processor time a row, in microseconds, by step. Raises NotToBeHad."""
    found = {}
    for step, one in steps.items():
        if one["rows"] != CONTACTS:
            raise NotToBeHad(f"A peer read {one['rows']:,.0f} contacts of {CONTACTS:,}; its lines are left out.")
        found[step] = one["rows"] / one["seconds"]
        found[f"{step} us"] = one["processor"] / one["rows"] * 1e6
    return found


def _figures(peer: Peer, found: Mapping[str, list[float]]) -> list[Figure]:
    steps = [name for name in found if f"{name} us" in found and name != "ours"]
    figures = []
    for step in steps:
        name = f"{peer.requirement} {step}".replace("==", " ")
        figures.append(ratio(f"read : {name}", "rows/s", found["ours"], found[step], None))
        ours, peers = found["with server us"], found[f"{step} us"]
        figures.append(ratio("processor time a row, the same", "us", ours, peers, None, "at most"))
    return figures
