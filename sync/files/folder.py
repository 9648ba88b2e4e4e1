"""The folder of files: which of them are whole and not read yet, and what becomes of one that was read."""

from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import NamedTuple

import orjson
import structlog

from config.remote_files import RemoteFiles
from connectors.errors import NotFound
from connectors.sftp import RemoteFile, Sftp
from store.files import Content, Files, FileVersion, Look, ReadFile
from sync.files.known_contents import Contents
from sync.files.open_file import is_packed
from sync.files.position import Ended, FilePosition, Place
from sync.files.rows import Columns

log = structlog.get_logger()

#: Names that programs give to files which they are still writing.
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".swp", "~")

#: A folder with nothing to read is looked at so often, seconds.
LOOK_EVERY = 15.0

#: A last row without a line break may be half a row of an upload that has stalled. It is read when the file has stayed
#: the same for so many times `settled_seconds`, and for so many seconds at least.
REST_TIMES = 10
REST_SECONDS = 600


class Waiting(NamedTuple):
    places: list[Place]  #: where files are to be read, in order
    wait: float  #: seconds after which there may be more
    gone: list[Ended]  #: files that were removed before they were read
    leaving: list[tuple[FileVersion, ReadFile]]  #: files that were read, whose time has come to leave the folder


class Folder:
    """The folder of one stream. Every call raises TryAgain, Stop."""

    def __init__(self, sftp: Sftp, settings: RemoteFiles, wanted: Columns, files: Files) -> None:
        self._sftp = sftp
        self._settings = settings
        self._files = files
        self._read: dict[str, ReadFile] | None = None  #: what is remembered, as long as nobody else changes it
        self._contents: Contents | None = None
        self._settled_ms = int(settings.settled_seconds * 1000)
        self._rest_ms = max(REST_TIMES * self._settled_ms, REST_SECONDS * 1000)
        self._leave = settings.afterwards != "keep"
        # Under other settings a file that was set aside is looked at again.
        understood = [settings.delimiter, settings.quote, settings.encoding, dict(wanted.named), sorted(wanted.needed)]
        self._understood = blake2b(orjson.dumps(understood), digest_size=8).hexdigest()

    def waiting(self, position: FilePosition, timeout: float) -> Waiting:
        """What is to be read behind a position at which no file is being read."""
        found = self._sftp.files(self._settings.folder, timeout)
        read, now_ms = self._remembered(), self._files.now_ms()
        if position.since_ms is not None:
            return Waiting(self._again(position, found, read, timeout), LOOK_EVERY, [], [])
        if self._files.note_gone(read, {file.name for file in found}, now_ms, self._leave):
            self._contents = None
        versions = self._wanted(found)
        looked = self._files.looks()
        unread = [
            version
            for version in versions
            if not self._is_done(version, read.get(version.name), looked.get(version.name))
        ]
        looks = self._files.look(unread, now_ms)
        ended = {one.version for one in (*position.ended, *position.confirmed)}
        newest = max((version.mtime for version in versions), default=0)
        places, waits = [], [LOOK_EVERY * 1000]
        for version in unread:
            look = looks.there[version.name]
            # Files may have been there for long before they were looked at first; the server's own clock tells that.
            at_rest_ms = max(now_ms - look.since_ms, (newest - version.mtime) * 1000)
            wait_ms = self._rest_ms - at_rest_ms if look.held else self._settled_ms - (now_ms - look.since_ms)
            if wait_ms > 0:
                waits.append(wait_ms)
            elif version not in ended:
                place = Place.load(look.held) if look.held else Place(self._settings.folder, version)
                places.append(place.at_rest() if at_rest_ms >= self._rest_ms else place)
        leaving = []
        for version in versions:
            known = read.get(version.name)
            if known is None or not known.is_of(version) or known.leaves_ms is None or not self._leave:
                continue
            if known.leaves_ms > now_ms:
                waits.append(known.leaves_ms - now_ms)
            else:
                leaving.append((version, known))
        gone = self._gone(looks.gone, found, now_ms, ended)
        return Waiting(sorted(places, key=self.order), min(waits) / 1000, gone, leaving)

    def _gone(
        self, looks: dict[str, Look], found: list[RemoteFile], now_ms: int, ended: set[FileVersion]
    ) -> list[Ended]:
        """Files that were whole and are no longer there, neither under their own names nor under others."""
        there, same = {file.name for file in found}, {file[1:] for file in found}
        gone, of_no_interest = [], []
        for name, look in looks.items():
            version = FileVersion(name, look.size, look.mtime)
            settled = now_ms - look.since_ms >= self._settled_ms
            if version in ended:
                continue
            if settled and name not in there and (look.size, look.mtime) not in same:
                held = Place.load(look.held) if look.held else None
                gone.append(Ended(self._settings.folder, version, gone=True, held=held))
            else:
                of_no_interest.append(name)
        self._files.forget_looks(of_no_interest)
        return gone

    def _again(
        self, position: FilePosition, found: list[RemoteFile], read: dict[str, ReadFile], timeout: float
    ) -> list[Place]:
        """Files to be read once more: those that were read before this was asked for, those that were put back since,
        and those of the archive. Among them are files that may be new; those are left to the reading that remembers.
        """
        assert position.since_ms is not None
        archive, contents, since_s = self._settings.archive_folder, self._known(), position.since_ms // 1000
        later = {name for name, known in read.items() if known.read_ms > position.until_ms and not known.passed_over}
        places = []
        for version in self._wanted(found):
            known = read.get(version.name)
            place = Place(self._settings.folder, version)
            if known is not None and known.is_of(version):
                if not known.aside:
                    places.append(place.at_rest())
            elif is_packed(version) or contents.has_length(version.size):
                # Put back, perhaps: its content may be known although this version of it is not.
                places.append(place)
        if archive is not None and self._sftp.file(archive, timeout) is not None:
            there = self._wanted(self._sftp.files(archive, timeout))
            places += [Place(archive, version).at_rest() for version in there]
        return [
            place
            for place in sorted(places, key=self.order)
            if place.version.mtime >= since_s and place.version.name not in later and self.order(place) > position.after
        ]

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

    def _is_done(self, version: FileVersion, known: ReadFile | None, look: Look | None) -> bool:
        if known is None or not known.is_of(version):
            return False
        # Who has it looked at anew wants a file that was set aside to be read again.
        return not known.aside or (known.aside == self._understood and not (look and look.is_of(version)))

    def same_content(self, content: Content, position: FilePosition) -> str:
        """The name of a file with this content that was read before; empty if there is none."""
        for one in (*position.ended, *position.confirmed):
            if one.content == content:
                return one.version.name
        return self._known().name(content)

    def beginnings(self, length: int, position: FilePosition) -> set[str]:
        """The `Content.beginning` of files of this length that were read before."""
        ended = [one.content for one in (*position.ended, *position.confirmed) if one.content is not None]
        return self._known().beginnings(length) | {one.beginning for one in ended if one.length == length}

    def look_anew(self) -> None:
        """Another process may have changed what is remembered."""
        self._read = self._contents = None

    def _remembered(self) -> dict[str, ReadFile]:
        if self._read is None:
            self._read = self._files.read()
        return self._read

    def _known(self) -> Contents:
        if self._contents is None:
            self._contents = Contents(self._remembered())
        return self._contents

    def finish(self, ended: Ended) -> None:
        """Remembers what has become of a file; twice does no harm."""
        if ended.gone:
            self._files.forget_looks([ended.version.name])
        elif ended.held is not None:
            self._files.hold(ended.version, ended.held.dump())
        else:
            known = self._files.remember(
                ended.version,
                ended.content,
                self._understood if ended.aside else "",
                ended.passed_over,
                self._leave and not ended.aside,
                ended.why,
            )
            self._remembered()[ended.version.name] = known
            self._known().add(ended.version.name, ended.content)

    def put_away(self, version: FileVersion, known: ReadFile, timeout: float) -> None:
        """Moves or removes a file that was read; twice does no harm."""
        path = Place(self._settings.folder, version).path
        now = self._sftp.file(path, timeout)
        if now is None or FileVersion(*now) != version:
            # It was moved or removed before, or is another version by now, which is to be read.
            return
        try:
            if self._settings.afterwards == "delete":
                self._sftp.remove(path, timeout)
                log.info("Removed a file that was read.", action="file_removed", file=version.name)
            else:
                self._archive(path, version.name, timeout)
        except NotFound:
            return
        self._remembered()[version.name] = self._files.has_left(version.name, known)

    def _archive(self, path: str, name: str, timeout: float) -> None:
        folder = self._settings.archive_folder
        assert folder is not None
        self._sftp.make_folder(folder, timeout)
        target, number = f"{folder.rstrip('/')}/{name}", 1
        while self._sftp.file(target, timeout) is not None:
            number += 1
            stem, dot, kind = name.partition(".")
            target = f"{folder.rstrip('/')}/{stem}.{number}{dot}{kind}"
        self._sftp.move(path, target, timeout)
        log.info("Moved a file that was read.", action="file_moved", file=name, to=target)
