"""Reads one file after the other, step by step: checks it, learns its columns, reads its rows, ends it."""

import time
from dataclasses import dataclass, field, replace

import structlog

from config.remote_files import RemoteFiles
from connectors.errors import AccessDenied, Malformed, NotFound
from connectors.sftp import Sftp
from store.files import Files, FileVersion
from sync.files.content import NotWhole
from sync.files.folder import Folder
from sync.files.lines import LONGEST, Lines
from sync.files.open_file import Changed, OpenFile, is_packed
from sync.files.position import Ended, FilePosition, Place
from sync.files.rows import MOST_LINES, NO_COLUMNS, Columns, Rows, Unusable, columns_of
from sync.pages import RawRecord

log = structlog.get_logger()

#: A page has about so many rows, of so many bytes together.
PAGE_ROWS = 1_000
PAGE_BYTES = 1_048_576

#: How often a file that cannot be unpacked, or may not be read, is tried before it is set aside.
TRIES = 5


@dataclass(slots=True)
class Making:
    """A page while it is made."""

    position: FilePosition  #: behind what was read
    begun: FilePosition  #: at the beginning of the page, or of the file that it is at
    deadline: float  #: when it is to be given away, time.monotonic() seconds
    timeout: float  #: seconds that the server may be silent
    records: list[RawRecord] = field(default_factory=list)
    size: int = 0  #: bytes that were read for it
    missed: list[str] = field(default_factory=list)
    has_listed: bool = False  #: whether the folder was listed for this page

    def begin(self, place: Place) -> None:
        """Goes on with another file."""
        self.position = self.begun = replace(self.position, place=place)

    def is_empty(self) -> bool:
        """Whether nothing came of it yet."""
        return not (self.records or self.position.ended) and self.position == self.begun

    def is_due(self) -> bool:
        return len(self.records) >= PAGE_ROWS or self.size >= PAGE_BYTES or time.monotonic() > self.deadline


class FileReader:
    """Keeps the file that is being read open between steps."""

    def __init__(self, sftp: Sftp, settings: RemoteFiles, wanted: Columns, files: Files, folder: Folder) -> None:
        self._sftp = sftp
        self._settings = settings
        self._wanted = wanted
        self._files = files
        self._folder = folder
        self._file: OpenFile | None = None

    def step(self, page: Making) -> None:
        """Goes on in the file at the page's position, which there must be. Raises TryAgain, Stop."""
        place = page.position.place
        assert place is not None
        try:
            file = self._opened(place, page.timeout)
            if place.checked:
                self._read(file, page)
            else:
                self._check(file, page)
        except NotFound:
            self._gone(page, place)
        except Changed:
            log.warning(
                "A file changed while it was read; it is read anew.", action="file_changed", file=place.version.name
            )
            self._leave(page, place)
        except NotWhole:
            self._not_whole(page, place)
        except AccessDenied:
            self._denied(page, place)
        except Unusable as unusable:
            self._set_aside(page, place, f"{unusable}.")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self, place: Place, timeout: float) -> OpenFile:
        if self._file is not None and self._file.can_go_to(place):
            self._file.timeout = timeout
            return self._file
        self.close()
        self._file = OpenFile(self._sftp, place, timeout)
        return self._file

    def _check(self, file: OpenFile, page: Making) -> None:
        """Whether a packed file is whole, and whether a content was read before: then it is passed over."""
        place, again = file.place, page.position.since_ms is not None
        if not (file.is_being_checked or is_packed(place.version)):
            known = self._folder.beginnings(place.version.size, page.position)
            if (again and place.whole) or not known or file.beginning() not in known:
                self._is_new(file, page)
                return
        content = file.check(page.deadline)
        if content is None:
            return
        same = self._folder.same_content(content, page.position)
        if _may_be_new(page, place) and not same:
            self._is_new(file, page)
        elif same and not again:
            log.info(
                "Passed over a file whose content was read before.",
                action="file_passed_over",
                file=place.version.name,
                read_as=same,
            )
            self._end(page, Ended(place.folder, place.version, content, passed_over=True))
        else:
            # Its bytes are used up: the next step opens it anew.
            self.close()
            page.position = replace(page.position, place=replace(place, checked=True, whole=again or place.whole))

    def _is_new(self, file: OpenFile, page: Making) -> None:
        """Nothing with this content was read before: the reading that remembers reads it."""
        place = file.place
        if _may_be_new(page, place):
            self._leave(page, place)
        else:
            self._go_on(file, page, replace(place, checked=True))

    def _read(self, file: OpenFile, page: Making) -> None:
        """Rows, until the page is due or the file is over."""
        lines = file.lines(page.deadline)
        if lines is None:
            return
        while not lines.is_over:
            if not self._read_block(lines, file, page):
                return self._open_end(lines, file, page)
            if page.is_due():
                return
        place = file.place
        behind_columns = max(0, lines.number - 1)
        log.info("Read a file to its end.", action="file_read", file=place.version.name, lines=behind_columns)
        # Two files with nothing but column names are not the same rows twice.
        content = lines.digest.content() if lines.number > 1 else None
        self._end(page, Ended(place.folder, place.version, content))

    def _open_end(self, lines: Lines, file: OpenFile, page: Making) -> None:
        """All is read but a last row that no line break ends: half a row, perhaps, of an upload that has stalled."""
        place = file.place
        log.info(
            "Read a file up to its last row, which has no line break: it is read when the file stays as it is.",
            action="file_held",
            file=place.version.name,
            lines=max(0, lines.number - 1),
        )
        self._end(page, Ended(place.folder, place.version, held=place))

    def _read_block(self, lines: Lines, file: OpenFile, page: Making) -> bool:
        """The rows that are there, or, if none are, more bytes; whether there were any."""
        place, block = file.place, lines.block(PAGE_ROWS, PAGE_BYTES)
        rows = Rows(place.version.name, place.columns, self._settings, self._wanted.section)
        if lines.passed_over and not block:
            if not place.columns:
                raise Unusable(NO_COLUMNS)
            number = lines.number
            page.records.append(rows.too_long(lines.take_too_long(), number))
        elif not block:
            return self._read_on(lines)
        elif not place.columns:
            lines.take(1)
            if block[0].strip():
                place = replace(place, columns=tuple(columns_of(block[0], self._settings, self._wanted)))
        else:
            parsed = rows.read(block, lines.number, lines.is_final and len(block) == lines.ready)
            if not parsed.lines:
                # The first row goes on behind the block, but not for ever.
                block = lines.block(MOST_LINES, LONGEST)
                parsed = rows.read(block, lines.number, False)
            if not parsed.lines and len(block) == lines.ready:
                return self._read_on(lines)
            if not parsed.lines:
                parsed = rows.read(block[:1], lines.number, True)
            page.records += parsed.records
            lines.take(parsed.lines)
        page.size += lines.offset - place.offset
        blocks, chain, beginning = lines.digest.state
        place = replace(place, offset=lines.offset, line=lines.number, blocks=blocks, chain=chain, beginning=beginning)
        self._go_on(file, page, place)
        return True

    def _read_on(self, lines: Lines) -> bool:
        if lines.is_at_end:
            return False
        lines.fill()
        return True

    def _go_on(self, file: OpenFile, page: Making, place: Place) -> None:
        file.place = place
        page.position = replace(page.position, place=place)

    def _end(self, page: Making, ended: Ended) -> None:
        """No more is read of this file, or not for some time."""
        self.close()
        if page.position.since_ms is None:
            page.position = replace(page.position, place=None, ended=(*page.position.ended, ended))
        else:
            self._leave(page, Place(ended.folder, ended.version))

    def _leave(self, page: Making, place: Place) -> None:
        self.close()
        again = page.position.since_ms is not None
        page.position = replace(page.position, place=None, after=self._folder.order(place) if again else ())

    def _set_aside(self, page: Making, place: Place, why: str) -> None:
        """`why`: a sentence that begins behind the name of the file."""
        version = place.version
        sentence = f"The file {version.name} {why}"
        log.warning("Set a file aside.", action="file_set_aside", file=version.name, why=sentence)
        page.records.append(RawRecord(None, whole_file(version), sentence, file=version.name))
        self._end(page, Ended(place.folder, version, aside=True, why=why))

    def _gone(self, page: Making, place: Place) -> None:
        """The file is not there (any more): archived by the other reading, or removed by somebody else."""
        folder = self._settings.archive_folder
        if page.position.since_ms is not None:
            if folder is not None and place.folder != folder:
                self.close()
                page.position = replace(page.position, place=replace(place, folder=folder))
            else:
                self._leave(page, place)
            return
        page.missed.append(missed(place))
        self._end(page, Ended(place.folder, place.version, gone=True))

    def _not_whole(self, page: Making, place: Place) -> None:
        self.close()
        what = "cannot be unpacked: it is damaged, or not whole"
        if page.position.since_ms is None and self._files.count_failure(place.version) < TRIES:
            which = f"The file {place.version.name} {what}"
            raise Malformed("sftp", f"{which}; it will be tried again, and set aside after {TRIES} times")
        if _may_be_new(page, place):
            self._leave(page, place)
        else:
            self._set_aside(page, place, f"{what}; upload it again, or remove it.")

    def _denied(self, page: Making, place: Place) -> None:
        """This file may not be read, unlike others, perhaps: those go on."""
        what, name = "may not be read by our user of the server", place.version.name
        if page.position.since_ms is None and self._files.count_failure(place.version) < TRIES:
            log.warning(f"The file {name} {what}; it will be tried again.", action="file_denied", file=name)
            self._leave(page, place)
        elif _may_be_new(page, place):
            self._leave(page, place)
        else:
            self._set_aside(page, place, f"{what}; allow it there and upload the file again, or remove it.")


def _may_be_new(page: Making, place: Place) -> bool:
    """Whether this is a file in a reading of all once more that was, perhaps, never read at all."""
    return page.position.since_ms is not None and not place.whole


def whole_file(version: FileVersion) -> str:
    """Where an unreadable file is: another version of it may have to be set aside, too."""
    return f"{version.name} ({version.size} bytes, {version.mtime})"


def missed(place: Place) -> str:
    """What it means that a file is gone, of which this is the place up to which it was read."""
    name = place.version.name
    if not place.line:
        return f"The file {name} was removed before it was read."
    return (
        f"The file {name} was removed before it was read to its end: "
        f"what stood behind its line {place.line:,} was not read."
    )
