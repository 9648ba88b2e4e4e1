"""The lines of a file, with the place of each. A line of any length takes no more memory than the longest good one."""

from collections.abc import Callable

from sync.files.content import ContentDigest

#: The longest line that is read, bytes. Whatever is longer is passed over.
LONGEST = 1_048_576

#: Bytes of a line that is too long which are kept to be shown.
SHOWN = 4_000


class Lines:
    """Bytes in, lines out, in two steps: `block` shows what is there, `take` goes on behind it.

    Lines come without their line breaks (LF; a CR before it is part of the line). Of a last line without one nobody
    knows whether it is whole: it comes only where that is trusted.
    """

    def __init__(self, read: Callable[[], bytes], digest: ContentDigest, offset: int, number: int, whole: bool) -> None:
        """`read` gives the bytes from `offset` on, `digest` has been fed with those before; `number`: lines before;
        `whole`: whether the end is trusted."""
        self._read = read
        self.digest = digest
        self.offset = offset  #: where the next line begins, bytes
        self.number = number  #: lines before that
        self._ready: list[bytes] = []
        self._rest = b""  #: the beginning of a line whose end is still to be read
        self._skipped = 0  #: how much of a line that is too long was passed over
        self._too_long = b""  #: its beginning
        self._behind = b""  #: what follows it
        self._whole = whole
        self.is_at_end = False  #: whether all bytes were read
        self._open_end = False  #: whether the last line has no line break
        self.passed_over = False  #: whether a line that is too long stands behind those that are ready, read to its end

    @property
    def is_over(self) -> bool:
        """Whether all lines were taken."""
        return self.is_at_end and not (self._ready or self._rest or self.passed_over)

    @property
    def is_final(self) -> bool:
        """Whether no line can follow directly on those that are ready."""
        return (self.is_at_end and self._whole) or self._skipped > 0 or len(self._rest) > LONGEST

    @property
    def ready(self) -> int:
        """How many lines were read and not taken."""
        return len(self._ready)

    def block(self, most: int, most_bytes: int) -> list[bytes]:
        """The next lines as far as they were read, at most so many; at least one, if there is any."""
        found = self._ready[:most]
        if len(found) > 1 and sum(map(len, found)) > most_bytes:
            size = 0
            for index, line in enumerate(found):
                size += len(line)
                if size > most_bytes and index:
                    return found[:index]
        return found

    def take(self, count: int) -> None:
        """Goes on behind the next `count` lines."""
        taken = b"\n".join(self._ready[:count])
        del self._ready[:count]
        if self._ready or not self._open_end:
            taken += b"\n"
        self.digest.feed(taken)
        self.offset += len(taken)
        self.number += count

    def take_too_long(self) -> bytes:
        """Goes on behind the line that was passed over, which is the next one; its beginning."""
        shown, behind = self._too_long, self._behind
        self.offset += self._skipped
        self.number += 1
        self._skipped, self._too_long, self._behind, self.passed_over = 0, b"", b"", False
        self._split(behind)
        return shown

    def go_towards(self, offset: int) -> bool:
        """Goes on behind what was read, up to a later line's beginning at most; whether it has come there. If not, more
        is to be read. Raises ValueError if no line begins there."""
        count, at = 0, self.offset
        while at < offset and count < len(self._ready):
            at += len(self._ready[count]) + 1
            count += 1
        if count:
            self.take(count)
        if not self._ready and self.passed_over and self.offset < offset:
            self.take_too_long()
            return self.go_towards(offset)
        at_end = self.is_at_end and not (self._ready or self.passed_over)
        if self.offset > offset or (self.offset < offset and at_end):
            raise ValueError("no line begins there")
        return self.offset == offset

    def fill(self) -> None:
        """Reads on. Not while lines are ready that are final, nor while one is `passed_over`."""
        if len(self._rest) > LONGEST:
            begun, self._rest = self._rest, b""
            self._too_long = begun[:SHOWN]
            self._skip(begun)
        found = self._read()
        if not found:
            self.is_at_end = True
            if self._skipped:
                self.passed_over = True
            elif self._whole and self._rest:
                self._ready.append(self._rest)
                self._rest, self._open_end = b"", True
        elif self._skipped:
            self._skip(found)
        else:
            self._split(found)

    def _split(self, found: bytes) -> None:
        lines = found.split(b"\n")
        lines[0] = self._rest + lines[0]
        self._rest = lines.pop()
        self._ready += lines

    def _skip(self, found: bytes) -> None:
        """Passes over the bytes of a line that is too long, up to its end if they hold it."""
        end = found.find(b"\n")
        passed = found if end < 0 else found[: end + 1]
        self.digest.feed(passed)
        self._skipped += len(passed)
        if end >= 0:
            self._behind, self.passed_over = found[end + 1 :], True
