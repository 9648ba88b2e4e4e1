"""What a replay of a mapped table, or of a window of events, would do."""

from collections.abc import Sequence

from control.errors import ControlError, UnknownTable
from control.live_streams import in_use, live
from control.rehearsal.counting import Look, Rehearsal
from control.rehearsal.estimating import estimate
from control.rehearsal.events import rehearse_replay_of_events
from control.rehearsal.judging import Judge
from control.rehearsal.looking import Looker
from control.rehearsal.rows import Reading, picked, whole
from control.rehearsal.starting import EGRESS, begun, judge_pages, source_of
from control.replays.asking import check_window
from control.together import INGRESS, OPTINOUT
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
    """Of the table, or of the part of it that is meant, or of egress' journal; at most `rate` records a second; see
    `control.replays.ask`. Nothing is asked for, or written.

    Under the active configuration, or the saved one while ingress is off. Raises UnknownTable, ControlError,
    Misfitting, SecretMissing, ConnectorError.
    """
    check_window(since_ms, until_ms, store.now_ms())
    if table in NAMES:
        if where or ids is not None:
            raise ControlError(f"{table} is replayed by time; leave --where and --ids out.")
        return _by_time(store, table, page_size, Only(since_ms, until_ms), look)
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


def _by_time(store: Store, name: str, page_size: int, only: Only, look: Look) -> Rehearsal:
    if name == EGRESS:
        return rehearse_replay_of_events(store, page_size, only, look)
    if name == OPTINOUT:
        raise ControlError(
            f"A replay of {name} compares both systems as they are now; see what it would write with: d365acs consent "
            "preview"
        )
    raise UnknownTable(f"{name} is replayed table by table; name one: d365acs replay create TABLE --dry-run")


def _guid(text: str) -> str:
    found = guid_of(text.strip())
    if not found:
        raise ControlError(f"{text.strip()[:60]} is not the id of a record.")
    return found
