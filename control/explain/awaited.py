"""The record that a parked one waits for: how that stands itself, in one sentence with the command that leads on."""

from collections.abc import Mapping

from connectors.errors import ConnectorError
from control.explain.explanation import Awaited, How, Standing
from control.explain.naming import ASK_SECONDS
from control.explain.standing import standing, with_past
from control.words import exact
from store.ledger import Standing as Stands
from store.outcome_log import Ending
from store.outcomes import Parent
from store.store import Store, WorkflowStore
from store.whereabouts import Place
from sync.streams import FILTERED_OUT, Stream


def awaited(
    store: Store, workflow: WorkflowStore, parent: Parent, streams: Mapping[str, Stream] | None = None
) -> Awaited:
    """`parent`: a record of the same workflow. `streams`: by which Dynamics is asked for it; None: it is not asked."""
    kept = standing(store, workflow, parent.stream, parent.id)
    how, told = (
        _kept(workflow, parent, kept) or _in_dynamics(parent, streams) or _remembered(workflow, parent, kept)
    )  # fmt: skip
    return Awaited(parent.stream, parent.id, how, f"The {parent.stream} {parent.id} that it waits for {told}")


def explain(parent: Parent) -> str:
    return f"d365acs record explain {parent.id}"


def _kept(workflow: WorkflowStore, parent: Parent, kept: Standing) -> tuple[How, str] | None:
    if kept.entry is not None and kept.entry.standing is Stands.PRESENT:
        return "present", f"is in Campaign by now, and this one follows by itself; see it with: {explain(parent)}"
    if kept.set_aside is not None:
        kind, of = kept.set_aside.reason.kind, f"{workflow.name} {parent.id}"
        return (
            "set aside",
            f"is a dead letter itself ({kind}): mend and retry that first; see it with: d365acs dlq show {of}",
        )
    if kept.waits is None:
        return None
    if kept.waits.place is Place.PARKED:
        return "parked", f"is parked itself; see what for with: {explain(parent)}"
    return "waiting", f"waits on the queue itself, and this one follows by itself; see it with: {explain(parent)}"


def _in_dynamics(parent: Parent, streams: Mapping[str, Stream] | None) -> tuple[How, str] | None:
    if streams is None:
        return None
    if parent.stream not in streams:
        return (
            "unmapped",
            f"is of a table that is not mapped any more; map it with: d365acs mapping add {parent.stream}",
        )
    table = streams[parent.stream].table
    try:
        row = table.row(parent.id, ASK_SECONDS)
    except ConnectorError:
        return None
    if row is None:
        return "absent", f"is not in Dynamics: correct the lookup there; see it with: {explain(parent)}"
    if table.payload(row) is FILTERED_OUT:
        return "filtered", f"does not pass the filter of its table; see the conditions with: {explain(parent)}"
    return "unread", f"is in Dynamics, and was not read yet or was given up; see which with: {explain(parent)}"


def _remembered(workflow: WorkflowStore, parent: Parent, kept: Standing) -> tuple[How, str]:
    past = with_past(kept, workflow, parent.stream, parent.id).past
    if past and past[0].ending is Ending.FILTERED:
        return "filtered", f"was kept back by its filter on {exact(past[0].at_ms)}; see it with: {explain(parent)}"
    return "unknown", f"was never seen here, as far as is kept; see it with: {explain(parent)}"
