"""All metrics as text, as Prometheus reads it. They come from the store: right with any number of workers, and the same
from whichever machine they are asked for."""

from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from config.settings import Settings
from control.metrics.families import (
    cause_families,
    freshness_families,
    process_families,
    request_families,
    stream_families,
    workflow_families,
)
from control.metrics.told import told_families
from control.status.workflow import all_statuses
from store.store import Store


class Exposition(NamedTuple):
    content_type: str
    text: bytes


def exposition(store: Store, settings: Settings, accept: str = "") -> Exposition:
    """`accept`: the header of who asks; the classic text format unless another one is asked for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(list(_families(store, settings))))
    encode, content_type = choose_encoder(accept)
    return Exposition(content_type, encode(registry))


def _families(store: Store, settings: Settings) -> Iterator[Metric]:
    statuses = all_statuses(store, settings)
    # A family of which nothing is known is left out.
    for family in (
        *process_families(store, metadata.version("d365acs"), settings.instance),
        *workflow_families(statuses),
        *stream_families(statuses),
        *cause_families(store),
        *freshness_families(store, statuses),
        *request_families(store.requests.totals()),
        *told_families(store.last_told.all(), store.now_ms()),
    ):
        if family.samples:
            yield family


class _Collected(Collector):
    """What was collected before, as the library asks for it."""

    def __init__(self, families: list[Metric]) -> None:
        self._found = families

    def collect(self) -> list[Metric]:
        return self._found
