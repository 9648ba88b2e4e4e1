"""The bytes of a file: unpacked in any pieces, with memory bounded; a digest that another process goes on with."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.files.content import BLOCK, Bytes, ContentDigest, NotWhole, Unpacked, beginning_of


def pieces(content: bytes, size: int) -> Callable[[], bytes]:
    """Gives `size` bytes at a time, nothing at the end."""
    offsets = iter(range(0, len(content) + size, size))
    return lambda: content[(offset := next(offsets, len(content))) : offset + size]


def whole(read: Callable[[], bytes]) -> bytes:
    return b"".join(iter(read, b""))


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 50), st.integers(0, 3))
def test_parts_of_a_packed_file_follow_each_other_in_any_pieces(parts: list[bytes], size: int, zeros: int) -> None:
    packed = b"".join(map(gzip.compress, parts)) + bytes(zeros)
    assert whole(Unpacked(pieces(packed, size)).read) == b"".join(parts)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_packed_file_that_lacks_its_end_is_not_whole(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(NotWhole):
        whole(Unpacked(pieces(packed[:cut], 7)).read)


def test_a_packed_file_that_was_damaged_is_not_whole() -> None:
    packed = bytearray(gzip.compress(os.urandom(10_000)))
    for at in (0, 5_000, len(packed) - 6):
        damaged = bytes(packed[:at]) + bytes([packed[at] ^ 0xFF]) + bytes(packed[at + 1 :])
        with pytest.raises(NotWhole):
            whole(Unpacked(pieces(damaged, 1_000)).read)
    with pytest.raises(NotWhole):
        whole(Unpacked(pieces(bytes(packed) + b"something else", 1_000)).read)


def test_what_is_packed_a_thousandfold_is_unpacked_in_small_pieces() -> None:
    packed = zlib.compress(bytes(50_000_000), wbits=31)
    read = Unpacked(pieces(packed, 32_768)).read
    total = 0
    while found := read():
        assert len(found) <= 262_144
        total += len(found)
    assert total == 50_000_000


def test_bytes_can_be_looked_at_before_they_are_read() -> None:
    stream = Bytes(pieces(b"0123456789", 3), offset=100)
    assert (stream.look(4), stream.offset) == (b"0123", 100)
    assert stream.take(2) == b"01"
    assert (stream.read(), stream.offset) == (b"2345", 106)
    while not stream.skip_towards(109):
        pass
    assert whole(stream.read) == b"9"
    with pytest.raises(EOFError):
        stream.skip_towards(200)


def split(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    ends = sorted(min(cut, len(content)) for cut in cuts)
    yield from (content[begin:end] for begin, end in zip([0, *ends], [*ends, len(content)], strict=True))


@given(st.integers(0, 3 * BLOCK + 10), st.lists(st.integers(0, 3 * BLOCK), max_size=5), st.integers(0, 3 * BLOCK))
def test_a_digest_is_the_same_in_any_pieces_and_after_any_interruption(size: int, cuts: list[int], stop: int) -> None:
    content = (b"%d," % size) * (size // 2 + 1)
    content = content[:size]
    # Given the digest of the whole
    at_once = ContentDigest()
    at_once.feed(content)
    # When it is fed in pieces, written down somewhere, and gone on with from the last whole block
    stop = min(stop, size)
    first = ContentDigest()
    for piece in split(content[:stop], cuts):
        first.feed(piece)
    blocks, chain, beginning = first.state
    second = ContentDigest(blocks, chain, beginning)
    for piece in split(content[blocks * BLOCK :], cuts):
        second.feed(piece)
    # Then it is the same, its length and beginning among it
    assert second.content() == at_once.content()
    assert second.content().length == size
    assert second.content().beginning == beginning_of(content[:BLOCK])


def test_contents_that_differ_anywhere_have_different_digests() -> None:
    content = bytes(BLOCK * 2 + 100)
    digests = set()
    for at in (0, BLOCK - 1, BLOCK, BLOCK * 2, BLOCK * 2 + 99):
        digest = ContentDigest()
        digest.feed(content[:at] + b"x" + content[at + 1 :])
        digests.add(digest.content().digest)
    assert len(digests) == 5
