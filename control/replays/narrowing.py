"""What a replay of a table is confined to: columns that are there, ids that are some."""

from collections.abc import Iterable, Iterator

from connectors.dynamics_rows import MODIFIED
from control.errors import ControlError
from control.together import INGRESS
from store.replay_ids import MOST_IDS
from store.replays import Ids, Only
from store.store import WorkflowStore
from sync import schemas
from sync.guid import guid_of
from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape
from sync.mapping.written import condition


def check_columns(workflow: WorkflowStore, table: str, only: Only) -> None:
    """Raises ControlError for a condition that cannot be asked of the table, as far as its columns are known."""
    shapes = _columns(workflow, table)
    if shapes is None:
        raise ControlError(
            f"The columns of {table} are not known before {INGRESS} has run with it; start it first: "
            f"d365acs workflow start {INGRESS}"
        )
    if (only.since_ms or only.until_ms) and MODIFIED not in shapes:
        raise ControlError(f"{table} has no column {MODIFIED}; leave --since and --until out.")
    for one in only.where:
        try:
            condition(one, shapes)
        except Unfit as unfit:
            raise ControlError(f"--where: {unfit}.") from None


def _columns(workflow: WorkflowStore, table: str) -> dict[str, ColumnShape] | None:
    """As the last run has learnt them."""
    generation = workflow.lifecycle.read().generation
    for number in range(generation, max(-1, generation - 3), -1):
        packed = workflow.schemas(number)
        found = schemas.load(packed).tables.get(table) if packed is not None else None
        if found is not None:
            return dict(found.columns)
    return None


def kept(workflow: WorkflowStore, stream: str, ids: Iterable[str]) -> Ids:
    """Keeps the ids for the request that follows."""
    known = workflow.replays.ids_of(stream)
    try:
        count = known.keep(_spelled(ids))
    except ControlError:
        known.drop()
        raise
    if not count:
        raise ControlError("--ids names no record: give one id on each line.")
    return Ids(known.token, count)


def _spelled(ids: Iterable[str]) -> Iterator[str]:
    """Each once, as Dynamics spells it; empty lines are passed over."""
    seen: set[bytes] = set()
    for number, line in enumerate(ids, 1):
        if not (text := line.strip()):
            continue
        spelled = guid_of(text)
        if not spelled:
            raise ControlError(f"--ids: line {number:,} holds no id of a record; give one id on each line.")
        packed = bytes.fromhex(spelled.replace("-", ""))
        if packed in seen:
            continue
        if len(seen) == MOST_IDS:
            raise ControlError(f"--ids names more than {MOST_IDS:,} records; replay the table, or a window of it.")
        seen.add(packed)
        yield spelled
