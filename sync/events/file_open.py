"""A file that is open between the pages that are made of it: checked once, then read line by line from its place on."""

import time

from connectors.errors import Malformed
from connectors.sftp import Sftp
from store.files import Content, FileVersion
from sync.events.file_content import BLOCK, Bytes, ContentDigest, Unpacked, beginning_of
from sync.events.file_lines import Lines
from sync.events.file_position import Place

#: After so many bytes it is looked at whether the file is still the same.
_LOOK_AGAIN = 2_097_152


class Changed(Exception):
    """The file is not the version any more that was to be read."""


def is_packed(version: FileVersion) -> bool:
    return version.name.lower().endswith(".gz")


class OpenFile:
    """A file at a place. Every call raises Changed, NotWhole, TryAgain, Stop."""

    def __init__(self, sftp: Sftp, place: Place, timeout: float) -> None:
        """Raises NotFound, too. `timeout`: seconds that the server may be silent, now and later; may be set anew."""
        self.place = place
        self.timeout = timeout
        packed = is_packed(place.version)
        offset = 0 if packed else place.blocks * BLOCK
        self._remote = sftp.open(place.path, offset, timeout)
        self._left = place.version.size - offset
        self._since_look = 0
        self._bytes = Bytes(Unpacked(self._raw).read if packed else self._raw, offset)
        self._checking = ContentDigest()
        self._lines: Lines | None = None
        found = self._remote.found
        if (found.size, found.mtime) != (place.version.size, place.version.mtime):
            self.close()
            raise Changed

    def close(self) -> None:
        self._remote.close()

    def can_go_to(self, place: Place) -> bool:
        """Whether this place can be reached without opening the file anew; if so, it is gone to."""
        if place == self.place:
            return True
        if (place.path, place.version) != (self.place.path, self.place.version) or not (
            self.place.checked and place.checked
        ):
            return False
        if not is_packed(place.version) or self._bytes.offset > place.blocks * BLOCK:
            return False
        self.place, self._lines = place, None
        return True

    @property
    def is_being_checked(self) -> bool:
        """Whether a check has begun."""
        return not self.place.checked and self._bytes.offset > 0

    def beginning(self) -> str:
        """The `Content.beginning` of a file of which nothing was read yet."""
        return beginning_of(self._bytes.look(BLOCK))

    def check(self, deadline: float) -> Content | None:
        """Reads on to the end, to know the content; None if the deadline came before that."""
        while found := self._bytes.read():
            self._checking.feed(found)
            if time.monotonic() > deadline:
                return None
        return self._checking.content()

    def lines(self, deadline: float) -> Lines | None:
        """The lines from the place on; None if the deadline came before that was reached."""
        if self._lines is None:
            place, block = self.place, self.place.blocks * BLOCK
            try:
                while not self._bytes.skip_towards(block):
                    if time.monotonic() > deadline:
                        return None
            except EOFError:
                raise Changed from None
            digest = ContentDigest(place.blocks, place.chain, place.beginning)
            digest.feed(self._bytes.take(place.offset - block))
            self._lines = Lines(self._bytes.read, digest, place.offset, place.line)
        return self._lines

    def _raw(self) -> bytes:
        found = self._remote.read(self.timeout)
        self._left -= len(found)
        self._since_look += len(found)
        if not found or self._since_look >= _LOOK_AGAIN:
            self._since_look = 0
            if not self._remote.is_unchanged(self.timeout):
                raise Changed
            if not found and self._left:
                raise Malformed(
                    "sftp", f"The file {self.place.version.name} ended before its end; it will be tried again"
                )
        return found
