"""A workflow's status as plain data for programs: times in ISO 8601 (UTC), ages in seconds."""

from collections.abc import Sequence
from typing import Any

from control.consent.words import in_doubt
from control.status.consent import ConsentStatus
from control.status.files import FileStatus
from control.status.freshness import FreshnessStatus
from control.status.loads import LoadStatus
from control.status.notes import notes
from control.status.progress import Progress
from control.status.reading import Comparing
from control.status.stream import StreamStatus
from control.status.telling import waits_for_writing
from control.status.workflow import WorkflowStatus
from control.words import iso
from store.replays import Replay
from sync.events.position import Backfill, Missed


def as_data(status: WorkflowStatus) -> dict[str, Any]:
    """Everything that is known."""
    return {
        "workflow": status.workflow,
        "instance": status.instance,
        "state": status.state.value,
        "since": iso(status.since_ms),
        "by": status.by,
        "why": status.why,
        "generation": status.generation,
        "revision": {
            "active": status.active_revision,
            "newest": status.newest_revision or None,
            "unapplied": status.unapplied,
        },
        "backlog": status.backlog,
        "parked": status.parked,
        "oldest_seconds": _round(status.oldest_seconds),
        "set_aside": status.dead,
        "read_per_second": _round(status.rate("read")),
        "written_per_second": _round(status.rate("written")),
        "progress": _progress(status.progress),
        "engine_calls": {"today": status.engine.today, "last_30_days": status.engine.period} if status.engine else None,
        "pending_replays": list(status.pending_replays),
        "troubles": [
            {
                "where": trouble.where,
                "since": iso(trouble.since_ms),
                "times": trouble.times,
                "next_try": iso(trouble.until_ms),
                "sentence": trouble.sentence,
            }
            for trouble in status.troubles
        ],
        "workers": {
            "alive": status.presence.workers,
            "slots": status.presence.slots,
            "beats": status.presence.beats,
            "answer": status.presence.answers,
            "unserved_queues": list(status.presence.unserved),
            "last_tick_seconds": _round(status.presence.ticked_seconds),
        },
        "consent": _consent(status.consent) if status.consent else None,
        "files": _files(status.files) if status.files else None,
        "freshness": _freshness(status.freshness) if status.freshness else None,
        "streams": [_stream(stream, status.is_on) for stream in status.streams],
        "notes": notes(status),
    }


def all_data(statuses: Sequence[WorkflowStatus]) -> list[dict[str, Any]]:
    return [as_data(status) for status in statuses]


def _freshness(freshness: FreshnessStatus) -> dict[str, Any]:
    """Against its objective, over the last hour."""
    objectives, hour = freshness.objectives, freshness.hour
    return {
        "objective_seconds": objectives.freshness_seconds,
        "objective_share": objectives.share,
        "changes": hour.measured,
        "within": hour.within,
        "missed": freshness.missed,
    }


def _files(files: FileStatus) -> dict[str, Any]:
    newest = {"file": files.newest_aside, "why": files.why_aside} if files.aside else None
    return {
        "folder": files.folder,
        "read": files.read,
        "settling": files.settling,
        "whole_in_seconds": _round(files.whole_seconds),
        "set_aside": files.aside,
        "newest_set_aside": newest,
        "newest_seconds": _round(files.newest_seconds),
    }


def _consent(consent: ConsentStatus) -> dict[str, Any]:
    return {
        "moves": consent.still is None,
        "decisions": {"kept": consent.stats.kept, "open": consent.stats.open, "in_doubt": in_doubt(consent.stats)},
        "skew_ms": consent.skew_ms,
        "set_back_again": consent.answered,
    }


def _stream(stream: StreamStatus, is_on: bool) -> dict[str, Any]:
    reading, hold, replay = stream.reading, stream.hold, stream.replay
    token, backfill = reading.token, reading.backfill
    return {
        "stream": stream.stream,
        "mapped": stream.mapped,
        "waiting": stream.waiting,
        "leased": stream.leased,
        "delayed": stream.delayed,
        "parked": stream.parked,
        "set_aside": stream.dead,
        "oldest_seconds": _round(stream.oldest_seconds),
        "totals": stream.totals,
        "per_second": {what: round(value, 1) for what, value in stream.rates.items()},
        "phase": reading.phase,
        "reading_waits": waits_for_writing(stream, is_on),
        "last_read": iso(reading.read_ms),
        "comparison": _comparing(reading.comparing),
        "progress": _progress(reading.progress),
        "token_age_seconds": _round(token.age_seconds) if token else None,
        "token_life_days": token.life_days if token else None,
        "token_alarm": token.alarm.name.lower() if token else None,
        "held": {"since": iso(hold.at_ms), "sentence": hold.sentence} if hold else None,
        "import": _import(stream.loading.under_way),
        "imports_off": stream.loading.off or None,
        "sources": [
            {
                "source": source.name,
                "stands": source.stands,
                "last_change": iso(source.read_ms),
                "notice": _missed(source.notice),
            }
            for source in reading.sources
        ],
        "backfill": {**_window(backfill), "events": backfill.events} if backfill else None,
        "missed": _missed(reading.missed),
        "replay": {
            "asked": iso(replay.asked_ms),
            "by": replay.by,
            "why": replay.why,
            "began": iso(replay.began_ms),
            **_window(replay),
        }
        if replay
        else None,
    }


def _missed(missed: Missed | None) -> dict[str, Any] | None:
    return {"at": iso(missed.at_ms), "sentence": missed.sentence} if missed else None


def _window(of: Backfill | Replay) -> dict[str, str | None]:
    return {"since": iso(of.since_ms), "until": iso(of.until_ms)}


def _import(load: LoadStatus | None) -> dict[str, Any] | None:
    """A load through Campaign's file import."""
    if load is None:
        return None
    return {"file": load.file, "records": load.records, "since": iso(load.since_ms), "waits": load.waits}


def _comparing(comparing: Comparing | None) -> dict[str, Any] | None:
    """Deletions recovered by comparing keys, when no change token tells them any more."""
    if comparing is None:
        return None
    return {"begun": comparing.begun, "fraction": round(comparing.fraction, 4), "found": comparing.found}


def _progress(progress: Progress | None) -> dict[str, Any] | None:
    if progress is None:
        return None
    return {
        "read": progress.read,
        "done": progress.done,
        "expected": progress.expected,
        "fraction": None if progress.fraction is None else round(progress.fraction, 4),
        "remaining_seconds": _round(progress.remaining_seconds),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
