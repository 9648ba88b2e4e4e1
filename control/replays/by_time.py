"""Replays of events and of consent, which are confined by time."""

from config.egress import EgressConfig
from config.optinout import OptinoutConfig
from connectors.journal import RETENTION_SECONDS
from control.configuration import newest_document
from control.errors import ControlError, NoConfiguration
from control.kinds import kind_of
from control.replays.asked import Asked, other_pending, put
from control.replays.naming import is_on, stream_of, words
from control.together import OPTINOUT
from control.words import moment, window
from store.replays import Only
from store.store import Store, WorkflowStore
from sync.events.position import EventPosition

#: Whoever asks for all that the journal keeps need not be told that what is older by a moment is not there.
JUST_KEPT_MS = 60_000


def ask_by_time(store: Store, name: str, by: str, why: str, only: Only, now: bool) -> Asked:
    workflow, stream, noun = store.workflow(name), stream_of(name), f"{kind_of(name).noun}s"
    document = newest_document(workflow)
    if document is None:
        raise NoConfiguration(f"{name} has no configuration yet; save one with: d365acs config apply FILE")
    if document.optinout is not None:
        _check_consent(document.optinout, only.until_ms)
    new = put(workflow, stream, by, why, only)
    pending = workflow.replays.all()[stream]
    if not new and pending.began_ms is None and pending.only != only:
        raise other_pending(name, noun, words(pending.only))
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
