"""Asking for a replay: what it is confined to, and whether that can be."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.egress import EgressConfig
from config.optinout import OptinoutConfig
from connectors.dynamics_rows import MODIFIED
from connectors.journal import RETENTION_SECONDS
from control.configuration import newest_document
from control.errors import ControlError, NoConfiguration, UnknownTable
from control.kinds import kind_of
from control.mappings.saved import saved
from control.replays.listing import Stage, listed
from control.replays.naming import is_on, stream_of, words
from control.together import INGRESS, OPTINOUT
from control.words import moment, window
from store.replay_ids import MOST_IDS
from store.replays import Ids, Only
from store.store import Store, WorkflowStore
from sync import schemas
from sync.events.position import EventPosition
from sync.guid import guid_of
from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape
from sync.mapping.written import condition
from sync.workflows import NAMES

#: Whoever asks for all that the journal keeps need not be told that what is older by a moment is not there.
JUST_KEPT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Asked:
    name: str  #: the table, or the workflow that is replayed by time
    workflow: str
    window: str  #: what it is confined to, in words; empty for everything
    new: bool  #: False: it was pending already
    is_on: bool  #: the workflow starts or runs: the replay waits for its stop and start, unless it has begun
    warnings: tuple[str, ...] = ()  #: sentences: what it will not find, and what it takes in
    began: bool = False  #: it is being read from now on

    @property
    def sentence(self) -> str:
        which = f" ({self.window})" if self.window else ""
        if self.began:
            return f"The replay of {self.name}{which} begins now."
        verb, already = "restart" if self.is_on else "start", "" if self.new else " already"
        return (
            f"The replay of {self.name}{which} is pending{already}; begin it with: "
            f"d365acs workflow {verb} {self.workflow}"
        )


def ask(
    store: Store,
    name: str,
    by: str,
    why: str = "",
    since_ms: int | None = None,
    until_ms: int | None = None,
    *,
    now: bool = False,
    where: Sequence[str] = (),
    ids: Iterable[str] | None = None,
    rate: float | None = None,
) -> Asked:
    """Asks for the replay of a mapped table, of egress' events, or of consent; asking for the same twice is harmless.

    `now`: it begins at once if the workflow runs; a table's that is confined or held back always does. `where`:
    conditions (see `sync.mapping.written`), `ids`: records one by one; both for tables. `rate`: records a second, at
    most. Raises NoConfiguration, UnknownTable; ControlError for what cannot be, or is another than what is pending.
    """
    if rate is not None and rate <= 0:
        raise ControlError("--rate is how many records a second are read at most; give a number above 0.")
    now_ms = store.now_ms()
    _check_window(since_ms, until_ms, now_ms)
    only = Only(since_ms, until_ms, tuple(where), None, rate)
    if name in NAMES and kind_of(name).window:
        if where or ids is not None:
            raise ControlError(f"{name} is replayed by time; leave --where and --ids out.")
        return _ask_by_time(store, name, by, why, only, now)
    if name in NAMES:
        raise UnknownTable(f"{name} is replayed table by table; name one: d365acs replay create TABLE")
    return _ask_for_table(store, name, by, why, only, ids, now)


def _check_window(since_ms: int | None, until_ms: int | None, now_ms: int) -> None:
    if since_ms is not None and since_ms > now_ms:
        raise ControlError(f"--since is {moment(since_ms)}, which is still to come; name a time that is over.")
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise ControlError(
            f"Nothing lies between --since, {moment(since_ms)}, and --until, {moment(until_ms)}; the earlier time is "
            "that of --since."
        )


def _ask_for_table(
    store: Store, name: str, by: str, why: str, only: Only, ids: Iterable[str] | None, now: bool
) -> Asked:
    stream, workflow = saved(store).mapping(name).stream, store.workflow(INGRESS)
    is_partial = not only.is_whole or ids is not None
    warnings: tuple[str, ...] = ()
    last = workflow.replays.began(stream)
    if last is not None and listed(store, workflow, stream, last).stage in (Stage.READING, Stage.PAUSED):
        if is_partial:
            raise ControlError(
                f"A replay of {name} is being read, and there is one at a time; wait for its end, or end it first: "
                f"d365acs replay cancel {name}"
            )
        warnings = ("A replay is still being read: this one takes its place, and reading begins anew.",)
    if ids is not None and not only.is_whole:
        raise ControlError("--ids names the records one by one; leave --since, --until and --where out.")
    if not only.is_whole:
        _check_columns(workflow, name, only)
    pending = workflow.replays.both()[0].get(stream)
    if pending is not None and (ids is not None or pending.only != only):
        raise _other_pending(name, "", words(pending.only))
    if ids is not None:
        only = Only(ids=_kept(workflow, stream, ids), rate=only.rate)
    new = _ask(workflow, stream, by, why, only)
    began = (now or is_partial or only.rate is not None) and workflow.replays.begin_now(stream, by, why)
    return Asked(name, INGRESS, words(only), new, is_on(workflow), warnings, began)


def _ask(workflow: WorkflowStore, stream: str, by: str, why: str, only: Only) -> bool:
    return workflow.replays.ask(
        *(stream, by, why),
        since_ms=only.since_ms,
        until_ms=only.until_ms,
        where=only.where,
        ids=only.ids,
        rate=only.rate,
    )


def _other_pending(name: str, noun: str, of: str) -> ControlError:
    what = f"{noun} {of or 'of all times'}".strip() if noun else of or "all of it"
    return ControlError(
        f"A replay of {name} is pending already, for {what}, and there is one at a time; take it back first: "
        f"d365acs replay cancel {name}"
    )


def _check_columns(workflow: WorkflowStore, table: str, only: Only) -> None:
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


def _kept(workflow: WorkflowStore, stream: str, ids: Iterable[str]) -> Ids:
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


def _ask_by_time(store: Store, name: str, by: str, why: str, only: Only, now: bool) -> Asked:
    workflow, stream, noun = store.workflow(name), stream_of(name), f"{kind_of(name).noun}s"
    document = newest_document(workflow)
    if document is None:
        raise NoConfiguration(f"{name} has no configuration yet; save one with: d365acs config apply FILE")
    if document.optinout is not None:
        _check_consent(document.optinout, only.until_ms)
    new = _ask(workflow, stream, by, why, only)
    pending = workflow.replays.all()[stream]
    if not new and pending.began_ms is None and pending.only != only:
        raise _other_pending(name, noun, words(pending.only))
    warnings: tuple[str, ...] = ()
    if document.egress is not None:
        not_found = _not_found(document.egress, only.since_ms, only.until_ms, store.now_ms())
        warnings = (*not_found, *_taken_in(workflow, stream))
    elif document.optinout is not None and _looks_at_all(document.optinout) and only.since_ms:
        warnings = ("Without polling all contacts of Dynamics are looked at, whatever --since says.",)
    began = now and workflow.replays.begin_now(stream, by, why)
    return Asked(name, name, words(only), new, is_on(workflow), warnings, began)


def _looks_at_all(config: OptinoutConfig) -> bool:
    return config.both_ways and config.poll is None


def _check_consent(config: OptinoutConfig, until_ms: int | None) -> None:
    """Whether there is anything to be looked at again: both sides, as they are now."""
    if not config.reads_campaign:
        raise ControlError(f"{OPTINOUT} moves nothing with direction: {config.direction}; there is nothing to replay.")
    if until_ms is not None:
        raise ControlError(f"{OPTINOUT} compares both systems as they are now; leave --until out.")


def _not_found(config: EgressConfig, since_ms: int | None, until_ms: int | None, now_ms: int) -> tuple[str, ...]:
    """What the source no longer has of a window."""
    if config.source == "files":
        deleted = "Files that were deleted after reading are not there any more: their events are not read again."
        return (deleted,) if config.files.afterwards == "delete" else ()
    kept_ms, days = now_ms - RETENTION_SECONDS * 1000, RETENTION_SECONDS // 86_400
    if until_ms is not None and until_ms <= kept_ms:
        return (f"The journal keeps events for {days} days: nothing of this window is left there.",)
    if since_ms is not None and since_ms < kept_ms - JUST_KEPT_MS:
        return (f"The journal keeps events for {days} days: those before {moment(kept_ms)} are no longer there.",)
    return ()


def _taken_in(workflow: WorkflowStore, stream: str) -> tuple[str, ...]:
    """What is still being read of an earlier replay."""
    backfill, began = EventPosition.load(workflow.cursor(stream).value).backfill, workflow.replays.began(stream)
    if backfill is None or (began is not None and began.ended_ms is not None):
        return ()
    which = window(backfill.since_ms, backfill.until_ms) or "of all times"
    return (
        f"A replay is still being read, of events {which}: this one takes it in, and reading begins anew with a window "
        "that covers both.",
    )
