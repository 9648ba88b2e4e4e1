"""A memory in bytes, compact: there is one for each contact.

    layout, flags (a bit for each), length of the version, the version in ASCII
    times of the record, the row and the profile; which profile it was, four bytes
    for each flag: a byte of values, three for its pair, its times; then what was sent, if anything is open, what may be
    written late, and what was written last
    how the profile's key is spelt, in ASCII; mostly nothing

A time is written as its distance to the one before it: 0 for none, else the zigzag distance plus one, seven bits to a
byte. Equal times, which are most, take one byte.
"""

from config.consent_flags import FLAGS, WireFlag
from sync.consent.memory import FlagMemory, Memory, Sent, Span, System, Written
from sync.consent.rule import Seen

_LAYOUT = 3
#: Of the number that says which profile it was.
_WHO_BYTES = 4
#: Of a pair's mark. Their first bit says whether anything may be written late.
_PAIR_BYTES = 3
_LATE = 1 << 23
#: The longest version that is kept, in bytes. A longer one is forgotten: then the row counts as changed.
_LONGEST_ETAG = 255

_OPTED_OUT: tuple[bool | None, ...] = (None, False, True)
_SHOWN, _OURS, _SENT, _WRITTEN = 1 << 4, 1 << 5, 1 << 6, 1 << 7
_TO_CAMPAIGN = 1 << 2
#: More writings of one value are not told apart.
_MOST = 255


class UnknownMemory(Exception):
    """The bytes are of a layout that this version does not know."""


def pack(memory: Memory) -> bytes:
    """Raises nothing; flags that have no name any more are left out."""
    writer = _Writer()
    etag = memory.etag.encode("ascii", "ignore")
    etag = etag if len(etag) <= _LONGEST_ETAG and etag.decode() == memory.etag else b""
    flags = [(bit, memory.flags[name]) for bit, name in enumerate(FLAGS) if name in memory.flags]
    writer.bytes += bytes((_LAYOUT, sum(1 << bit for bit, _ in flags), len(etag))) + etag
    writer.seen(memory.record)
    writer.time(memory.modified_ms)
    writer.time(memory.profile_modified_ms)
    writer.time(memory.profile_read_ms)
    writer.bytes += memory.who.to_bytes(_WHO_BYTES, "big")
    for _, flag in flags:
        _write_flag(writer, flag)
    return bytes(writer.bytes) + memory.spelt.encode("ascii", "ignore")


def unpack(packed: bytes) -> Memory:
    """Raises UnknownMemory."""
    if not packed or packed[0] != _LAYOUT:
        raise UnknownMemory(
            f"What is remembered of a contact is in layout {packed[:1].hex() or 'none'}, which this version does not "
            "know; use the version of d365acs that wrote it, or a later one."
        )
    bits, length = packed[1], packed[2]
    reader = _Reader(packed, 3 + length)
    record, modified = reader.seen(None), reader.time()
    profile_modified, profile_read = reader.time(), reader.time()
    who = int.from_bytes(reader.take(_WHO_BYTES), "big")
    flags: dict[WireFlag, FlagMemory] = {name: _read_flag(reader) for bit, name in enumerate(FLAGS) if bits & 1 << bit}
    etag, spelt = packed[3 : 3 + length].decode(), reader.rest().decode()
    return Memory(etag, modified, record, profile_modified, profile_read or 0, flags, who, spelt)


def _write_flag(writer: "_Writer", flag: FlagMemory) -> None:
    head = _OPTED_OUT.index(flag.dynamics.opted_out) | _OPTED_OUT.index(flag.campaign.opted_out) << 2
    head |= (_SHOWN if flag.shown else 0) | (_OURS if flag.ours else 0) | (_SENT if flag.sent else 0)
    head |= _WRITTEN if flag.written else 0
    writer.bytes.append(head)
    writer.bytes += (flag.pair | (_LATE if flag.late else 0)).to_bytes(_PAIR_BYTES, "big")
    writer.seen(flag.dynamics)
    writer.seen(flag.campaign)
    writer.time(flag.told_ms)
    if flag.ours:
        writer.time(flag.ours.first_ms)
        writer.time(flag.ours.last_ms)
    for sent in (flag.sent, flag.late):
        if sent:
            to_campaign = _TO_CAMPAIGN if sent.to is System.CAMPAIGN else 0
            writer.bytes.append(_OPTED_OUT.index(sent.opted_out) | to_campaign)
            writer.time(sent.decided_ms)
            writer.seen(sent.origin)
            writer.bytes.append(_OPTED_OUT.index(sent.origin.opted_out))
    if flag.written:
        to_campaign = _TO_CAMPAIGN if flag.written.to is System.CAMPAIGN else 0
        writer.bytes.append(_OPTED_OUT.index(flag.written.opted_out) | to_campaign)
        writer.bytes.append(min(flag.written.many, _MOST))
        writer.time(flag.written.last_ms)


def _read_flag(reader: "_Reader") -> FlagMemory:
    head, pair = reader.byte(), int.from_bytes(reader.take(_PAIR_BYTES), "big")
    dynamics, campaign = reader.seen(_OPTED_OUT[head & 3]), reader.seen(_OPTED_OUT[head >> 2 & 3])
    told = reader.time()
    ours = Span(reader.time() or 0, reader.time() or 0) if head & _OURS else None
    sent, late = (_read_sent(reader) if mark else None for mark in (head & _SENT, pair & _LATE))
    written = None
    if head & _WRITTEN:
        what, many = reader.byte(), reader.byte()
        written = Written(_to(what), bool(_OPTED_OUT[what & 3]), reader.time() or 0, many)
    return FlagMemory(dynamics, campaign, told, ours, sent, bool(head & _SHOWN), written, late, pair & ~_LATE)


def _read_sent(reader: "_Reader") -> Sent:
    what = reader.byte()
    decided, origin = reader.time() or 0, reader.seen(None)
    origin = origin._replace(opted_out=_OPTED_OUT[reader.byte()])
    return Sent(_to(what), bool(_OPTED_OUT[what & 3]), decided, origin)


def _to(what: int) -> System:
    return System.CAMPAIGN if what & _TO_CAMPAIGN else System.DYNAMICS


class _Writer:
    def __init__(self) -> None:
        self.bytes = bytearray()
        self._last = 0

    def seen(self, seen: Seen) -> None:
        """Its times; its value stands elsewhere."""
        self.time(seen.at_ms)
        self.time(seen.after_ms)

    def time(self, moment: int | None) -> None:
        if moment is None:
            self.bytes.append(0)
            return
        distance, self._last = moment - self._last, moment
        code = (distance << 1 if distance >= 0 else -distance << 1 | 1) + 1
        while code > 0x7F:
            self.bytes.append(code & 0x7F | 0x80)
            code >>= 7
        self.bytes.append(code)


class _Reader:
    def __init__(self, packed: bytes, place: int) -> None:
        self._packed = packed
        self._place = place
        self._last = 0

    def byte(self) -> int:
        self._place += 1
        return self._packed[self._place - 1]

    def take(self, length: int) -> bytes:
        self._place += length
        return self._packed[self._place - length : self._place]

    def rest(self) -> bytes:
        return self._packed[self._place :]

    def seen(self, opted_out: bool | None) -> Seen:
        return Seen(opted_out, self.time(), self.time())

    def time(self) -> int | None:
        code, shift = 0, 0
        while True:
            part = self.byte()
            code |= (part & 0x7F) << shift
            shift += 7
            if part <= 0x7F:
                break
        if code == 0:
            return None
        code -= 1
        self._last += -(code >> 1) if code & 1 else code >> 1
        return self._last
