"""What an operator should know beyond the numbers: one sentence each, the most pressing first."""

from collections.abc import Iterator

from control.status.stream import StreamStatus
from control.status.workflow import WorkflowStatus
from control.words import duration, finished


def notes(status: WorkflowStatus) -> list[str]:
    return list(_notes(status))


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
    if status.is_on:
        for trouble in status.told_troubles:
            since = duration(max(0, status.at_ms - trouble.since_ms) / 1000)
            tried = f", tried {trouble.times:,} times" if trouble.times > 1 else ""
            yield f"{name} waits at {trouble.where} for {since}{tried}: {finished(trouble.sentence)}"
        for stream in status.streams:
            yield from _comparing(name, stream)
    for stream in status.streams:
        if stream.mapped and stream.token and (sentence := stream.token.sentence(stream.stream, name)):
            yield f"{name}: {sentence}"
    if status.unapplied:
        yield unapplied_note(status)
    if not status.newest_revision:
        yield f"{name} has no configuration yet; save one with: d365acs config apply FILE"
    yield from _counts(status)


def _hold(status: WorkflowStatus, stream: StreamStatus) -> Iterator[str]:
    if stream.hold and status.is_on:
        yield (
            f"{status.workflow} holds {stream.stream}, its records wait and none is lost: "
            f"{stream.hold.sentence.rstrip('.')}: d365acs mapping edit {stream.stream}; "
            f"d365acs workflow restart {status.workflow}"
        )


def _comparing(workflow: str, stream: StreamStatus) -> Iterator[str]:
    comparing = stream.comparing
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
        tables = ", ".join(status.pending_replays)
        when = "stop and start" if status.is_on else "start"
        yield f"{name}: a replay of {tables} is pending; it begins with the next {when}."
    if status.parked:
        one = status.parked == 1
        wait = "record waits for the record that it links" if one else "records wait for the records that they link"
        yield f"{name}: {status.parked:,} {wait} to (parked)."
    if status.dead:
        were = "record was" if status.dead == 1 else "records were"
        yield f"{name}: {status.dead:,} {were} refused and set aside; the others go on."
