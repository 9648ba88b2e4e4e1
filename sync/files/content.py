"""The bytes of a file as they stand in it: unpacked where it is packed, and told from other contents by a digest."""

import zlib
from collections.abc import Callable
from hashlib import blake2b

from store.files import Content

#: Bytes after which the digest can be written down and gone on with: what a reader that goes on reads twice at most.
BLOCK = 32_768

#: Bytes that are unpacked at once; 32 kB of gzip can hold a thousand times as much.
_UNPACKED_AT_ONCE = 262_144
_GZIP = 16 + zlib.MAX_WBITS


class NotWhole(Exception):
    """A packed file is damaged, or its end is missing."""


class Bytes:
    """A stream of bytes that can be looked at before it is read. `read` gives the next ones, nothing at the end."""

    def __init__(self, read: Callable[[], bytes], offset: int = 0) -> None:
        self._read = read
        self._looked_at = b""
        self.offset = offset  #: of the next byte

    def read(self) -> bytes:
        found = self._looked_at or self._read()
        self._looked_at = b""
        self.offset += len(found)
        return found

    def look(self, length: int) -> bytes:
        """The next bytes, `length` of them if there are so many; they are still to be read."""
        while len(self._looked_at) < length:
            more = self._read()
            if not more:
                break
            self._looked_at += more
        return self._looked_at[:length]

    def take(self, length: int) -> bytes:
        """Reads the next bytes, `length` of them if there are so many."""
        found = self.look(length)
        self._looked_at = self._looked_at[length:]
        self.offset += len(found)
        return found

    def skip_towards(self, offset: int) -> bool:
        """Reads on, once, up to an offset at most; whether it has come there. Raises EOFError at the end."""
        missing = offset - self.offset
        if missing > 0 and not self.take(min(missing, max(len(self._looked_at), 1))):
            raise EOFError
        return self.offset == offset


class Unpacked:
    """The content of a gzip file, of one part or several. Raises NotWhole."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._packed = read
        self._part: zlib._Decompress | None = None
        self._waiting = b""

    def read(self) -> bytes:
        """The next bytes, nothing at the end. Memory is bounded, however well they are packed."""
        while True:
            packed = self._waiting or self._packed()
            self._waiting = b""
            if not packed:
                if self._part is not None:
                    raise NotWhole
                return b""
            if self._part is None:
                # RFC 1952, section 2.2: parts follow each other; some writers fill the last block up with zeros.
                packed = packed.lstrip(b"\0")
                if not packed:
                    continue
                self._part = zlib.decompressobj(_GZIP)
            try:
                found = self._part.decompress(packed, _UNPACKED_AT_ONCE)
            except zlib.error:
                raise NotWhole from None
            if self._part.eof:
                self._waiting, self._part = self._part.unused_data, None
            else:
                self._waiting = self._part.unconsumed_tail
            if found:
                return found


class ContentDigest:
    """A digest of bytes in order, which can be gone on with by another process from the last whole block."""

    def __init__(self, blocks: int = 0, chain: str = "", beginning: str = "") -> None:
        """`blocks` that were digested before, with what they left: `chain` and `beginning`."""
        self._chain = bytes.fromhex(chain)
        self._blocks = blocks
        self._beginning = beginning
        self._begin_block()

    def _begin_block(self) -> None:
        # Each block's digest begins with the one before: the last one stands for all.
        self._block = blake2b(self._chain, digest_size=16)
        self._free = BLOCK

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while len(view) >= self._free:
            self._block.update(view[: self._free])
            view = view[self._free :]
            self._chain = self._block.digest()
            self._blocks += 1
            if self._blocks == 1:
                self._beginning = self._chain.hex()
            self._begin_block()
        self._block.update(view)
        self._free -= len(view)

    @property
    def state(self) -> tuple[int, str, str]:
        """Blocks, chain and beginning: what another digest goes on with. What was fed since is to be fed again."""
        return self._blocks, self._chain.hex(), self._beginning

    def content(self) -> Content:
        """Of all that was fed."""
        digest = self._block.hexdigest()
        return Content(self._blocks * BLOCK + BLOCK - self._free, digest, self._beginning or digest)


def beginning_of(first: bytes) -> str:
    """The `Content.beginning` of a content that begins with these bytes, BLOCK of them unless it is shorter."""
    digest = ContentDigest()
    digest.feed(first)
    return digest.content().beginning
