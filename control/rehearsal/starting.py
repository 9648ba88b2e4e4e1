"""What the next start of a workflow would do."""

from connectors.errors import CursorExpired
from control.dead_letters.looking import SEALED
from control.errors import ControlError, Sealed
from control.live_streams import Live, live, saved
from control.opening import workflow_of
from control.rehearsal.counting import Look, Rehearsal, Tally
from control.rehearsal.estimating import estimate
from control.rehearsal.events import rehearse_events
from control.rehearsal.judging import Judge
from control.rehearsal.looking import Looker
from control.rehearsal.rows import Reading, after_expiry, deletions, next_reading, picked, whole
from control.together import OPTINOUT
from control.words import window
from store.replays import Replay
from store.sealing import UnknownKey
from store.store import Store
from store.whereabouts import held
from sync.tables.position import Position
from sync.tables.source import TableSource

EGRESS = "egress"


def rehearse_start(
    store: Store, name: str, page_size: int, limit: int | None = None, exact: bool = False,
    look: Look = lambda done, total: None,
) -> Rehearsal:  # fmt: skip
    """Under the saved configuration. `limit`: the first so many records of each table alone; `exact`: a sample is
    looked up in Campaign. Nothing is written, and no reading position moves.

    Raises UnknownWorkflow, ControlError for a workflow that cannot be rehearsed, NoConfiguration, Misfitting, Sealed,
    SecretMissing, ConnectorError.
    """
    workflow = workflow_of(store, name)
    if name == EGRESS:
        return rehearse_events(store, page_size, limit, look)
    if name == OPTINOUT:
        raise ControlError(f"See what {name} would write with: d365acs consent preview")
    with live(store, saved(store, name), page_size) as found:
        judge = Judge(found, store.now_ms())
        looker = Looker(found) if exact else None
        pending = workflow.replays.both()[0]
        try:
            tallies = [
                _table(store, found, judge, looker, table, pending.get(table), limit, look)
                for table in judge.in_order(list(found.streams))
            ]
        except UnknownKey:
            raise Sealed(SEALED) from None
        return Rehearsal(tuple(tallies), estimate(found, tallies))


def _table(
    store: Store,
    found: Live,
    judge: Judge,
    looker: Looker | None,
    table: str,
    replay: Replay | None,
    limit: int | None,
    look: Look,
) -> Tally:
    workflow, source = found.use.workflow, source_of(found, table)
    position = Position.load(workflow.cursor(table).value)
    replays = replay is not None and replay.only.is_whole
    reading = next_reading(source, position, replays)
    tally = begun(found, table, reading, source)
    try:
        judge_pages(judge, looker, tally, reading, limit, look)
    except CursorExpired:
        reading = after_expiry(source, replays)
        tally = begun(found, table, reading, source)
        tally.notes.append("Deletions since then are found by comparing keys, which is not rehearsed.")
        judge_pages(judge, looker, tally, reading, limit, look)
    else:
        if reading.is_everything and reading.trusts and position.link:
            _deletions(judge, tally, source, position)
    if reading.is_everything and tally.is_whole:
        judge.note_whole(table)
    _waiting(store, found, judge, tally, reading, limit)
    if replay is not None and not replays:
        _part(judge, looker, tally, source, replay, found, limit, look)
    return tally


def _waiting(store: Store, found: Live, judge: Judge, tally: Tally, reading: Reading, limit: int | None) -> None:
    """What waits on the queue already."""
    looked_at = 0
    for heads in held(store.redis, found.use.workflow.queue(tally.table).keys):
        left = heads if limit is None else heads[: limit - looked_at]
        judge.waiting(tally, left, reading)
        looked_at += len(left)
        if limit is not None and looked_at >= limit:
            return


def _deletions(judge: Judge, tally: Tally, source: TableSource, position: Position) -> None:
    """A full read brings none: those since the link that it leaves behind are read after it."""
    if not source.wants_deletions or position.phase.value == "full":
        return
    reading = Reading("deletions", deletions(source, position.link), False, True, False)
    rows = tally.rows
    try:
        for page in reading.pages:
            judge.page(tally, page, reading)
    except CursorExpired:
        tally.notes.append("Deletions since the last reading are found by comparing keys, which is not rehearsed.")
    tally.rows = rows


def _part(
    judge: Judge,
    looker: Looker | None,
    tally: Tally,
    source: TableSource,
    replay: Replay,
    found: Live,
    limit: int | None,
    look: Look,
) -> None:
    """The part of the table that is replayed beside what has changed."""
    only = replay.only
    words = window(only.since_ms, only.until_ms)
    tally.reads += f", and a replay{f' {words}' if words else ''}"
    if only.ids is not None:
        kept, part, ids = found.use.workflow.replays.ids_of(tally.table, only.ids.token), 0, []
        while parts := kept.parts(part, 1):
            ids += [record_id for each in parts for record_id in each]
            part += 1
        pages = picked(source, ids)
    else:
        pages = whole(source, only)
    judge_pages(judge, looker, tally, Reading(words, pages, True, False, False), limit, look)


def source_of(found: Live, table: str) -> TableSource:
    source = found.streams[table].source
    assert isinstance(source, TableSource)
    return source


def begun(found: Live, table: str, reading: Reading, source: TableSource) -> Tally:
    """Nothing is counted yet."""
    ingress = found.use.document.ingress
    assert ingress is not None
    resource = next(mapping.resource for mapping in ingress.tables if mapping.table == table)
    expected = source.count() if reading.is_everything else None
    return Tally(table, resource, reading.words, expected=expected, waiting=found.use.workflow.queue(table).total())


def judge_pages(
    judge: Judge, looker: Looker | None, tally: Tally, reading: Reading, limit: int | None, look: Look
) -> None:
    """All pages, or as many as are wanted."""
    looked_at = 0
    for rows in reading.pages:
        left = rows if limit is None else rows[: limit - looked_at]
        written = judge.page(tally, left, reading)
        if looker is not None:
            looker.look(tally, written)
        looked_at += len(left)
        look(tally.rows, tally.expected or 0)
        if limit is not None and (len(left) < len(rows) or looked_at >= limit):
            tally.is_whole = False
            return
