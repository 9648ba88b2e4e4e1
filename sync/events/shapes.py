"""What is known of the activity tables: asked at a start, kept for the whole run."""

from collections.abc import Mapping

import orjson

from config.egress import EgressConfig
from config.event_fields import KINDS, Kind
from connectors.dynamics import Dynamics
from connectors.dynamics_activities import ActivityTable
from connectors.errors import TableMissing
from sync.events.activity import ActivityShape
from sync.fitting.findings import Misfitting

Shapes = Mapping[Kind, ActivityShape]


def read_shapes(config: EgressConfig, dynamics: Dynamics, timeout: float) -> Shapes:
    """The tables of all kinds that are switched on; `timeout`, in seconds, is for each question.

    Raises Misfitting for tables and columns that are not there, TryAgain, Stop.
    """
    shapes: dict[Kind, ActivityShape] = {}
    wrong: list[str] = []
    for kind in KINDS:
        if not config.events.on(kind):
            continue
        mapping = config.activities.of(kind)
        try:
            table = dynamics.activity(mapping.table, timeout)
        except TableMissing as error:
            wrong.append(f"{error.sentence}{_others(dynamics, timeout)}.")
            continue
        wrong += [
            f"egress.activities.{kind}.{name}: {mapping.table} has no column {column}."
            for name, column in mapping.columns.items()
            if column not in table.columns
        ]
        shapes[kind] = _shape(table)
    if wrong:
        raise Misfitting(wrong)
    return shapes


def _others(dynamics: Dynamics, timeout: float) -> str:
    """What could be meant instead."""
    names = [summary.name for summary in dynamics.activities(timeout)]
    return f"; activity tables that are there: {', '.join(names)}" if names else "; there is no custom activity table"


def _shape(table: ActivityTable) -> ActivityShape:
    lengths = {name: column.max_length for name, column in table.columns.items() if column.max_length is not None}
    return ActivityShape(table.set_name, table.regarding, lengths)


def dump(shapes: Shapes) -> bytes:
    return orjson.dumps({kind: list(shape) for kind, shape in shapes.items()}, option=orjson.OPT_SORT_KEYS)


def load(packed: bytes) -> Shapes:
    return {kind: ActivityShape(*shape) for kind, shape in orjson.loads(packed).items()}
