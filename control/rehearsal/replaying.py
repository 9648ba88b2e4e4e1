"""What a replay of a mapped table would do."""

from collections.abc import Sequence

from control.errors import ControlError, UnknownTable
from control.live_streams import in_use, live
from control.rehearsal.counting import Look, Rehearsal
from control.rehearsal.estimating import estimate
from control.rehearsal.judging import Judge
from control.rehearsal.looking import Looker
from control.rehearsal.rows import Reading, picked, whole
from control.rehearsal.starting import begun, judge_pages, source_of
from control.together import INGRESS
from control.words import window
from store.replays import Only
from store.store import Store
from sync.guid import guid_of
from sync.mapping.forms import Unfit
from sync.workflows import NAMES


def rehearse_replay(
    store: Store,
    table: str,
    page_size: int,
    since_ms: int | None = None,
    until_ms: int | None = None,
    where: Sequence[str] = (),
    ids: Sequence[str] | None = None,
    rate: float | None = None,
    limit: int | None = None,
    exact: bool = False,
    look: Look = lambda done, total: None,
) -> Rehearsal:
    """Of the table, or of the part of it that is meant, at most `rate` records a second; see `control.replays.ask`.
    Nothing is asked for, or written.

    Under the active configuration, or the saved one while ingress is off. Raises UnknownTable, ControlError,
    Misfitting, SecretMissing, ConnectorError.
    """
    if table in NAMES:
        raise ControlError(f"A replay of {table} cannot be rehearsed, only that of a table.")
    use = in_use(store, INGRESS)
    mapped = [mapping.table for mapping in use.document.ingress.tables] if use and use.document.ingress else []
    if use is None or table not in mapped:
        raise UnknownTable(f"No mapping leads from {table}; see the mappings with: d365acs mapping ls")
    with live(store, use, page_size, kept=True) as found:
        source = source_of(found, table)
        words = window(since_ms, until_ms)
        if ids is not None:
            wanted = list(dict.fromkeys(map(_guid, ids)))
            pages, reads = picked(source, wanted), "the records that are named"
        else:
            only = Only(since_ms, until_ms, tuple(where))
            pages = whole(source, only)
            reads = "everything" if only.is_whole else f"a part of it{f' {words}' if words else ''}"
        reading = Reading(reads, pages, True, False, reads == "everything")
        tally = begun(found, table, reading, source)
        try:
            judge_pages(Judge(found, store.now_ms()), Looker(found) if exact else None, tally, reading, limit, look)
        except Unfit as unfit:
            raise ControlError(f"--where: {unfit}.") from None
        if ids is not None and tally.rows < len(wanted):
            tally.notes.append(f"Dynamics does not have {len(wanted) - tally.rows:,} of the ids.")
        return Rehearsal((tally,), estimate(found, [tally], rate))


def _guid(text: str) -> str:
    found = guid_of(text.strip())
    if not found:
        raise ControlError(f"{text.strip()[:60]} is not the id of a record.")
    return found
