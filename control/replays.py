"""Replays: a table, the events of a window of time, or consent, read and written again from the next start on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from config.egress import EgressConfig
from config.optinout import OptinoutConfig
from connectors.journal import RETENTION_SECONDS
from control.configuration import newest_document
from control.errors import ControlError, NoConfiguration, UnknownTable
from control.kinds import kind_of
from control.mappings.saved import saved
from control.status.reading import Waits
from control.together import INGRESS, OPTINOUT
from control.words import moment, window
from store.lifecycle import State
from store.replays import Replay
from store.store import Store, WorkflowStore
from sync.events.position import EventPosition
from sync.workflows import NAMES

#: Whoever asks for all that the journal keeps need not be told that what is older by a moment is not there.
JUST_KEPT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Asked:
    name: str  #: the table, or the workflow that is replayed by time
    workflow: str
    window: str  #: in words; empty for everything
    new: bool  #: False: it was pending already
    is_on: bool  #: the workflow starts or runs: the replay waits for its stop and start
    warnings: tuple[str, ...] = ()  #: sentences: what it will not find, and what it takes in


class Stage(StrEnum):
    """How far a replay has come."""

    PENDING = "pending"  # it begins with the next start
    READING = "reading"  # everything is read, and written at low priority
    WRITING = "writing"  # all is read; the rest waits to be written
    DONE = "done"
    ENDED = "ended"  # somebody ended it before all was read


@dataclass(frozen=True, slots=True)
class Listed:
    name: str  #: the table, or the workflow that is replayed by time
    workflow: str
    replay: Replay
    stage: Stage
    read: int | None  #: read again so far; None: not known, or not reading
    waiting: int  #: records that were read again and that no writer has taken yet


def ask(
    store: Store, name: str, by: str, why: str = "", since_ms: int | None = None, until_ms: int | None = None
) -> Asked:
    """Asks for the replay of a mapped table, of egress' events within a window, or of consent that has changed since a
    moment; asking for the same twice is harmless.

    Raises NoConfiguration, UnknownTable; ControlError for a window that cannot be, or that is another than that of a
    request which is pending already.
    """
    if name in NAMES and kind_of(name).window:
        return _ask_for_window(store, name, by, why, since_ms, until_ms)
    if name in NAMES:
        raise UnknownTable(f"{name} is replayed table by table; name one: d365acs replay create TABLE")
    mapping = saved(store).mapping(name)
    if since_ms is not None or until_ms is not None:
        raise ControlError(f"{name} is a table, and tables are replayed whole; leave --since and --until out.")
    workflow = store.workflow(INGRESS)
    new = workflow.replays.ask(mapping.stream, by, why)
    return Asked(name, INGRESS, "", new, _is_on(workflow))


def _ask_for_window(store: Store, name: str, by: str, why: str, since_ms: int | None, until_ms: int | None) -> Asked:
    workflow, stream, noun = store.workflow(name), _stream_of(name), f"{kind_of(name).noun}s"
    document = newest_document(workflow)
    if document is None:
        raise NoConfiguration(f"{name} has no configuration yet; save one with: d365acs config apply FILE")
    now_ms = store.now_ms()
    if document.optinout is not None:
        _check_consent(document.optinout, until_ms)
    if since_ms is not None and since_ms > now_ms:
        raise ControlError(f"--since is {moment(since_ms)}, which is still to come; name a time that is over.")
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise ControlError(
            f"Nothing lies between --since, {moment(since_ms)}, and --until, {moment(until_ms)}; the earlier time is "
            "that of --since."
        )
    new = workflow.replays.ask(stream, by, why, since_ms=since_ms, until_ms=until_ms)
    pending = workflow.replays.all()[stream]
    if not new and pending.began_ms is None and (pending.since_ms, pending.until_ms) != (since_ms, until_ms):
        other = window(pending.since_ms, pending.until_ms) or "of all times"
        raise ControlError(
            f"A replay of {name} is pending already, for {noun} {other}, and there is one at a time; take it back "
            f"first: d365acs replay cancel {name}"
        )
    warnings: tuple[str, ...] = ()
    if document.egress is not None:
        warnings = (*_not_found(document.egress, since_ms, until_ms, now_ms), *_taken_in(workflow, stream))
    elif document.optinout is not None and document.optinout.both_ways and document.optinout.poll is None and since_ms:
        warnings = ("Without polling all contacts of Dynamics are looked at, whatever --since says.",)
    return Asked(name, name, window(since_ms, until_ms), new, _is_on(workflow), warnings)


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


class Cancelled(NamedTuple):
    had_begun: bool  #: False: it was pending. True: what was read of it is written, the rest is not read
    is_on: bool  #: the workflow starts or runs


def cancel(store: Store, name: str, by: str, why: str = "") -> Cancelled:
    """Takes a pending request back; if there is none, ends the one of a workflow that is being read.

    Raises UnknownTable where none is known, ControlError for a table's that has begun, or once all is read.
    """
    workflow, stream = store.workflow(_workflow_of(name)), _stream_of(name)
    is_on = _is_on(workflow)
    if workflow.replays.cancel(stream, by, why):
        return Cancelled(False, is_on)
    replay = workflow.replays.all().get(stream)
    if replay is None:
        raise UnknownTable(f"No replay of {name} is pending; see those that are with: d365acs replay ls")
    if stream != kind_of(workflow.name).window:
        raise ControlError(f"The replay of {name} has begun and cannot be taken back; it ends by itself.")
    stage = _listed(store, workflow, stream, replay).stage
    if stage is not Stage.READING or not workflow.replays.end(stream, by, why):
        raise ControlError(
            f"No replay of {name} is pending or being read; see how far the last one came with: d365acs replay ls"
        )
    return Cancelled(True, is_on)


def replays(store: Store) -> list[Listed]:
    """By workflow and table: the pending one of each, and the one that began last; where one is pending, that only as
    long as it is under way."""
    found = []
    for name in NAMES:
        workflow = store.workflow(name)
        pending, begun = workflow.replays.both()
        for stream in sorted(pending.keys() | begun.keys()):
            last = _listed(store, workflow, stream, begun[stream]) if stream in begun else None
            if last and (stream not in pending or last.stage in (Stage.READING, Stage.WRITING)):
                found.append(last)
            if stream in pending:
                found.append(_listed(store, workflow, stream, pending[stream]))
    return found


def _listed(store: Store, workflow: WorkflowStore, stream: str, replay: Replay) -> Listed:
    kind = kind_of(workflow.name)
    name = workflow.name if stream == kind.window else stream
    if replay.began_ms is None:
        return Listed(name, workflow.name, replay, Stage.PENDING, None, 0)
    if replay.ended_ms is not None:
        return Listed(name, workflow.name, replay, Stage.ENDED, None, 0)
    waiting = int(store.redis.zcard(workflow.queue(stream).keys.replay))
    reading = kind.reading(workflow.cursor(stream), Waits(0, waiting, 0.0), None, store.now_ms())
    if reading.replayed_ms < replay.began_ms or reading.again:
        read = reading.progress.read if reading.progress and reading.replayed_ms >= replay.began_ms else None
        return Listed(name, workflow.name, replay, Stage.READING, read, waiting)
    return Listed(name, workflow.name, replay, Stage.WRITING if waiting else Stage.DONE, None, waiting)


def _workflow_of(name: str) -> str:
    return name if name in NAMES else INGRESS


def _stream_of(name: str) -> str:
    """The stream of a table, or of a workflow that is replayed by time."""
    return (kind_of(name).window if name in NAMES else None) or name


def _is_on(workflow: WorkflowStore) -> bool:
    return workflow.lifecycle.read().state in (State.STARTING, State.RUNNING)
