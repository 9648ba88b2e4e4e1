"""What an operator should know beyond the numbers: one sentence each, the most pressing first."""

import shlex
from collections.abc import Iterator, Sequence

from control.status.consent import ConsentStatus
from control.status.files import STALE_SECONDS
from control.status.stream import StreamStatus
from control.status.waiting import wish
from control.status.workflow import WorkflowStatus
from control.words import ago, duration, finished, window
from store.trouble import AWAITED, BESIDE

#: How long an operator is told that events were missed, or what a source has noticed. Milliseconds.
MISSED_MS = 7 * 86_400_000


def notes(status: WorkflowStatus) -> list[str]:
    return list(_notes(status))


def notes_of(statuses: Sequence[WorkflowStatus]) -> list[str]:
    """Those of all; a workflow that is not configured is nothing to worry about while another one is."""
    found = [note for status in statuses for note in notes(status)]
    if not any(status.configured for status in statuses):
        lacking = f"{statuses[0].workflow} has no" if len(statuses) == 1 else "No workflow has a"
        found.append(f"{lacking} configuration yet; save one with: d365acs config apply FILE")
    return found


def unapplied_note(status: WorkflowStatus) -> str:
    """The warning from the moment of an edit until the next stop and start."""
    return (
        f"{status.workflow}: saved changes are not running yet (revision {status.active_revision} runs, "
        f"{status.newest_revision} is saved); stop and start it to apply them."
    )


def _notes(status: WorkflowStatus) -> Iterator[str]:
    name = status.workflow
    if status.state == "FAILED":
        yield f"{name} failed: {finished(status.why)}"
    if status.absence:
        yield f"{name}: {status.absence}"
    for stream in status.streams:
        yield from _hold(status, stream)
        yield from _loading(status, stream)
    for trouble in status.told_troubles:
        # Logs are exported and people are told of a workflow that is off, too.
        if status.is_on or trouble.where in BESIDE:
            since = duration(max(0, status.at_ms - trouble.since_ms) / 1000)
            tried = f", tried {trouble.times:,} times" if trouble.times > 1 and trouble.where != AWAITED else ""
            yield f"{name} has waited for {since} {wish(trouble.where)}{tried}: {finished(trouble.sentence)}"
    if status.is_on:
        for stream in status.streams:
            yield from _comparing(name, stream)
    for stream in status.streams:
        yield from _reading(status, stream)
    if status.consent:
        yield from _consent(name, status.consent)
    if status.unapplied:
        yield unapplied_note(status)
    yield from _counts(status)


def _hold(status: WorkflowStatus, stream: StreamStatus) -> Iterator[str]:
    if stream.hold and status.is_on:
        yield (
            f"{status.workflow} holds {stream.stream}, its {status.kind.noun}s wait and none is lost: "
            f"{stream.hold.sentence.rstrip('.')}: {status.kind.mend.format(stream=stream.stream)}; "
            f"d365acs workflow restart {status.workflow}"
        )


def _loading(status: WorkflowStatus, stream: StreamStatus) -> Iterator[str]:
    """Of a workflow that is off, too: Campaign goes on with an import."""
    if load := stream.loading.under_way:
        yield f"{status.workflow}: {load.sentence(stream.stream, status.at_ms)}"
    if stream.loading.off and status.is_on:
        yield (
            f"{status.workflow} writes {stream.stream} singly until the next stop and start: "
            f"{finished(stream.loading.off)}"
        )


def _reading(status: WorkflowStatus, stream: StreamStatus) -> Iterator[str]:
    reading, name = stream.reading, status.workflow
    if stream.mapped and reading.token and (sentence := reading.token.sentence(stream.stream, name)):
        yield f"{name}: {sentence}"
    if stream.mapped and reading.unread and (sentence := reading.unread.sentence(name)):
        yield f"{name}: {sentence}"
    missed = reading.missed
    if missed and status.at_ms - missed.at_ms < MISSED_MS:
        yield f"{name}: events were missed, as was noticed {ago(missed.at_ms, status.at_ms)}: {missed.sentence}"
    for source in reading.sources:
        notice = source.notice
        if notice and status.at_ms - notice.at_ms < MISSED_MS:
            yield f"{name}: {source.name}, {ago(notice.at_ms, status.at_ms)}: {notice.sentence}"


def _consent(name: str, consent: ConsentStatus) -> Iterator[str]:
    if consent.still:
        yield consent.still
        return
    if consent.answered:
        yield f"{name}: {consent.answered}"
    if consent.clocks:
        yield f"{name}: {consent.clocks}"


def _comparing(workflow: str, stream: StreamStatus) -> Iterator[str]:
    comparing = stream.reading.comparing
    if comparing is None:
        return
    missed = f"{workflow}: deletions of {stream.stream} may have been missed"
    if comparing.begun:
        how_far = f"{comparing.fraction:.0%} done, {comparing.found:,} found"
        yield f"{missed}: its keys are compared with Dynamics, {how_far}."
    else:
        yield f"{missed}: everything is read again, then its keys are compared with Dynamics."


def _counts(status: WorkflowStatus) -> Iterator[str]:
    name = status.workflow
    if status.pending_replays:
        when = "stop and start" if status.is_on else "start"
        yield f"{name}: a replay of {_replayed(status)} is pending; it begins with the next {when}."
    if status.parked:
        way = f"; why: d365acs record explain {shlex.quote(status.parked_longest)}" if status.parked_longest else "."
        yield f"{name}: {status.kind.awaits(status.parked)} (parked){way}"
    if status.files and status.files.aside:
        yield f"{name}: {status.files.aside_sentence}."
    if status.refused:
        noun = status.kind.noun
        were = f"{noun} was" if status.refused == 1 else f"{noun}s were"
        others = ", and the others go on" if status.gets_on else ""
        if status.refused_mostly:
            others = ", most of what was read in the last hour"
        yield f"{name}: {status.refused:,} {were} refused and set aside{others}; why: d365acs dlq stats {name}"
    if status.is_on and (sentence := stale_files(status)):
        yield f"{name}: {sentence}"


def stale_files(status: WorkflowStatus) -> str | None:
    """That no file has come for long; None if one has, or no files are read."""
    files = status.files
    if files is None:
        return None
    if files.is_stale:
        return files.stale_sentence
    on_for_s = (status.at_ms - (status.since_ms or status.at_ms)) / 1000
    if files.newest_seconds is None and on_for_s > STALE_SECONDS:
        return f"No file has ever come into {files.folder}: see that the workflow of Campaign runs that exports them."
    return None


def _replayed(status: WorkflowStatus) -> str:
    """What a pending replay is of."""
    pending = status.pending_replays
    if status.kind.window is None:
        return ", ".join(pending)
    return " and ".join(f"{name} {window(one.since_ms, one.until_ms)}".rstrip() for name, one in pending.items())
