"""The files of a stream that reads a folder: how many were read, settle, were set aside; how old the newest is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from config.document import WorkflowDocument
from config.remote_files import RemoteFiles
from control.words import counted, duration
from store.files import FileVersion, ReadFile
from store.record_queue import RecordQueue
from store.store import WorkflowStore
from sync import egress, optinout
from sync.consent.unusable import unusable_id
from sync.events.payload import unreadable_id
from sync.files.reader import whole_file

#: Seconds after which it is told that no new file has come: exports run every hour or day, and somebody should look
#: before Campaign has forgotten its logs.
STALE_SECONDS = 2 * 86_400.0


@dataclass(frozen=True, slots=True)
class FileStatus:
    stream: str
    folder: str
    read: int  #: read to their ends, in the last 30 days or still there
    settling: int  #: seen, and not read to their ends yet
    whole_seconds: float | None  #: until the first of those counts as whole; None: none settles
    aside: int  #: set aside as a whole, and still there
    newest_aside: str  #: the name of the newest of those
    why_aside: str  #: why that was set aside
    letters: int  #: dead letters that stand for whole files
    newest_seconds: float | None  #: since the newest file was last written; None: none was ever seen

    @property
    def is_stale(self) -> bool:
        return self.newest_seconds is not None and self.newest_seconds > STALE_SECONDS

    @property
    def sentence(self) -> str:
        """12 read, 1 settling (whole in 40 s), 2 set aside; the newest is of 3 min ago."""
        parts = [f"{self.read:,} read"]
        if self.settling:
            when = f" (whole in {duration(self.whole_seconds)})" if self.whole_seconds else ""
            parts.append(f"{self.settling:,} settling{when}")
        parts.append(f"{self.aside:,} set aside")
        newest = f"; the newest is of {duration(self.newest_seconds)} ago" if self.newest_seconds is not None else ""
        return f"{', '.join(parts)}{newest}"

    @property
    def aside_sentence(self) -> str:
        """4 files were set aside, the newest second_delivery_20261101.txt: it has no column externalID."""
        if self.aside == 1:
            return f"1 file was set aside, {self.newest_aside}: it {self.why_aside}"
        return f"{counted(self.aside, 'file')} were set aside, the newest {self.newest_aside}: it {self.why_aside}"

    @property
    def stale_sentence(self) -> str:
        """No new file has come for 3 d: see that the workflow of Campaign runs that exports them."""
        return (
            f"No new file has come into {self.folder} for {duration(self.newest_seconds)}: see that the workflow of "
            "Campaign runs that exports them, and that its files fit the pattern."
        )


def file_status(workflow: WorkflowStore, document: WorkflowDocument | None, now_ms: int) -> FileStatus | None:
    """None where no files are read. `document`: the configuration that runs."""
    reads = files_read_by(document) if document else None
    if reads is None:
        return None
    stream, settings, letter_of = reads
    files = workflow.files(stream)
    known, looks = files.read(), files.looks()
    # One that is looked at again, in another version or under other settings, is not set aside any more.
    aside = {name: one for name, one in known.items() if one.aside and one.gone_ms is None and name not in looks}
    newest = max(aside, key=lambda name: (aside[name].read_ms, name), default="")
    settled_ms = int(settings.settled_seconds * 1000)
    waits = [settled_ms - (now_ms - look.since_ms) for look in looks.values()]
    times = [*(one.mtime for one in known.values()), *(look.mtime for look in looks.values())]
    return FileStatus(
        stream=stream,
        folder=settings.folder,
        read=sum(not one.aside for one in known.values()),
        settling=len(looks),
        whole_seconds=min((wait / 1000 for wait in waits if wait > 0), default=None),
        aside=len(aside),
        newest_aside=newest,
        why_aside=aside[newest].why.rstrip(".") if newest else "",
        letters=_letters(workflow.queue(stream), known, letter_of),
        newest_seconds=max(0.0, now_ms / 1000 - max(times)) if times else None,
    )


class FilesRead(NamedTuple):
    stream: str
    settings: RemoteFiles
    letter_of: Callable[[str], str]  #: the id of the record that stands for a whole file


def files_read_by(document: WorkflowDocument) -> FilesRead | None:
    """What a configuration reads; None if that is no files."""
    if document.egress and document.egress.source == "files":
        return FilesRead(egress.STREAM, document.egress.files, unreadable_id)
    if document.optinout and document.optinout.files and document.optinout.reads_campaign:
        return FilesRead(optinout.STREAM, document.optinout.files, unusable_id)
    return None


def _letters(queue: RecordQueue, known: dict[str, ReadFile], letter_of: Callable[[str], str]) -> int:
    versions: list[FileVersion] = [version for one in known.values() for version in one.asides]
    return queue.dead_among([letter_of(whole_file(version)) for version in versions])
