"""Decisions about consent, as they are kept for years: what each says, and the bytes that it is kept in.

    closed:  layout 1 | how 1 | written 6 | the contact's decision before this one 10 | as open
    open:    layout 1 | length 1, contact | number | sealed if there are payload keys: facts

What is written today is read by every later version; a layout that is not known is refused by name rather than guessed,
and so is a byte too many or too few. Words that occur again and again (flags, rules, systems) take one byte each; any
other word is written out, so that a new rule never stands in the way of a decision. The paired column stands behind
them as its number in a table of the record's own; then a byte of marks, and what they stand for.
"""

import struct
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from store.ledger import field_of, id_of
from store.sealing import PayloadSeal


class Unreadable(Exception):
    """A kept decision cannot be read."""


class Confirmed(StrEnum):
    """How a decision came to its end."""

    ANSWER = "answer"  # the system that was written to said so
    READING = "reading"  # found there later, its answer having been lost
    REFUSED = "refused"  # it was not written: refused, or never sent
    UNKNOWN = "unknown"  # its answer was lost, and it is not there: written and changed since, or never written


#: What one system said of a flag: whether the contact has opted out, and since when (ms since 1970). None: not told.
Side = tuple[bool | None, int | None]


class Decision(NamedTuple):
    """What was decided about one flag of one contact, and why. Times are ms since 1970."""

    contact: str
    flag: str  #: its name in Campaign
    dynamics: Side
    campaign: Side
    skew_ms: int | None  #: how far the clocks of the two systems were apart, as measured; None: never measured
    policy: str  #: empty: consent went one way, from Campaign to Dynamics, and no policy applied
    rule: str
    winner: str
    written_to: str  #: the system that the flag was to be written to; empty: none
    decided_ms: int
    written_ms: int | None = None  #: when that was answered, or found there; None: not written, or not known yet
    confirmed: Confirmed | None = None  #: None: open, or nothing was to be written
    number: int = 0  #: its id, given by the store; later ones are larger
    closed_ms: int | None = None  #: when its end was recorded, by the store's clock; None: open
    column: str = ""  #: of Dynamics, which the flag was paired with; empty: not known
    #: The change of this side came after that moment, as far as is known; None: not before the time of its side, or not
    #: known at all. Not later than that time.
    dynamics_after_ms: int | None = None
    campaign_after_ms: int | None = None
    skew_within_ms: int | None = None  #: how far the measured `skew_ms` may be off; None: not known


#: Names a column of Dynamics by its number.
NameOf = Callable[[int], str]


def _nameless(number: int) -> str:
    return ""


class Closed(NamedTuple):
    """A closed decision, and where the contact's one before it is."""

    decision: Decision
    before: str | None


#: One byte each, by their place. Only ever added to, at the end: what was written years ago is read by it.
_WORDS = (
    *("", "dynamics", "campaign", "both"),
    *("blackList", "blackListEmail", "blackListFax", "blackListMobile", "blackListPhone", "blackListPostalMail"),
    *("blackListPushnotification", "ccpaOptOut"),
    *("documented", "most_restrictive", "newest"),
    *("equal", "campaign-newer", "dynamics-newer", "opted-out-wins", "most-restrictive", "system-wins", "one-way"),
    *("in-doubt", "neither", "untouched", "held"),
)
_CODES = {word: code for code, word in enumerate(_WORDS)}
_WRITTEN_OUT = 0xFF
_LONGEST = 0xFF
_HOWS = (Confirmed.ANSWER, Confirmed.READING, Confirmed.REFUSED, None, Confirmed.UNKNOWN)
_OPTED_OUT = (None, False, True)

#: Layouts, of which only this one exists so far.
_LAYOUT = b"A"
_MS_BYTES = 6
#: A place in the record: ms in two parts, and a number within the ms. `confirm.lua` makes it.
_PLACE = struct.Struct(">HII")
#: A seal begins with the byte 1, so no facts may.
_FACTS = 0x80
_DYNAMICS_TIME, _CAMPAIGN_TIME, _SKEW = 0x10, 0x20, 0x40
#: Marks behind the column; a decision without any of these ends there.
_DYNAMICS_AFTER, _CAMPAIGN_AFTER, _WITHIN = 1, 2, 4


def pack_open(decision: Decision, number: int, prefix: str, seal: PayloadSeal, column: int = 0) -> bytes:
    """A decision whose end is not known. `prefix`: whose record it is, authenticated by the seal; `column`: the number
    of its column, 0 if that is not known."""
    contact = field_of(decision.contact)
    if len(contact) > _LONGEST:
        raise ValueError(f"The id of a contact has at most {_LONGEST} bytes; this one has {len(contact)}.")
    bounds = _bounds(decision)
    behind = _number(column) + bounds if column or bounds else b""
    facts = seal.seal(_owner(prefix, decision.contact, number), _pack_facts(decision) + behind)
    return _LAYOUT + bytes([len(contact)]) + contact + _number(number) + facts


def unpack_open(packed: bytes, prefix: str, seal: PayloadSeal, column: NameOf = _nameless) -> Decision:
    """`column`: names a column by its number. Raises Unreadable, and UnknownKey if it was sealed with a key that is not
    listed."""
    return _unpack_open(_Reader(packed), prefix, seal, column)


def resealed(packed: bytes, prefix: str, seal: PayloadSeal) -> bytes | None:
    """An open decision, sealed as it would be now; None: it is. Raises Unreadable, UnknownKey."""
    reader = _Reader(packed)
    reader.layout()
    contact, number = reader.contact(), reader.number()
    facts, owner = reader.rest(), _owner(prefix, contact, number)
    if facts.startswith(seal.mark):
        return None
    return packed[: -len(facts)] + seal.seal(owner, seal.open(owner, facts))


def pack_closing(how: Confirmed | None, at_ms: int) -> bytes:
    """What stands in front of a decision once its end is known. None: nothing was to be written."""
    return _LAYOUT + bytes([_HOWS.index(how)]) + at_ms.to_bytes(_MS_BYTES, "big")


def unpack_closed(packed: bytes, place: str, prefix: str, seal: PayloadSeal, column: NameOf = _nameless) -> Closed:
    """`place`: where it stands in the record, "<ms>-<number>". Raises Unreadable, UnknownKey."""
    reader = _Reader(packed)
    reader.layout()
    how = reader.one_of(_HOWS)
    at_ms = reader.ms()
    before = place_of(reader.take(_PLACE.size))
    decision = _unpack_open(reader, prefix, seal, column)
    written_ms = at_ms if how in (Confirmed.ANSWER, Confirmed.READING) and decision.written_to else None
    closed_ms = int(place.partition("-")[0])
    return Closed(decision._replace(confirmed=how, written_ms=written_ms, closed_ms=closed_ms), before)


def sealed_part(packed: bytes) -> bytes:
    """What payload keys seal of a closed decision. Raises Unreadable."""
    reader = _Reader(packed)
    reader.layout()
    reader.take(1 + _MS_BYTES + _PLACE.size)
    reader.layout()
    reader.contact()
    reader.number()
    return reader.rest()


def place_of(packed: bytes) -> str | None:
    """The place that ten bytes tell, "<ms>-<number>"; None if there is none."""
    high, low, number = _PLACE.unpack(packed)
    ms = high << 32 | low
    return f"{ms}-{number}" if ms else None


def _owner(prefix: str, contact: str, number: int) -> str:
    return f"{prefix}decision:{number}:{contact}"


def _pack_facts(decision: Decision) -> bytes:
    (dynamics, dynamics_ms), (campaign, campaign_ms) = decision.dynamics, decision.campaign
    first = _FACTS | _OPTED_OUT.index(dynamics) | _OPTED_OUT.index(campaign) << 2
    packed = bytearray(decision.decided_ms.to_bytes(_MS_BYTES, "big"))
    for mark, at_ms in ((_DYNAMICS_TIME, dynamics_ms), (_CAMPAIGN_TIME, campaign_ms)):
        if at_ms is not None:
            first |= mark
            packed += _signed(decision.decided_ms - at_ms)
    if decision.skew_ms is not None:
        first |= _SKEW
        packed += _signed(decision.skew_ms)
    for word in (decision.flag, decision.policy, decision.rule, decision.winner, decision.written_to):
        packed += _word(word)
    return bytes([first]) + packed


def _bounds(decision: Decision) -> bytes:
    marks, packed = 0, b""
    afters = (_DYNAMICS_AFTER, decision.dynamics_after_ms), (_CAMPAIGN_AFTER, decision.campaign_after_ms)
    for mark, after_ms in afters:
        if after_ms is not None:
            marks |= mark
            packed += _signed(decision.decided_ms - after_ms)
    if decision.skew_within_ms is not None:
        marks |= _WITHIN
        packed += _number(decision.skew_within_ms)
    return bytes([marks]) + packed if marks else b""


def _unpack_open(outer: "_Reader", prefix: str, seal: PayloadSeal, column: NameOf) -> Decision:
    outer.layout()
    contact = outer.contact()
    number = outer.number()
    reader = _Reader(seal.open(_owner(prefix, contact, number), outer.rest()))
    first = reader.byte()
    if not first & _FACTS:
        raise Unreadable(_DAMAGED)
    dynamics, campaign = (_opted_out(first >> shift & 3) for shift in (0, 2))
    decided_ms = reader.ms()
    dynamics_ms, campaign_ms = (
        decided_ms - reader.signed() if first & mark else None for mark in (_DYNAMICS_TIME, _CAMPAIGN_TIME)
    )
    skew_ms = reader.signed() if first & _SKEW else None
    flag, policy, rule, winner, written_to = (reader.word() for _ in range(5))
    numbered, marks = _column_and_marks(reader)
    dynamics_after = decided_ms - reader.signed() if marks & _DYNAMICS_AFTER else None
    campaign_after = decided_ms - reader.signed() if marks & _CAMPAIGN_AFTER else None
    within_ms = reader.number() if marks & _WITHIN else None
    reader.end()
    sides = (dynamics, dynamics_ms), (campaign, campaign_ms)
    made = Decision(
        contact,
        flag,
        *sides,
        skew_ms,
        policy,
        rule,
        winner,
        written_to,
        decided_ms,
        number=number,
        column=column(numbered),
    )
    return made._replace(dynamics_after_ms=dynamics_after, campaign_after_ms=campaign_after, skew_within_ms=within_ms)


def _column_and_marks(reader: "_Reader") -> tuple[int, int]:
    """The number of the column, 0 if it is not known, and what follows; of early decisions neither was kept."""
    if not reader.has_more():
        return 0, 0
    numbered = reader.number()
    marks = reader.byte() if reader.has_more() else None
    if marks is None and numbered:
        return numbered, 0
    if not marks or marks & ~(_DYNAMICS_AFTER | _CAMPAIGN_AFTER | _WITHIN):
        raise Unreadable(_DAMAGED)
    return numbered, marks


def _opted_out(code: int) -> bool | None:
    if code >= len(_OPTED_OUT):
        raise Unreadable(_DAMAGED)
    return _OPTED_OUT[code]


def _word(word: str) -> bytes:
    code = _CODES.get(word)
    if code is not None:
        return bytes([code])
    text = word.encode()
    if len(text) > _LONGEST:
        raise ValueError(f"A word of a decision has at most {_LONGEST} bytes; this one has {len(text)}.")
    return bytes([_WRITTEN_OUT, len(text)]) + text


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    packed = bytearray()
    while value > 0x7F:
        packed.append(value & 0x7F | 0x80)
        value >>= 7
    packed.append(value)
    return bytes(packed)


def _signed(value: int) -> bytes:
    return _number(value << 1 if value >= 0 else ~value << 1 | 1)


_DAMAGED = "A kept decision is damaged; restore Redis from a backup, or remove this entry."


class _Reader:
    def __init__(self, packed: bytes) -> None:
        self._packed, self._at = packed, 0

    def take(self, length: int) -> bytes:
        taken = self._packed[self._at : self._at + length]
        if len(taken) < length:
            raise Unreadable(_DAMAGED)
        self._at += length
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._packed) - self._at)

    def has_more(self) -> bool:
        return self._at < len(self._packed)

    def end(self) -> None:
        if self._at != len(self._packed):
            raise Unreadable(_DAMAGED)

    def byte(self) -> int:
        return self.take(1)[0]

    def layout(self) -> None:
        layout = self.take(1)
        if layout != _LAYOUT:
            raise Unreadable(
                f"A decision is kept in the layout {layout!r}, which this version does not know; "
                "use the version of d365acs that wrote it, or a later one."
            )

    def one_of(self, hows: tuple[Confirmed | None, ...]) -> Confirmed | None:
        code = self.byte()
        if code >= len(hows):
            raise Unreadable(_DAMAGED)
        return hows[code]

    def ms(self) -> int:
        return int.from_bytes(self.take(_MS_BYTES), "big")

    def contact(self) -> str:
        try:
            return id_of(self.take(self.byte()))
        except UnicodeDecodeError:
            raise Unreadable(_DAMAGED) from None

    def number(self) -> int:
        value = shift = 0
        while (byte := self.byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def signed(self) -> int:
        value = self.number()
        return ~(value >> 1) if value & 1 else value >> 1

    def word(self) -> str:
        code = self.byte()
        if code == _WRITTEN_OUT:
            try:
                return self.take(self.byte()).decode()
            except UnicodeDecodeError:
                raise Unreadable(_DAMAGED) from None
        if code >= len(_WORDS):
            raise Unreadable(
                f"A decision holds the word number {code}, which this version does not know; "
                "use the version of d365acs that wrote it, or a later one."
            )
        return _WORDS[code]
