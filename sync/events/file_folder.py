"""The folder of files: which of them are whole and not read yet, and what becomes of one that was read."""

from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import NamedTuple

import structlog

from config.event_files import FileEvents
from connectors.errors import NotFound
from connectors.sftp import RemoteFile, Sftp
from store.files import Content, Files, FileVersion, ReadFile
from sync.events.file_position import Ended, FilePosition, Place

log = structlog.get_logger()

#: Names that programs give to files which they are still writing.
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".swp", "~")

#: A folder with nothing to read is looked at so often, seconds.
LOOK_EVERY = 15.0


class Waiting(NamedTuple):
    places: list[Place]  #: the beginnings of files to be read, in order
    wait: float  #: seconds after which there may be more


class Folder:
    """The folder of one stream. Every call raises TryAgain, Stop."""

    def __init__(self, sftp: Sftp, settings: FileEvents, files: Files) -> None:
        self._sftp = sftp
        self._settings = settings
        self._files = files
        # Under other settings a file that was set aside is looked at again.
        self._understood = blake2b(
            settings.model_dump_json(include={"delimiter", "quote", "encoding", "fields"}).encode(), digest_size=8
        ).hexdigest()

    def waiting(self, position: FilePosition, timeout: float) -> Waiting:
        """What is to be read behind a position at which no file is being read."""
        found = self._sftp.files(self._settings.folder, timeout)
        if position.since_ms is not None:
            return self._again(position, found, timeout)
        read, now_ms = self._files.read(), self._files.now_ms()
        self._files.forget_gone(read, {file.name for file in found}, now_ms)
        ended = {one.version for one in (*position.ended, *position.confirmed)}
        unread = [version for version in self._wanted(found) if not self._is_done(version, read.get(version.name))]
        since = self._files.look(unread, now_ms)
        settled_ms = self._settings.settled_seconds * 1000
        whole = [version for version in unread if now_ms - since[version.name] >= settled_ms and version not in ended]
        settling = [since[version.name] + settled_ms - now_ms for version in unread if version not in whole]
        soonest = min((ms for ms in settling if ms > 0), default=LOOK_EVERY * 1000)
        places = [Place(self._settings.folder, version) for version in whole]
        return Waiting(sorted(places, key=self.order), min(soonest / 1000, LOOK_EVERY))

    def _again(self, position: FilePosition, found: list[RemoteFile], timeout: float) -> Waiting:
        """Files to be read once more: those that were read before this was asked for, and those of the archive.

        What was not read yet is left to the reading that remembers.
        """
        read, archive = self._files.read(), self._settings.archive_folder
        places = [
            Place(self._settings.folder, version)
            for version in self._wanted(found)
            if (known := read.get(version.name)) is not None and known.is_of(version) and not known.aside
        ]
        if archive is not None and self._sftp.file(archive, timeout) is not None:
            places += [Place(archive, version) for version in self._wanted(self._sftp.files(archive, timeout))]
        assert position.since_ms is not None
        since_s = position.since_ms // 1000
        later = {name for name, known in read.items() if known.read_ms > position.until_ms}
        return Waiting(
            [
                place
                for place in sorted(places, key=self.order)
                if place.version.mtime >= since_s
                and place.version.name not in later
                and self.order(place) > position.after
            ],
            LOOK_EVERY,
        )

    def order(self, place: Place) -> tuple[str | int, ...]:
        """Files are read in the order of this."""
        version = place.version
        if self._settings.order == "time":
            return version.mtime, version.name, place.folder
        return version.name, place.folder

    def _wanted(self, found: list[RemoteFile]) -> list[FileVersion]:
        return [
            FileVersion(*file)
            for file in found
            if fnmatchcase(file.name, self._settings.pattern)
            and not file.name.startswith(".")
            and not file.name.lower().endswith(UNFINISHED)
        ]

    def _is_done(self, version: FileVersion, known: ReadFile | None) -> bool:
        return known is not None and known.is_of(version) and known.aside in ("", self._understood)

    def same_content(self, content: Content, position: FilePosition) -> str:
        """The name of a file with this content that was read before; empty if there is none."""
        return next((name for name, known in self._contents(position) if known == content), "")

    def may_know(self, beginning: str, length: int, position: FilePosition) -> bool:
        """Whether a file was read before that begins like this and is as long."""
        return any((known.beginning, known.length) == (beginning, length) for _, known in self._contents(position))

    def _contents(self, position: FilePosition) -> list[tuple[str, Content]]:
        ended = [(one.version.name, one.content) for one in (*position.ended, *position.confirmed)]
        read = [(name, known.content) for name, known in self._files.read().items()]
        return [(name, content) for name, content in (*ended, *read) if content is not None]

    def finish(self, ended: Ended, timeout: float) -> None:
        """Remembers a file of which no more is read, and does what is wanted with it; twice does no harm."""
        self._files.remember(ended.version, ended.content, self._understood if ended.aside else "")
        if ended.aside or self._settings.afterwards == "keep":
            return
        now = self._sftp.file(ended.path, timeout)
        if now is None or FileVersion(*now) != ended.version:
            # It was moved or removed before, or is another version by now, which is to be read.
            return
        try:
            if self._settings.afterwards == "delete":
                self._sftp.remove(ended.path, timeout)
                log.info("Removed a file that was read.", action="file_removed", file=ended.version.name)
            else:
                self._archive(ended, timeout)
        except NotFound:
            return

    def _archive(self, ended: Ended, timeout: float) -> None:
        folder, name = self._settings.archive_folder, ended.version.name
        assert folder is not None
        self._sftp.make_folder(folder, timeout)
        target, number = f"{folder.rstrip('/')}/{name}", 1
        while self._sftp.file(target, timeout) is not None:
            number += 1
            stem, dot, kind = name.partition(".")
            target = f"{folder.rstrip('/')}/{stem}.{number}{dot}{kind}"
        self._sftp.move(ended.path, target, timeout)
        log.info("Moved a file that was read.", action="file_moved", file=name, to=target)
