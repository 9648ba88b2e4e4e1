"""What people call a replay: by its table, or by its workflow where that is replayed by time."""

from control.errors import UnknownTable
from control.kinds import kind_of
from control.together import INGRESS, newest_ingress
from control.words import counted, window
from store.lifecycle import State
from store.replays import Only
from store.store import Store, WorkflowStore
from sync.workflows import NAMES


def workflow_name_of(name: str) -> str:
    return name if name in NAMES else INGRESS


def stream_of(name: str) -> str:
    """The stream of a table, or of a workflow that is replayed by time."""
    return (kind_of(name).window if name in NAMES else None) or name


def name_of(workflow: str, stream: str) -> str:
    return workflow if stream == kind_of(workflow).window else stream


def unknown(store: Store, name: str, otherwise: str) -> UnknownTable:
    """Where there is no replay of a name: what a name can be, or, of one that can be replayed, `otherwise`."""
    ingress = newest_ingress(store, {})
    mapped = [mapping.table for mapping in ingress.tables] if ingress else []
    if name in mapped or (name in NAMES and kind_of(name).window):
        return UnknownTable(otherwise)
    if name in NAMES:
        return UnknownTable(f"{name} is replayed table by table; see the replays of its tables with: d365acs replay ls")
    tables = f" ({', '.join(mapped)})" if mapped else ""
    return UnknownTable(
        f"{name} is neither a mapped table{tables} nor egress or optinout; see the replays that there are with: "
        "d365acs replay ls"
    )


def is_on(workflow: WorkflowStore) -> bool:
    """Whether it starts or runs."""
    return workflow.lifecycle.read().state in (State.STARTING, State.RUNNING)


def words(only: Only) -> str:
    """What a replay is confined to; empty for everything, at whatever pace."""
    told = [
        window(only.since_ms, only.until_ms),
        " and ".join(only.where),
        counted(only.ids.count, "id") if only.ids else "",
        f"at most {only.rate:g} a second" if only.rate else "",
    ]
    return ", ".join(word for word in told if word)
