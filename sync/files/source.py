"""Rows of files on SFTP: each file once, in order, when it is whole."""

import threading
import time
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import replace

from config.remote_files import RemoteFiles
from connectors.errors import Stop, TryAgain
from connectors.sftp import Sftp
from store.files import Files, FileVersion
from sync.files.folder import LOOK_EVERY, Folder, Waiting
from sync.files.position import FilePosition, Place
from sync.files.reader import FileReader, Making, missed
from sync.files.rows import Columns
from sync.pages import RawPage

#: A page is given away after so many seconds, with what it has.
PAGE_SECONDS = 3.0

#: The most files that one page brings to their ends.
PAGE_FILES = 50

#: What waits in a folder is known for so long, seconds, before the folder is listed again.
LISTED_SECONDS = 5.0


class FileSource:
    """A `RawSource`. Make one per process and stream: the file that is being read stays open between its pages."""

    def __init__(self, sftp: Sftp, settings: RemoteFiles, wanted: Columns, files: Files) -> None:
        """`wanted`: the columns that are of interest; `files`: what is remembered of files that were read."""
        self._files = files
        self._folder = Folder(sftp, settings, wanted, files)
        self._reader = FileReader(sftp, settings, wanted, files, self._folder)
        self._listed: dict[bool, Listed] = {}  #: for the reading of what is new, and for that of all once more
        # A reader that has ended may leave a call behind that is still under way.
        self._lock = threading.Lock()
        self._last: tuple[str, RawPage] | None = None
        self._behind: FilePosition | None = None  #: where the last page of what is new has led to

    def beginning(self, since_ms: int | None) -> str:
        """Where the first reading begins. With a time, files that were read before are read again, those in the archive
        folder, too, as far as they were last written since then; such a reading remembers nothing and moves nothing."""
        if since_ms is None:
            return FilePosition().dump()
        return FilePosition(since_ms=since_ms, until_ms=self._files.now_ms()).dump()

    def fetch(self, position: str, timeout: float) -> RawPage:
        """The page behind a position. Files that are behind it for certain are remembered; those that were remembered
        some seconds ago are moved or removed where that is wanted. Raises TryAgain, Stop."""
        asked = FilePosition.load(position)
        with self._lock:
            if self._last is None or self._last[0] != position:
                page = self._made(asked, timeout)
                # A page of a file's midst that was read ahead and not used is asked for again, when the file stands
                # behind it already.
                self._last = (position, page) if page.records and asked.place else None
                return page
            return self._last[1]

    def close(self) -> None:
        """Closes the file that is open, if there is one; the next page opens it again."""
        with self._lock:
            self._reader.close()

    def _made(self, asked: FilePosition, timeout: float) -> RawPage:
        if asked.since_ms is None and asked != self._behind:
            # Another process has read since, a page was not used, or Redis has lost its last second.
            self._listed.pop(False, None)
            self._folder.look_anew()
        for ended in asked.confirmed:
            self._folder.finish(ended)
        if False in self._listed:
            self._listed[False].drop({ended.version for ended in asked.confirmed})
        begun = replace(asked, ended=(), confirmed=asked.ended)
        page = Making(begun, begun, time.monotonic() + min(PAGE_SECONDS, timeout / 2), timeout)
        wait = 0.0
        try:
            while True:
                if page.position.place is None:
                    place, wait = self._next(page)
                    if place is None:
                        wait = self._put_away(page, wait)
                        break
                    page.begin(place)
                self._step(page)
                if page.is_due():
                    break
        except (TryAgain, Stop):
            self._listed.clear()
            # What was read before that is good; the next call meets the same trouble first.
            if page.is_empty():
                raise
        page.position = replace(page.position, count=asked.count + len(page.position.ended))
        if asked.since_ms is None:
            self._behind = page.position
        more = page.position != asked or page.position.place is not None
        return RawPage(page.records, page.position.dump(), more, 0.0 if more else wait, " ".join(page.missed))

    def _step(self, page: Making) -> None:
        at, listed = page.position.place, self._listed.get(False)
        self._reader.step(page)
        if at is None or listed is None or page.position.place is not None or page.position.since_ms is not None:
            return
        if at.version not in {ended.version for ended in page.position.ended}:
            # It has changed, or is tried again when the folder is listed the next time.
            listed.drop({at.version})

    def _next(self, page: Making) -> tuple[Place | None, float]:
        """The place in the next file; None with the seconds after which there may be one."""
        if len(page.position.ended) >= PAGE_FILES:
            return None, 0.0
        again = page.position.since_ms is not None
        listed = self._listed.get(again)
        if listed is not None and time.monotonic() - listed.at <= LISTED_SECONDS:
            place = listed.first(page.position)
            if place is not None:
                return place, 0.0
        if page.has_listed:
            return None, LOOK_EVERY
        listed = self._listed[again] = Listed(self._folder, self._folder.waiting(page.position, page.timeout))
        page.has_listed = True
        page.missed += [missed(gone.held or Place(gone.folder, gone.version)) for gone in listed.waiting.gone]
        page.position = replace(page.position, ended=(*page.position.ended, *listed.waiting.gone))
        return listed.first(page.position), listed.waiting.wait

    def _put_away(self, page: Making, wait: float) -> float:
        """Moves or removes what was read some seconds ago, as far as there is time; the seconds after which there is
        more to be done."""
        listed = self._listed.get(False)
        if listed is None or page.position.since_ms is not None:
            return wait
        leaving = listed.waiting.leaving
        while leaving:
            if time.monotonic() > page.deadline:
                return 0.0
            self._folder.put_away(*leaving[-1], page.timeout)
            leaving.pop()
        return wait


class Listed:
    """What was found in the folder when it was looked at last. Nothing is taken off it that is not behind the stored
    position for certain: a page may be made and never be used."""

    def __init__(self, folder: Folder, waiting: Waiting) -> None:
        self.at = time.monotonic()
        self.waiting = waiting
        self._order = folder.order
        self._places = waiting.places

    def first(self, position: FilePosition) -> Place | None:
        """The first place that is to be read behind a position."""
        if position.since_ms is not None:
            index = bisect_right(self._places, position.after, key=self._order)
            return self._places[index] if index < len(self._places) else None
        ended = {one.version for one in (*position.ended, *position.confirmed)}
        return next((place for place in self._places if place.version not in ended), None)

    def drop(self, versions: Collection[FileVersion]) -> None:
        """These are not to be read as they were found."""
        if versions:
            self._places = [place for place in self._places if place.version not in versions]
