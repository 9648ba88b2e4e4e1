"""Events from files on SFTP: each file once, in order, when it is whole."""

import threading
import time
from dataclasses import replace
from typing import NamedTuple

from config.event_files import FileEvents
from connectors.errors import TryAgain
from connectors.sftp import Sftp
from store.files import Files
from sync.events.file_folder import LOOK_EVERY, Folder
from sync.events.file_position import FilePosition, Place
from sync.events.file_reader import FileReader, Making
from sync.events.pages import EventPage

#: A page is given away after so many seconds, with what it has.
PAGE_SECONDS = 3.0

#: The most files that one page brings to their ends.
PAGE_FILES = 50

#: What waits in a folder is known for so long, seconds, before the folder is listed again.
LISTED_SECONDS = 5.0


class FileSource:
    """Implements `EventSource`. Make one per process and stream: the file that is being read stays open between its
    pages."""

    def __init__(self, sftp: Sftp, settings: FileEvents, files: Files) -> None:
        self._files = files
        self._folder = Folder(sftp, settings, files)
        self._reader = FileReader(sftp, settings, files, self._folder)
        self._waiting: dict[bool, Listed] = {}
        # A reader that has ended may leave a call behind that is still under way.
        self._lock = threading.Lock()
        self._last: tuple[str, EventPage] | None = None

    def beginning(self, since_ms: int | None) -> str:
        """Where the first reading begins. With a time, files that were read before are read again, those in the archive
        folder, too, as far as they were last written since then; such a reading remembers nothing and moves nothing."""
        if since_ms is None:
            return FilePosition().dump()
        return FilePosition(since_ms=since_ms, until_ms=self._files.now_ms()).dump()

    def fetch(self, position: str, timeout: float) -> EventPage:
        """The page behind a position. Files that are behind it for certain are remembered, and moved or removed where
        that is wanted. Raises TryAgain, Stop."""
        with self._lock:
            if self._last is None or self._last[0] != position:
                self._last = None
                page = self._made(position, timeout)
                if not page.events:
                    return page
                # A page that was read ahead and not used is asked for again, and the file stands behind it by now.
                self._last = position, page
            return self._last[1]

    def close(self) -> None:
        """Closes the file that is open, if there is one; the next page opens it again."""
        with self._lock:
            self._reader.close()

    def _made(self, position: str, timeout: float) -> EventPage:
        asked = FilePosition.load(position)
        for ended in asked.confirmed:
            self._folder.finish(ended, timeout)
        page = Making(
            replace(asked, ended=(), confirmed=asked.ended), time.monotonic() + min(PAGE_SECONDS, timeout / 2), timeout
        )
        wait = 0.0
        try:
            while True:
                if page.position.place is None:
                    place, wait = self._next(page)
                    if place is None:
                        break
                    page.position = replace(page.position, place=place)
                self._reader.step(page)
                if page.is_due():
                    break
        except TryAgain:
            self._waiting.clear()
            # What was read before that is good; the next call meets the same trouble first.
            if not (page.events or page.position.ended):
                raise
        behind = page.position
        more = behind != asked or behind.place is not None
        return EventPage(page.events, behind.dump(), more, 0.0 if more else wait, " ".join(page.missed))

    def _next(self, page: Making) -> tuple[Place | None, float]:
        """The beginning of the next file; None with the seconds after which there may be one."""
        if len(page.position.ended) >= PAGE_FILES:
            return None, 0.0
        again = page.position.since_ms is not None
        listed = self._waiting.get(again)
        if listed is None or not listed.places or time.monotonic() - listed.at > LISTED_SECONDS:
            if page.has_listed:
                return None, LOOK_EVERY
            listed = Listed(time.monotonic(), *self._folder.waiting(page.position, page.timeout))
            self._waiting[again], page.has_listed = listed, True
        return (listed.places.pop(0), 0.0) if listed.places else (None, listed.wait)


class Listed(NamedTuple):
    """What was found in the folder when it was looked at last."""

    at: float  #: time.monotonic() seconds
    places: list[Place]
    wait: float
