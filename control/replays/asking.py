"""Asking for a replay: what it is confined to, and whether that can be."""

from collections.abc import Iterable, Sequence

from control.errors import ControlError, UnknownTable
from control.kinds import kind_of
from control.mappings.saved import saved
from control.replays.asked import Asked, other_pending, put
from control.replays.by_time import ask_by_time
from control.replays.listing import Stage, listed
from control.replays.naming import is_on, words
from control.replays.narrowing import check_columns, kept
from control.together import INGRESS
from control.words import moment
from store.replays import Only
from store.store import Store
from sync.workflows import NAMES


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
    check_window(since_ms, until_ms, now_ms)
    only = Only(since_ms, until_ms, tuple(where), None, rate)
    if name in NAMES and kind_of(name).window:
        if where or ids is not None:
            raise ControlError(f"{name} is replayed by time; leave --where and --ids out.")
        return ask_by_time(store, name, by, why, only, now)
    if name in NAMES:
        raise UnknownTable(f"{name} is replayed table by table; name one: d365acs replay create TABLE")
    return _ask_for_table(store, name, by, why, only, ids, now)


def check_window(since_ms: int | None, until_ms: int | None, now_ms: int) -> None:
    """Raises ControlError for one in which nothing can have happened."""
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
        check_columns(workflow, name, only)
    pending = workflow.replays.both()[0].get(stream)
    if pending is not None and (ids is not None or pending.only != only):
        raise other_pending(name, "", words(pending.only))
    if ids is not None:
        only = Only(ids=kept(workflow, stream, ids), rate=only.rate)
    new = put(workflow, stream, by, why, only)
    began = (now or is_partial or only.rate is not None) and workflow.replays.begin_now(stream, by, why)
    return Asked(name, INGRESS, words(only), new, is_on(workflow), warnings, began)
