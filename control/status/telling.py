"""What a workflow does, in the few words of a table's cell, on every face of the product alike."""

from control.consent.words import in_doubt
from control.status.progress import Progress
from control.status.stream import StreamStatus
from control.status.workflow import WorkflowStatus
from control.words import counted, duration, listed, number

TITLES = {
    "ingress": "Dynamics 365 to Campaign",
    "egress": "Campaign to Dynamics 365",
    "optinout": "Opt-in and opt-out",
}

HELD = "held"

_PHASES = {None: "nothing yet", "full": "everything", "changes": "changes", "replay": "a replay"}


def reads(stream: StreamStatus, is_on: bool) -> str:
    """What of a stream is read at present."""
    if stream.hold and is_on:
        return HELD
    phase, comparing = _PHASES[stream.reading.phase], stream.reading.comparing
    if comparing and comparing.begun:
        phase = "compares keys"
    pending = stream.replay is not None and stream.replay.began_ms is None
    return f"{phase}, replay pending" if pending else phase


def waits_for_writing(stream: StreamStatus, is_on: bool) -> bool:
    """Whether its reading waits in the normal course of a long run: as much is to be written as may be read ahead. What
    is held is told with its remedy, and of what is off nothing is read."""
    return stream.reading_waits and is_on and stream.hold is None


def revision(status: WorkflowStatus) -> str:
    """Which configuration runs, and which is saved."""
    if not status.newest_revision:
        return "none saved"
    if status.active_revision is None:
        return f"{status.newest_revision} saved, none active yet"
    if status.newest_revision == status.active_revision:
        return f"{status.active_revision}"
    return f"{status.active_revision} active, {status.newest_revision} saved"


def processes(status: WorkflowStatus) -> str:
    presence = status.presence
    return (
        f"{counted(presence.workers, 'worker')} ({counted(presence.slots, 'slot')}), {counted(presence.beats, 'beat')}"
    )


def facts_of(status: WorkflowStatus) -> list[tuple[str, str]]:
    """What is known of a workflow beyond its state and its numbers."""
    ticked = status.presence.ticked_seconds
    found = [
        ("Generation", str(status.generation)),
        ("Revision", revision(status)),
        ("Processes", processes(status)),
        ("Last tick", "never" if ticked is None else f"{duration(max(0.0, ticked))} ago"),
    ]
    if waits := _reading_waits(status):
        found.append(("Reading", waits))
    if status.engine:
        found.append(("Engine calls", f"{status.engine.today:,} today, {status.engine.period:,} in 30 days"))
    if status.consent:
        stats = status.consent.stats
        found.append(("Decisions", f"{stats.kept:,} kept, {stats.open:,} open; {in_doubt(stats):,} ever in doubt"))
    if status.files:
        found.append(("Files", status.files.sentence))
    if status.freshness:
        found.append(("Freshness", status.freshness.sentence))
    return found


def _reading_waits(status: WorkflowStatus) -> str:
    """For what it waits in the normal course of a long run; empty if it does not."""
    full = [
        f"{counted(stream.backlog + stream.parked, status.kind.noun)} of {stream.stream}"
        for stream in status.streams
        if waits_for_writing(stream, status.is_on)
    ]
    return f"waits for writing to catch up ({listed(full)})" if full else ""


def progress_words(progress: Progress) -> str:
    """12,000 of 50,000, 4 min to go."""
    read = f"{number(progress.done)} of {number(progress.expected)}" if progress.expected else number(progress.read)
    left = f", {duration(progress.remaining_seconds)} to go" if progress.remaining_seconds is not None else ""
    return f"{read}{left}"
