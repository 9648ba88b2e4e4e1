"""A file that is open between the pages that are made of it: checked once, then read line by line from its place on."""

import time

from connectors.errors import Malformed, TryAgain
from connectors.sftp import RemoteReading, Sftp
from store.files import Content, FileVersion
from sync.files.content import BLOCK, Bytes, ContentDigest, Unpacked, beginning_of
from sync.files.lines import Lines
from sync.files.position import Place

#: After so many bytes it is looked at whether the file is still the same.
_LOOK_AGAIN = 2_097_152

#: The most bytes that are passed over in a file that is open; beyond that it is opened anew at its place.
_SKIPPED_AT_MOST = 1_048_576


class Changed(Exception):
    """The file is not the version any more that was to be read."""


def is_packed(version: FileVersion) -> bool:
    return version.name.lower().endswith(".gz")


class OpenFile:
    """A file at a place. Every call raises NotFound, Changed, NotWhole, TryAgain, Stop; after TryAgain the call may be
    made again and goes on where it was, on another connection if need be."""

    def __init__(self, sftp: Sftp, place: Place, timeout: float) -> None:
        """`timeout`: seconds that the server may be silent; may be set anew."""
        self.place = place
        self.timeout = timeout
        self._sftp = sftp
        self._remote: RemoteReading | None = None
        packed = is_packed(place.version)
        self._offset = 0 if packed else place.blocks * BLOCK
        self._since_look = 0
        self._bytes = Bytes(Unpacked(self._raw).read if packed else self._raw, self._offset)
        self._checking = ContentDigest()
        self._lines: Lines | None = None

    def close(self) -> None:
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def can_go_to(self, place: Place) -> bool:
        """Whether this place can be reached without opening the file anew; if so, it is gone to."""
        if place == self.place:
            return True
        if self._lines is None or place.whole != self.place.whole:
            return False
        if (place.path, place.version) != (self.place.path, self.place.version):
            return False
        ahead = place.offset - self._lines.offset
        # One that is not packed can be opened where it is to be read, so that what lies between is not read.
        if ahead < 0 or (ahead > _SKIPPED_AT_MOST and not is_packed(place.version)):
            return False
        self.place = place
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
        place = self.place
        if self._lines is None:
            block = place.blocks * BLOCK
            try:
                while not self._bytes.skip_towards(block):
                    if time.monotonic() > deadline:
                        return None
            except EOFError:
                raise Changed from None
            digest = ContentDigest(place.blocks, place.chain, place.beginning)
            digest.feed(self._bytes.take(place.offset - block))
            # The end of a packed file is told by its own checksum.
            whole = place.whole or is_packed(place.version)
            self._lines = Lines(self._bytes.read, digest, place.offset, place.line, whole)
        try:
            while not self._lines.go_towards(place.offset):
                self._lines.fill()
                if time.monotonic() > deadline:
                    return None
        except ValueError:
            raise Changed from None
        return self._lines

    def _raw(self) -> bytes:
        """The next bytes as they stand on the server."""
        try:
            if self._remote is None:
                self._remote = self._sftp.open(self.place.path, self._offset, self.timeout)
                if FileVersion(*self._remote.found) != self.place.version:
                    raise Changed
            found = self._remote.read(self.timeout)
            self._since_look += len(found)
            if not found or self._since_look >= _LOOK_AGAIN:
                self._since_look = 0
                if not self._remote.is_unchanged(self.timeout):
                    raise Changed
        except TryAgain:
            self.close()
            raise
        if not found and self._offset < self.place.version.size:
            self.close()
            raise Malformed("sftp", f"The file {self.place.version.name} ended before its end; it will be tried again")
        self._offset += len(found)
        return found
