"""What was done, the newest first, as the page lists it."""

from control.acts import Act, acts
from dashboard.moments import moment
from dashboard.tables import Cell, Table
from store.store import Store


def past(store: Store, workflow: str, limit: int, now_ms: int) -> Table:
    done = acts(store, workflow, None, limit)
    return Table(
        "acts", "History", ("When", "What", "By", "Origin", "Why"), tuple(_row(one, now_ms) for one in done),
        kind="stack", empty="Nobody has done anything yet.",
    )  # fmt: skip


def _row(act: Act, now_ms: int) -> tuple[Cell, ...]:
    event = act.event
    return (
        Cell("", moment=moment(event.at_ms, now_ms)),
        Cell(act.what, lead=event.action),
        Cell(event.by or "-"),
        Cell(event.origin or "-"),
        Cell(event.why or "-"),
    )
