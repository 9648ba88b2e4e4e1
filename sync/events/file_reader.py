"""Reads one file after the other, step by step: checks it, learns its columns, makes events of its rows, ends it."""

import time
from dataclasses import dataclass, field, replace

import structlog

from config.event_files import FileEvents
from connectors.errors import Malformed, NotFound, TryAgain
from connectors.sftp import Sftp
from store.files import Content, Files
from sync.events.file_content import NotWhole
from sync.events.file_folder import Folder
from sync.events.file_lines import LONGEST, Lines
from sync.events.file_open import Changed, OpenFile, is_packed
from sync.events.file_position import Ended, FilePosition, Place
from sync.events.file_rows import MOST_LINES, NO_COLUMNS, Rows, Unusable, columns_of
from sync.events.pages import RawEvent

log = structlog.get_logger()

#: A page has about so many rows, of so many bytes together.
PAGE_ROWS = 1_000
PAGE_BYTES = 1_048_576

#: How often a packed file that cannot be unpacked is tried before it is set aside.
TRIES = 5


@dataclass(slots=True)
class Making:
    """A page while it is made."""

    position: FilePosition  #: behind what was read
    deadline: float  #: when it is to be given away, time.monotonic() seconds
    timeout: float  #: seconds that the server may be silent
    events: list[RawEvent] = field(default_factory=list)
    size: int = 0  #: bytes that were read for it
    missed: list[str] = field(default_factory=list)
    has_listed: bool = False  #: whether the folder was listed for this page

    def is_due(self) -> bool:
        return len(self.events) >= PAGE_ROWS or self.size >= PAGE_BYTES or time.monotonic() > self.deadline


class FileReader:
    """Keeps the file that is being read open between steps."""

    def __init__(self, sftp: Sftp, settings: FileEvents, files: Files, folder: Folder) -> None:
        self._sftp = sftp
        self._settings = settings
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
        except Unusable as unusable:
            self._set_aside(page, place, f"The file {place.version.name} {unusable}.")
        except TryAgain:
            self.close()
            raise

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
            length = place.version.size
            if again or not self._folder.may_know(file.beginning(), length, page.position):
                self._go_on(file, page, replace(place, checked=True))
                return
        content = file.check(page.deadline)
        if content is None:
            return
        same = "" if again else self._folder.same_content(content, page.position)
        if same:
            log.info(
                "Passed over a file whose content was read before.",
                action="file_passed_over",
                file=place.version.name,
                read_as=same,
            )
            self._end(page, place, content)
        else:
            # Its bytes are used up: the next step opens it anew.
            self.close()
            page.position = replace(page.position, place=replace(place, checked=True))

    def _read(self, file: OpenFile, page: Making) -> None:
        """Rows, until the page is due or the file is over."""
        lines = file.lines(page.deadline)
        if lines is None:
            return
        while not lines.is_over:
            self._read_block(lines, file, page)
            if page.is_due():
                return
        # Two files with nothing but column names are not the same events twice.
        self._end(page, file.place, lines.digest.content() if lines.number > 1 else None)

    def _read_block(self, lines: Lines, file: OpenFile, page: Making) -> None:
        """The rows that are there, or, if none are, more bytes."""
        place, block = file.place, lines.block(PAGE_ROWS, PAGE_BYTES)
        rows = Rows(place.version.name, place.columns, self._settings)
        if lines.passed_over and not block:
            if not place.columns:
                raise Unusable(NO_COLUMNS)
            number = lines.number
            page.events.append(rows.too_long(lines.take_too_long(), number))
        elif not block:
            lines.fill()
            return
        elif not place.columns:
            lines.take(1)
            if block[0].strip():
                place = replace(place, columns=tuple(columns_of(block[0], self._settings)))
        else:
            parsed = rows.events(block, lines.number, lines.is_final and len(block) == lines.ready)
            if not parsed.lines:
                # The first row goes on behind the block, but not for ever.
                block = lines.block(MOST_LINES, LONGEST)
                parsed = rows.events(block, lines.number, False)
            if not parsed.lines and len(block) == lines.ready:
                lines.fill()
                return
            if not parsed.lines:
                parsed = rows.events(block[:1], lines.number, True)
            page.events += parsed.events
            lines.take(parsed.lines)
        page.size += lines.offset - place.offset
        blocks, chain, beginning = lines.digest.state
        place = replace(place, offset=lines.offset, line=lines.number, blocks=blocks, chain=chain, beginning=beginning)
        self._go_on(file, page, place)

    def _go_on(self, file: OpenFile, page: Making, place: Place) -> None:
        file.place = place
        page.position = replace(page.position, place=place)

    def _end(self, page: Making, place: Place, content: Content | None, aside: bool = False) -> None:
        """No more is read of this file."""
        self.close()
        log.info("Read a file to its end.", action="file_read", file=place.version.name, lines=place.line)
        if page.position.since_ms is None:
            ended = Ended(place.folder, place.version, content, aside)
            page.position = replace(page.position, place=None, ended=(*page.position.ended, ended))
        else:
            self._leave(page, place)

    def _leave(self, page: Making, place: Place) -> None:
        self.close()
        again = page.position.since_ms is not None
        page.position = replace(page.position, place=None, after=self._folder.order(place) if again else ())

    def _set_aside(self, page: Making, place: Place, sentence: str) -> None:
        log.warning("Set a file aside.", action="file_set_aside", file=place.version.name, why=sentence)
        page.events.append(RawEvent(None, place.version.name, sentence))
        self._end(page, place, None, aside=True)

    def _gone(self, page: Making, place: Place) -> None:
        """The file is not there (any more): archived by the other reading, or removed by somebody else."""
        folder = self._settings.archive_folder
        if page.position.since_ms is not None and folder is not None and place.folder != folder:
            self.close()
            page.position = replace(page.position, place=replace(place, folder=folder))
            return
        if place.offset:
            page.missed.append(
                f"The file {place.version.name} was removed before it was read to its end: "
                f"what stood behind its line {place.line:,} was not read."
            )
        self._leave(page, place)

    def _not_whole(self, page: Making, place: Place) -> None:
        self.close()
        what = f"The file {place.version.name} cannot be unpacked: it is damaged, or not whole"
        if page.position.since_ms is None and self._files.count_failure(place.version) < TRIES:
            raise Malformed("sftp", f"{what}; it will be tried again, and set aside after {TRIES} times")
        self._set_aside(page, place, f"{what}; upload it again, or remove it.")
